//! The directives and their arguments.

#![forbid(unsafe_code)]

use policy::arguments::{self, bytes, limit, number_or_off, once as parameter, split, zone_or_off};
use policy::{Allowance, Mode, Undeclared};

use crate::budget::DrainConf;
use crate::conf::{Conf, Format, Limited, RefusalStatus, Source, When};
use crate::module::{Args, LimitBody};
use nginx::{once, parse_time, ComplexValue, ConfError, Directive, InvalidStatus, Need, Status, Takes, Within};

/// All directives of the module.
pub const DIRECTIVES: &[Directive<LimitBody>] = &[
    Directive { name: c"limit_body", within: Within::Any, takes: Takes::OneToFour, set: limit_body, needs: None },
    Directive {
        name: c"limit_body_status",
        within: Within::Any,
        takes: Takes::One,
        set: limit_body_status,
        needs: LIMIT,
    },
    Directive {
        name: c"limit_body_log_level",
        within: Within::Any,
        takes: Takes::One,
        set: limit_body_log_level,
        needs: RESTRICTION,
    },
    Directive {
        name: c"limit_body_dry_run",
        within: Within::Any,
        takes: Takes::Flag,
        set: limit_body_dry_run,
        needs: RESTRICTION,
    },
    Directive {
        name: c"limit_body_timeout",
        within: Within::Any,
        takes: Takes::OneToThree,
        set: limit_body_timeout,
        needs: None,
    },
    Directive {
        name: c"limit_body_drain",
        within: Within::Any,
        takes: Takes::OneOrMore,
        set: limit_body_drain,
        needs: None,
    },
    Directive {
        name: c"limit_body_zone",
        within: Within::Any,
        takes: Takes::One,
        set: limit_body_zone,
        needs: Some(Need {
            is_there: |conf| conf.counts(),
            otherwise: "there is no \"limit_body\", \"limit_body_timeout\" or \"limit_body_drain\" for it",
        }),
    },
    Directive {
        name: c"limit_body_upstream_response",
        within: Within::Any,
        takes: Takes::Flag,
        set: limit_body_upstream_response,
        needs: Some(Need {
            is_there: |conf| conf.may_pass(),
            otherwise: "there is no \"proxy_pass\", \"fastcgi_pass\" or the like for it",
        }),
    },
    Directive {
        name: c"limit_body_metrics",
        within: Within::Location,
        takes: Takes::NoneOrOne,
        set: limit_body_metrics,
        needs: None,
    },
];

/// What the directives about a limit need to have an effect.
const LIMIT: Option<Need<LimitBody>> =
    Some(Need { is_there: |conf| conf.limits(), otherwise: "there is no \"limit_body\" for it" });

/// What directives need that are about refusals.
const RESTRICTION: Option<Need<LimitBody>> = Some(Need {
    is_there: |conf| conf.restricts(),
    otherwise: "there is no \"limit_body\" or \"limit_body_timeout\" for it",
});

/// `limit_body size [after_auth] [declared] [length=value] | off`
fn limit_body<'c>(conf: &mut Conf<'c>, args: &Args<'c>) -> Result<(), ConfError> {
    let (mut when, mut undeclared, mut length) = (None, None, None);
    for (index, argument) in (2..).zip(args.all().skip(1)) {
        match argument {
            _ if args.value() == b"off" => Err(""),
            b"after_auth" => parameter(&mut when, Ok(When::AfterAccess)),
            b"declared" => parameter(&mut undeclared, Ok(Undeclared::Refused)),
            _ if argument.starts_with(b"length=") => {
                let value = Some(args.parameter_value(index)?).filter(ComplexValue::has_variables);
                parameter(&mut length, value.ok_or("it must contain a variable"))
            }
            _ => Err(""),
        }
        .map_err(|why| ConfError::Parameter(index, why))?;
    }
    let limit = match args.value() {
        b"off" => None,
        _ => Some(Limited {
            source: source(args)?,
            when: when.unwrap_or(When::BeforeAccess),
            undeclared: undeclared.unwrap_or(Undeclared::Judged),
            length,
        }),
    };
    once(&mut conf.limit, limit)
}

fn source<'c>(args: &Args<'c>) -> Result<Source<'c>, ConfError> {
    match args.complex_value()? {
        Some(variable) => Ok(Source::Variable(variable)),
        None => limit(args.value()).map(Source::Fixed).map_err(ConfError::Invalid),
    }
}

/// `limit_body_status code`
fn limit_body_status<'c>(conf: &mut Conf<'c>, args: &Args<'c>) -> Result<(), ConfError> {
    let status = match args.complex_value()? {
        Some(variable) => RefusalStatus::Variable(variable),
        None => Status::of_refusal(args.value())
            .map(RefusalStatus::Fixed)
            .map_err(|_| ConfError::Invalid(InvalidStatus::EXPECTED))?,
    };
    once(&mut conf.status, status)
}

