//! The judge: computes the limit of a request, judges its body, and reports the judgement.
//!
//! [`begin`] judges a body, also one that is only announced, and [`go_on`] judges one of undeclared length again when more of
//! it has arrived. The decision itself is a [`Judgement`]. This file remembers and reports it, and computes the status of a
//! refusal.

#![forbid(unsafe_code)]

use policy::{Judgement, Length, Limit, Mode, Reason};

use crate::conf::{By, Conf, RefusalStatus, Rule, Source};
use crate::metrics;
use crate::module::Request;
use crate::state::{Judged, State};
use nginx::{ComplexValue, Level, Status};

/// The length of the body, as far as it is known; `None` if there is no body, or the declared length is 0. The
/// announced length of a chunk counts as seen before its data has arrived, as with nginx.
pub fn known_length(r: Request<'_>) -> Option<Length> {
    let length = r.content_length();
    if length.is_none() && r.is_chunked() {
        let seen = r.body_seen();
        return Some(if seen > 0 || r.is_body_read() { Length::Seen(seen) } else { Length::Unknown });
    }
    length.filter(|length| *length > 0).map(Length::Declared)
}

/// The length that the client declared; `None` if it declared none or 0, or the body has been dropped.
pub fn declared_length(r: Request<'_>) -> Option<Length> {
    r.declared_length().filter(|length| *length > 0).map(Length::Declared)
}

/// Returns whether the judgement of a body with this length has to be remembered. Nothing is reported of a body that is
/// within a `client_max_body_size` alone. Where there is no body, its length may be announced nevertheless.
pub fn is_of_interest(rule: &Rule<'_>, length: Option<Length>) -> bool {
    match (rule.by, rule.source, length) {
        (By::Nginx, Source::Fixed(limit), Some(length)) => !limit.allows(length),
        (.., Some(_)) => true,
        (.., None) => rule.length.is_some(),
    }
}

/// Returns whether a rule allows a body with this length. The judgement is neither remembered nor reported; only an invalid limit
/// is logged, unless it is already.
pub fn would_allow(r: Request<'_>, rule: &Rule<'_>, length: Length, is_logged: bool) -> bool {
    limit(r, rule, is_logged).is_some_and(|limit| limit.allows(length))
}

/// Computes the limit of a request, and judges its body, whose length is known to be `known`. Does nothing if there is no
/// body, and none is announced.
///
/// # Errors
///
/// The status of the refusal.
pub fn begin<'r>(r: Request<'r>, state: &State<'r>, conf: &'r Conf<'r>, known: Option<Length>) -> Result<(), Status> {
    let Some(rule) = conf.rule() else {
        return Ok(());
    };
    // Without memory to tell, it is as if the client had said nothing.
    let announcement = rule.length.and_then(|length| r.evaluate(length)).unwrap_or_default();
    let Some(length) = Length::or_announced(known, announcement) else {
        return Ok(());
    };
    // What the same rule has found elsewhere is reported already.
    let before = state.judged().filter(|before| before.conf.rule() == Some(rule)).map(|before| before.judgement);
    let is_logged = before.is_some_and(|before| before.reason() == Reason::Invalid);
    let judgement = Judgement::new(limit(r, rule, is_logged), length, rule.undeclared, rule.mode);
    let is_reported = before.is_some_and(|before| before.is_as(&judgement));
    carry_out(r, state, rule, Judged { conf, judgement }, is_reported)
}

/// Judges a body of undeclared length again, now that more of it has arrived, unless its judgement is final.
///
/// # Errors
///
/// The status of the refusal.
pub fn go_on<'r>(r: Request<'r>, state: &State<'r>, conf: &'r Conf<'r>, length: Length) -> Result<(), Status> {
    let Some(rule) = conf.rule() else {
        return Ok(());
    };
    // There is no judgement yet if another module reads the body early, or nothing was known where the request was redirected
    // to. One by a `client_max_body_size` alone does not count.
    let Some(so_far) = state.told().filter(|_| rule.by == By::LimitBody && state.is_judged_in(conf)) else {
        return begin(r, state, conf, Some(length));
    };
    match so_far.judgement.again(length, rule.mode) {
        Some(judgement) => carry_out(r, state, rule, Judged { judgement, ..so_far }, false),
        None => Ok(()),
    }
}

