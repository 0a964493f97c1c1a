//! The directives, and what each of them takes.

#![forbid(unsafe_code)]

use core::str;

use policy::{InvalidSize, Limit, Mode};

use crate::conf::{Conf, Source, When};
use crate::nginx::{Args, ConfError, Directive, Level, Status, Takes};

/// All directives of the module.
pub const DIRECTIVES: &[Directive<Conf>] = &[
    Directive { name: c"limit_body", takes: Takes::OneOrTwo, set: limit_body },
    Directive { name: c"limit_body_status", takes: Takes::One, set: limit_body_status },
    Directive { name: c"limit_body_log_level", takes: Takes::One, set: limit_body_log_level },
    Directive { name: c"limit_body_dry_run", takes: Takes::Flag, set: limit_body_dry_run },
];

/// `limit_body size [after_auth] | off`
fn limit_body(conf: &mut Conf, args: &Args) -> Result<(), ConfError> {
    let limit = match (args.value(), args.parameter()) {
        (b"off", None) => None,
        (b"off", Some(_)) => return Err(ConfError::Parameter),
        (_, None) => Some((source(args)?, When::BeforeAccess)),
        (_, Some(b"after_auth")) => Some((source(args)?, When::AfterAccess)),
        (_, Some(_)) => return Err(ConfError::Parameter),
    };
    once(&mut conf.limit, limit)
}

fn source(args: &Args) -> Result<Source, ConfError> {
    match args.complex_value()? {
        Some(variable) => Ok(Source::Variable(variable)),
        None => Limit::parse(args.value()).map(Source::Fixed).map_err(invalid_size),
    }
}

fn invalid_size(error: InvalidSize) -> ConfError {
    ConfError::Invalid(match error {
        InvalidSize::Malformed => "it must be \"off\" or a size",
        InvalidSize::TooLarge => "it must be less than 2^63 bytes",
    })
}

/// `limit_body_status code`
fn limit_body_status(conf: &mut Conf, args: &Args) -> Result<(), ConfError> {
    let status = str::from_utf8(args.value())
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|code| (400..=599).contains(code))
        .and_then(Status::new)
        .ok_or(ConfError::Invalid("it must be a status from 400 to 599"))?;
    once(&mut conf.status, status)
}

/// `limit_body_log_level info | notice | warn | error`
fn limit_body_log_level(conf: &mut Conf, args: &Args) -> Result<(), ConfError> {
    let level = match args.value() {
        b"info" => Level::Info,
        b"notice" => Level::Notice,
        b"warn" => Level::Warn,
        b"error" => Level::Error,
        _ => return Err(ConfError::Invalid("it must be \"info\", \"notice\", \"warn\" or \"error\"")),
    };
    once(&mut conf.log_level, level)
}

/// `limit_body_dry_run on | off`
fn limit_body_dry_run(conf: &mut Conf, args: &Args) -> Result<(), ConfError> {
    let mode = if args.flag()? { Mode::DryRun } else { Mode::Enforce };
    once(&mut conf.mode, mode)
}

/// Sets what may be set once in a block.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), ConfError> {
    match place {
        Some(_) => Err(ConfError::Duplicate),
        None => {
            *place = Some(value);
            Ok(())
        }
    }
}