/// `limit_body_log_level info | notice | warn | error`
fn limit_body_log_level<'c>(conf: &mut Conf<'c>, args: &Args<'c>) -> Result<(), ConfError> {
    once(&mut conf.log_level, args.level()?)
}

/// `limit_body_dry_run on | off`
fn limit_body_dry_run<'c>(conf: &mut Conf<'c>, args: &Args<'c>) -> Result<(), ConfError> {
    let mode = if args.flag()? { Mode::DryRun } else { Mode::Enforce };
    once(&mut conf.mode, mode)
}

/// `limit_body_timeout time [rate=size [max=time]] | off`
fn limit_body_timeout<'c>(conf: &mut Conf<'c>, args: &Args<'c>) -> Result<(), ConfError> {
    if args.all().eq([b"off"]) {
        return once(&mut conf.timeout, None);
    }
    let least = time(args.value()).map_err(|_| ConfError::Invalid("it must be \"off\" or a time of at least 1ms"))?;
    let (mut rate, mut max) = (None, None);
    for (index, argument) in (2..).zip(args.all().skip(1)) {
        match split(argument) {
            (b"rate", value) => parameter(&mut rate, bytes(value).and_then(positive)),
            (b"max", value) => parameter(&mut max, time(value).and_then(|max| no_less(max, least))),
            _ => Err(""),
        }
        .map_err(|why| ConfError::Parameter(index, why))?;
        if max.is_some() && rate.is_none() {
            return Err(ConfError::Parameter(index, "it must follow \"rate\""));
        }
    }
    once(&mut conf.timeout, Some(Allowance { time: least, rate: rate.unwrap_or(0), max }))
}

/// `limit_body_drain [idle=time] [time=time] [rate=size] [bytes=size | off] [conns=number | off] [per_key=number | off]
/// [key=key] | off`
fn limit_body_drain<'c>(conf: &mut Conf<'c>, args: &Args<'c>) -> Result<(), ConfError> {
    if args.all().eq([b"off"]) {
        return once(&mut conf.drain, None);
    }
    let mut drain = DrainConf::default();
    for (index, argument) in (1..).zip(args.all()) {
        let (name, value) = split(argument);
        if let Some(read) = drain.budget.read(name, value, parse_time) {
            read.map_err(|why| ConfError::Parameter(index, why))?;
            continue;
        }
        match name {
            b"conns" => parameter(&mut drain.conns, number_or_off(value)),
            b"per_key" => parameter(&mut drain.per_key, number_or_off(value)),
            b"key" if value.is_empty() => Err("it must not be empty"),
            b"key" => {
                let value = args.parameter_value(index)?;
                parameter(&mut drain.key, Ok(value))
            }
            _ => Err(""),
        }
        .map_err(|why| ConfError::Parameter(index, why))?;
    }
    once(&mut conf.drain, Some(drain))
}

/// `limit_body_zone name | off`
fn limit_body_zone<'c>(conf: &mut Conf<'c>, args: &Args<'c>) -> Result<(), ConfError> {
    let zone = match zone_or_off(args.value()).map_err(ConfError::Invalid)? {
        Some(_) => Some(args.zone()?),
        None => None,
    };
    once(&mut conf.zone, zone)
}

/// `limit_body_upstream_response on | off`
fn limit_body_upstream_response(conf: &mut Conf, args: &Args<'_>) -> Result<(), ConfError> {
    once(&mut conf.upstream_response, args.flag()?)
}

/// `limit_body_metrics [json]`
fn limit_body_metrics<'c>(conf: &mut Conf<'c>, args: &Args<'c>) -> Result<(), ConfError> {
    let format = match args.all().next() {
        None => Format::Prometheus,
        Some(b"json") => Format::Json,
        Some(_) => return Err(ConfError::Parameter(1, "")),
    };
    match conf.metrics.replace(format) {
        Some(_) => Err(ConfError::Duplicate),
        None => {
            args.handle_content();
            Ok(())
        }
    }
}

fn time(value: &[u8]) -> Result<u64, &'static str> {
    arguments::time(parse_time(value))
}

fn positive(bytes: u64) -> Result<u64, &'static str> {
    if bytes > 0 {
        Ok(bytes)
    } else {
        Err("it must be at least 1")
    }
}

fn no_less(max: u64, time: u64) -> Result<u64, &'static str> {
    if max >= time {
        Ok(max)
    } else {
        Err("it must not be less than the time before it")
    }
}