/// Remembers a judgement, and reports it unless it is reported already.
///
/// # Errors
///
/// The status of the refusal.
fn carry_out<'r>(
    r: Request<'r>,
    state: &State<'r>,
    rule: &Rule<'_>,
    judged: Judged<'r>,
    is_reported: bool,
) -> Result<(), Status> {
    state.set_judged(judged);
    match judged.judgement.reason() {
        Reason::Nothing | Reason::Within => Ok(()),
        Reason::TooLarge | Reason::Undeclared | Reason::Invalid => {
            object(r, state, rule, judged.judgement, is_reported)
        }
    }
}

/// Reports a body that is not within its limit, unless that is reported already, and refuses it, but for a dry run.
#[cold]
fn object(
    r: Request<'_>,
    state: &State<'_>,
    rule: &Rule<'_>,
    judgement: Judgement,
    is_reported: bool,
) -> Result<(), Status> {
    if !is_reported {
        report(r, rule, &judgement);
    }
    if !judgement.is_refusal() {
        return Ok(());
    }
    metrics::upload(state, judgement.length().bytes());
    let status = match judgement.reason() {
        Reason::Undeclared => Status::LENGTH_REQUIRED,
        Reason::Invalid => Status::INTERNAL_SERVER_ERROR,
        Reason::TooLarge | Reason::Nothing | Reason::Within => refusal_status(r, rule),
    };
    state.refusal.set(Some(status));
    Err(status)
}

/// Logs that a body is refused or, in a dry run, would be. An invalid limit has been logged already.
fn report(r: Request<'_>, rule: &Rule<'_>, judgement: &Judgement) {
    let (bytes, note) = (judgement.length().bytes(), rule.mode.note());
    match (judgement.reason(), rule.by, r.chunk_announced()) {
        (Reason::Nothing | Reason::Within | Reason::Invalid, ..) => {}
        (Reason::Undeclared, ..) => {
            r.log(rule.log_level, format_args!("client sent no length of the body{note}"));
        }
        (Reason::TooLarge, By::LimitBody, _) => {
            let most = judgement.limit().map_or(0, Limit::bytes);
            r.log(
                rule.log_level,
                format_args!("client intended to send too large body: {bytes} bytes, limit: {most}{note}"),
            );
        }
        // The lines for a `client_max_body_size` alone are the same as nginx's.
        (Reason::TooLarge, By::Nginx, Some(announced)) => {
            let received = bytes.saturating_sub(announced);
            r.log(
                rule.log_level,
                format_args!("client intended to send too large chunked body: {received}+{announced} bytes"),
            );
        }
        (Reason::TooLarge, By::Nginx, None) => {
            r.log(rule.log_level, format_args!("client intended to send too large body: {bytes} bytes"));
        }
    }
}

/// The limit for a request; `None` if the variable cannot be evaluated, or its value is not a size, which is logged unless it is
/// already.
fn limit(r: Request<'_>, rule: &Rule<'_>, is_logged: bool) -> Option<Limit> {
    let variable = match rule.source {
        Source::Fixed(limit) => return Some(limit),
        Source::Variable(variable) => variable,
    };
    let value = r.evaluate(variable)?;
    if value.is_empty() {
        return Some(rule.fallback);
    }
    let log = |error: &dyn core::fmt::Display| {
        if !is_logged {
            report_value(r, rule, variable, value, "limit_body", error);
        }
    };
    Limit::parse(value).inspect_err(|error| log(error)).ok()
}

/// The status of a refusal: 413 if the value of the variable is empty; 500 if the variable cannot be evaluated, or its
/// value is invalid, which is logged.
fn refusal_status(r: Request<'_>, rule: &Rule<'_>) -> Status {
    let variable = match rule.status {
        RefusalStatus::Fixed(status) => return status,
        RefusalStatus::Variable(variable) => variable,
    };
    match r.evaluate(variable) {
        None => Status::INTERNAL_SERVER_ERROR,
        Some([]) => Status::CONTENT_TOO_LARGE,
        Some(value) => Status::of_refusal(value).unwrap_or_else(|error| {
            report_value(r, rule, variable, value, "limit_body_status", &error);
            Status::INTERNAL_SERVER_ERROR
        }),
    }
}

/// Logs that the value of a variable is invalid.
fn report_value(
    r: Request<'_>,
    rule: &Rule<'_>,
    variable: ComplexValue<'_>,
    value: &[u8],
    directive: &str,
    why: &dyn core::fmt::Display,
) {
    let (text, value, note) = (variable.source().escape_ascii(), value.escape_ascii(), rule.mode.note());
    let level = match rule.mode {
        Mode::Enforce => Level::Error,
        Mode::DryRun => Level::Error.milder(),
    };
    r.log(level, format_args!("invalid value \"{value}\" of \"{text}\" in \"{directive}\", {why}{note}"));
}
