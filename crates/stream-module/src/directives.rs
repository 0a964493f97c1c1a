//! The directives and their arguments.

#![forbid(unsafe_code)]

use policy::arguments::{limit, number_or_off, once as parameter, split, zone_or_off};
use policy::Mode;

use crate::conf::{Conf, DrainConf, Source};
use crate::module::{Args, LimitSession};
use nginx::{once, parse_time, ConfError, Directive, Need, Takes, Within};

/// All directives of the module.
pub const DIRECTIVES: &[Directive<LimitSession>] = &[
    Directive { name: c"limit_session", within: Within::Any, takes: Takes::One, set: limit_session, needs: None },
    Directive {
        name: c"limit_session_message",
        within: Within::Any,
        takes: Takes::One,
        set: limit_session_message,
        needs: LIMIT,
    },
    Directive {
        name: c"limit_session_log_level",
        within: Within::Any,
        takes: Takes::One,
        set: limit_session_log_level,
        needs: LIMIT,
    },
    Directive {
        name: c"limit_session_dry_run",
        within: Within::Any,
        takes: Takes::Flag,
        set: limit_session_dry_run,
        needs: LIMIT,
    },
    Directive {
        name: c"limit_session_drain",
        within: Within::Any,
        takes: Takes::OneOrMore,
        set: limit_session_drain,
        needs: None,
    },
    Directive {
        name: c"limit_session_zone",
        within: Within::Any,
        takes: Takes::One,
        set: limit_session_zone,
        needs: Some(Need {
            is_there: |conf| conf.counts(),
            otherwise: "there is no \"limit_session\" or \"limit_session_drain\" for it",
        }),
    },
];

/// What the directives about a limit need to have an effect.
const LIMIT: Option<Need<LimitSession>> =
    Some(Need { is_there: |conf| conf.limits(), otherwise: "there is no \"limit_session\" for it" });

/// `limit_session size | off`
fn limit_session<'c>(conf: &mut Conf<'c>, args: &Args<'c>) -> Result<(), ConfError> {
    let limit = match args.value() {
        b"off" => None,
        value => {
            let text = args.session_value()?;
            Some(match text.has_variables() {
                true => Source::Variable(text),
                false => Source::Fixed(limit(value).map_err(ConfError::Invalid)?),
            })
        }
    };
    once(&mut conf.limit, limit)
}

/// `limit_session_message text`
fn limit_session_message<'c>(conf: &mut Conf<'c>, args: &Args<'c>) -> Result<(), ConfError> {
    once(&mut conf.message, args.session_value()?)
}

/// `limit_session_log_level info | notice | warn | error`
fn limit_session_log_level(conf: &mut Conf<'_>, args: &Args<'_>) -> Result<(), ConfError> {
    once(&mut conf.log_level, args.level()?)
}

/// `limit_session_dry_run on | off`
fn limit_session_dry_run(conf: &mut Conf<'_>, args: &Args<'_>) -> Result<(), ConfError> {
    let mode = if args.flag()? { Mode::DryRun } else { Mode::Enforce };
    once(&mut conf.mode, mode)
}

/// `limit_session_drain [idle=time] [time=time] [rate=size] [bytes=size | off] [conns=number | off] | off`
fn limit_session_drain(conf: &mut Conf<'_>, args: &Args<'_>) -> Result<(), ConfError> {
    if args.all().eq([b"off"]) {
        return once(&mut conf.drain, None);
    }
    let mut drain = DrainConf::default();
    for (index, argument) in (1..).zip(args.all()) {
        let (name, value) = split(argument);
        let read = drain.budget.read(name, value, parse_time);
        read.unwrap_or_else(|| match name {
            b"conns" => parameter(&mut drain.conns, number_or_off(value)),
            _ => Err(""),
        })
        .map_err(|why| ConfError::Parameter(index, why))?;
    }
    once(&mut conf.drain, Some(drain))
}

/// `limit_session_zone name | off`
fn limit_session_zone<'c>(conf: &mut Conf<'c>, args: &Args<'c>) -> Result<(), ConfError> {
    let zone = match zone_or_off(args.value()).map_err(ConfError::Invalid)? {
        Some(_) => Some(args.zone()?),
        None => None,
    };
    once(&mut conf.zone, zone)
}
