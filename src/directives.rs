//! The directives and their arguments.

#![forbid(unsafe_code)]

use core::str;

use policy::{size, Allowance, InvalidSize, Limit, Mode, Undeclared};

use crate::budget::DrainConf;
use crate::conf::{Conf, Format, Limited, RefusalStatus, Source, When};
use crate::module::{Args, LimitBody};
use nginx::{parse_time, ConfError, Directive, InvalidStatus, Level, Need, Status, Takes, Within};

/// All directives of the module.
pub const DIRECTIVES: &[Directive<LimitBody>] = &[
    Directive { name: c"limit_body", within: Within::Any, takes: Takes::OneToThree, set: limit_body, needs: None },
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

/// `limit_body size [after_auth] [declared] | off`
fn limit_body<'c>(conf: &mut Conf<'c>, args: &Args<'c>) -> Result<(), ConfError> {
    let (mut when, mut undeclared) = (None, None);
    for (index, parameter) in (2..).zip(args.all().skip(1)) {
        match parameter {
            _ if args.value() == b"off" => Err(""),
            b"after_auth" => self::parameter(&mut when, Ok(When::AfterAccess)),
            b"declared" => self::parameter(&mut undeclared, Ok(Undeclared::Refused)),
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
        }),
    };
    once(&mut conf.limit, limit)
}

fn source<'c>(args: &Args<'c>) -> Result<Source<'c>, ConfError> {
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

/// Splits an argument into the name of a parameter and its value.
fn split(argument: &[u8]) -> (&[u8], &[u8]) {
    let end = argument.iter().position(|&byte| byte == b'=').unwrap_or(argument.len());
    let (name, value) = argument.split_at(end);
    (name, value.strip_prefix(b"=").unwrap_or(value))
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
        match name {
            b"idle" => parameter(&mut drain.idle, time(value)),
            b"time" => parameter(&mut drain.time, time(value)),
            b"rate" => parameter(&mut drain.rate, bytes(value)),
            b"bytes" => parameter(&mut drain.bytes, or_off(value, |value| bytes(value).and_then(at_least_one))),
            b"conns" => parameter(&mut drain.conns, or_off(value, number)),
            b"per_key" => parameter(&mut drain.per_key, or_off(value, number)),
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
    let zone = match str::from_utf8(args.value()) {
        Ok("off") => None,
        Ok(name) if name.contains('$') => return Err(ConfError::Invalid("it must not contain variables")),
        Ok(name) if name.contains('\0') => return Err(ConfError::Invalid("it must not contain NUL")),
        Ok(name) if has_size(name) => return Err(ConfError::Invalid("it must be a name without a size")),
        Ok(_) => Some(args.zone()?.ok_or(ConfError::Invalid("it must be 1 to 120 bytes long"))?),
        Err(_) => return Err(ConfError::Invalid("it must be UTF-8")),
    };
    once(&mut conf.zone, zone)
}

/// Returns whether a name is followed by a size, as in the `zone=name:size` of nginx's own directives.
fn has_size(name: &str) -> bool {
    name.rsplit_once(':').is_some_and(|(_, size)| size::parse(size.as_bytes()) != Err(InvalidSize::Malformed))
}

/// `limit_body_upstream_response on | off`
fn limit_body_upstream_response(conf: &mut Conf, args: &Args<'_>) -> Result<(), ConfError> {
    once(&mut conf.upstream_response, args.flag()?)
}

/// `limit_body_metrics [json]`
fn limit_body_metrics<'c>(conf: &mut Conf<'c>, args: &Args<'c>) -> Result<(), ConfError> {
    let format = match args.value() {
        b"" => Format::Prometheus,
        b"json" => Format::Json,
        _ => return Err(ConfError::Parameter(1, "")),
    };
    match conf.metrics.replace(format) {
        Some(_) => Err(ConfError::Duplicate),
        None => {
            args.handle_content();
            Ok(())
        }
    }
}

/// Sets a parameter, which may be given only once.
fn parameter<T>(place: &mut Option<T>, value: Result<T, &'static str>) -> Result<(), &'static str> {
    match place {
        Some(_) => Err("it is duplicate"),
        None => {
            *place = Some(value?);
            Ok(())
        }
    }
}

fn time(value: &[u8]) -> Result<u64, &'static str> {
    parse_time(value).filter(|&time| time > 0).ok_or("it must be a time of at least 1ms")
}

fn bytes(value: &[u8]) -> Result<u64, &'static str> {
    size::parse(value).map_err(|error| match error {
        InvalidSize::Malformed => "it must be a size",
        InvalidSize::TooLarge => "it must be less than 2^63 bytes",
    })
}

fn at_least_one(bytes: u64) -> Result<u64, &'static str> {
    if bytes > 0 {
        Ok(bytes)
    } else {
        Err("it must be at least 1, or \"off\"")
    }
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

fn number(value: &[u8]) -> Result<u32, &'static str> {
    str::from_utf8(value)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|&number| number > 0)
        .ok_or("it must be a number of at least 1, or \"off\"")
}

/// Reads a bound. `off` means no bound, even if the block around has one.
fn or_off<T>(value: &[u8], read: impl FnOnce(&[u8]) -> Result<T, &'static str>) -> Result<Option<T>, &'static str> {
    match value {
        b"off" => Ok(None),
        value => read(value).map(Some),
    }
}

/// Sets a value that may be set only once in a block.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), ConfError> {
    match place {
        Some(_) => Err(ConfError::Duplicate),
        None => {
            *place = Some(value);
            Ok(())
        }
    }
}
