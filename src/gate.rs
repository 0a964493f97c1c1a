//! The gate: where nginx asks, and what it is told.
//!
//! [`before_access`] and [`after_access`] judge what the client declares, [`within_body`] what it sends, and [`before_answer`]
//! what is answered before anybody has asked. [`note`] remembers where an upload was sent to.

#![forbid(unsafe_code)]

use policy::{At, Length, Limit, Mode, Verdict};

use crate::conf::{By, Conf, RefusalStatus, Rule, Source, Undeclared, When};
use crate::module::Request;
use crate::state::{self, State};
use crate::{metrics, reject};
use nginx::{ComplexValue, Input, Level, Phase, Piece, Status};

/// Called before nginx looks for a location, and when it has found one: the upload was sent there, unless this is for the
/// page of an error.
pub fn note(r: Request<'_>) {
    if !r.is_main() {
        // What of an unbuffered body is still to come goes to another upstream, or to none.
        if r.main().is_body_torn() || r.main().is_body_discarded() {
            r.detach_body();
        }
        return;
    }
    reject::resume(r);
    if r.is_internal() && (r.is_body_torn() || r.is_body_discarded()) {
        // Nobody gets any more of it, but an upstream would be promised what is declared, or still to come.
        if r.is_post_action() {
            reject::leave_body(r);
        } else {
            reject::drop_body(r);
        }
    }
    if r.is_error_page() || !r.has_body() {
        return;
    }
    // Drains go by it, and where there are none, so will they here.
    if r.conf().terms().is_some() || r.state().is_some() {
        if let Some(state) = r.state_or_default() {
            state.sent_to.set(Some(r.conf()));
        }
    }
}

/// Called when a location is settled, before access is checked and the body is read.
pub fn before_access(r: Request<'_>) -> Phase {
    if !r.is_main() {
        return Phase::Declined;
    }
    if r.is_error_page() && judge_late(r).is_err() {
        // The answer stays, but what there is to say of the upload is said, and the page gets no body that was over a limit.
        reject::drop_body(r);
    }
    if let Some(state) = r.state() {
        state.is_due.set(true);
        if let Some((status, _)) = state.replaced.get().filter(|(_, changes)| *changes == r.uri_changes()) {
            // Whoever made the answer that a refusal was to replace has gone on as if nothing had happened.
            return Phase::Finalize(status);
        }
    }
    if r.is_error_page() {
        drop_excess(r);
        return Phase::Declined;
    }
    judge_in_advance(r, When::BeforeAccess)
}

/// Called when access is granted, before the body is read.
pub fn after_access(r: Request<'_>) -> Phase {
    if !r.is_main() || r.is_error_page() {
        return Phase::Declined;
    }
    judge_in_advance(r, When::AfterAccess)
}

fn judge_in_advance(r: Request<'_>, now: When) -> Phase {
    let Some(&rule) = r.conf().rule() else {
        return Phase::Declined;
    };
    // Other modules may have read the body before its time, or begun to discard it; but what a redirect finds so was judged
    // where that was done.
    if r.is_internal() && (r.is_body_discarded() || r.is_body_read()) {
        return Phase::Declined;
    }
    let length = if r.is_body_discarded() { declared_length(r) } else { known_length(r) };
    let Some(length) = length.filter(|length| !is_within(&rule, *length)) else {
        return Phase::Declined;
    };
    let Some(state) = r.state_or_default() else {
        return Phase::Finalize(Status::INTERNAL_SERVER_ERROR);
    };
    state.is_due.set(true);
    if rule.when != now || state.is_refused() || state.rule() == Some(rule) {
        return Phase::Declined;
    }
    match begin(r, state, r.conf(), length) {
        Ok(()) => Phase::Declined,
        Err(status) => {
            reject::drop_refused(r);
            Phase::Finalize(status)
        }
    }
}

/// Drops, before the page of an error is made, a body that its location would not have: one answer is enough, and that is
/// there.
fn drop_excess(r: Request<'_>) {
    let Some(rule) = r.conf().rule().filter(|rule| rule.mode == Mode::Enforce) else {
        return;
    };
    if !r.has_body() || r.is_body_discarded() || r.is_body_read() {
        return;
    }
    let is_welcome = r.content_length().is_some_and(|length| {
        resolve(r, rule).is_some_and(|limit| limit.judge(Length::Declared(length), rule.mode) == Verdict::Passed)
    });
    if !is_welcome {
        reject::drop_body(r);
    }
}

/// Called when a response is about to be made. Returns the status of the refusal that takes its place.
///
/// What is answered before there is a settled location, as by `return`, is judged here by its declared length. An answer that
/// is an error stays, whatever the verdict.
pub fn before_answer(r: Request<'_>) -> Option<Status> {
    if let Some(state) = r.state() {
        // If that is the refusal itself, it is made now.
        state.replaced.set(None);
    }
    let status = judge_late(r).err().filter(|_| !r.is_response_error())?;
    if let Some(state) = r.state() {
        state.replaced.set(Some((status, r.uri_changes())));
    }
    reject::drop_refused(r);
    Some(status)
}

/// Judges a request that has come to an answer before it was due to be judged, by the length that it declared.
fn judge_late(r: Request<'_>) -> Result<(), Status> {
    let is_settled = |state: &State<'_>| state.is_due.get() || state.is_refused() || state.verdict.get().is_some();
    if r.state().is_some_and(is_settled) || (r.is_internal() && r.is_body_read()) {
        return Ok(());
    }
    let conf = state::sent_to(r);
    let (Some(rule), Some(length)) = (conf.rule(), declared_length(r)) else {
        return Ok(());
    };
    if is_within(rule, length) {
        return Ok(());
    }
    let state = r.state_or_default().ok_or(Status::INTERNAL_SERVER_ERROR)?;
    begin(r, state, conf, length)
}

/// The status of the refusal that takes the place of a response, as long as that goes on all the same.
pub fn replaced_answer(r: Request<'_>) -> Option<Status> {
    r.state()?.replaced.get().map(|(status, _)| status)
}

/// The answer to a request that was refused in mid-stream, where the module that was to read its body takes no notice of that.
pub fn abandoned(r: Request<'_>) -> Option<Status> {
    r.state().filter(|state| !state.drain.is_answered()).and_then(|state| state.refusal.get())
}

/// Called for each piece of every body that nginx reads, so it is as short as can be: whether [`within_body`] is to look
/// at it. It need not where no rule holds, where the declared length has been judged, or as long as the body is within
/// the limit.
pub fn is_body_watched(r: Request<'_>) -> bool {
    match r.state_at_hand() {
        Some(state) => {
            state.unwatched.get().is_none_or(|most| most != u64::MAX && r.body_seen() > most)
                || state.drain.is_of_stream(r)
        }
        None => r.conf().rule().is_some() || r.state().is_some(),
    }
}

/// Called for each piece of a watched body.
pub fn within_body(r: Request<'_>, input: &mut Input<'_>) -> Piece {
    if r.state().is_some_and(|state| state.drain.is_of_stream(r)) {
        return linger::drop_piece(r, input);
    }
    match judge_piece(r) {
        Ok(()) => Piece::Pass,
        Err(status) => Piece::Refuse(status),
    }
}

fn judge_piece(r: Request<'_>) -> Result<(), Status> {
    let Some(&rule) = r.conf().rule() else {
        return Ok(());
    };
    // The page of an error never turns into a refusal.
    if r.is_error_page() {
        return Ok(());
    }
    if let Some(status) = r.state().and_then(|state| state.refusal.get()) {
        return Err(status);
    }
    let Some(length) = known_length(r).filter(|length| !is_within(&rule, *length)) else {
        return Ok(());
    };
    let Some(state) = r.state_or_default() else {
        return stop(r, Err(Status::INTERNAL_SERVER_ERROR));
    };
    match (rule.by, state.at.get(), state.limit.get(), state.verdict.get()) {
        (By::LimitBody, Some(At::Body), Some(limit), None | Some(Verdict::Passed)) => {
            stop(r, judge(r, state, &rule, limit, length))
        }
        (By::LimitBody, _, _, Some(_)) => Ok(()),
        // Read before its time, or held against a limit of nginx's.
        _ => stop(r, begin(r, state, r.conf(), length)),
    }
}

/// Has nginx read no further, if that is what has been decided.
fn stop(r: Request<'_>, decided: Result<(), Status>) -> Result<(), Status> {
    decided.inspect_err(|_| reject::stop_reading(r))
}

/// What a body of undeclared length amounts to so far. What a chunk announces counts as seen, as it does with nginx: no
/// need to wait for it.
fn seen(r: Request<'_>) -> Length {
    Length::Seen(r.body_seen())
}

/// The length of the body, as far as it is known; `None` if there is no body, or an empty one.
fn known_length(r: Request<'_>) -> Option<Length> {
    if r.is_chunked() {
        return Some(seen(r));
    }
    r.content_length().filter(|length| *length > 0).map(Length::Declared)
}

/// The length that the client declared; `None` if it has not, or there is no body, or an empty one.
fn declared_length(r: Request<'_>) -> Option<Length> {
    r.declared_length().filter(|length| *length > 0).map(Length::Declared)
}

/// Whether a limit of nginx's own has nothing to say against a length, so that nothing need be remembered.
fn is_within(rule: &Rule, length: Length) -> bool {
    match (rule.by, rule.source) {
        (By::Nginx, Source::Fixed(limit)) => limit.judge(length, rule.mode) == Verdict::Passed,
        _ => false,
    }
}

/// Settles the limit of a request, and holds what is known of the body against it.
fn begin<'r>(r: Request<'r>, state: &State<'r>, conf: &'r Conf, length: Length) -> Result<(), Status> {
    let Some(&rule) = conf.rule() else {
        return Ok(());
    };
    state.judged.set(Some(conf));
    let Some(limit) = resolve(r, &rule) else {
        return fail(state, &rule, None, length, Status::INTERNAL_SERVER_ERROR);
    };
    if rule.undeclared == Undeclared::Refused && matches!(length, Length::Seen(_)) {
        r.log(rule.log_level, format_args!("client sent no length of the body{}", note_of(rule.mode)));
        return fail(state, &rule, Some(limit), Length::Declared(length.bytes()), Status::LENGTH_REQUIRED);
    }
    if length == Length::Seen(0) && !r.is_body_read() {
        // There is nothing to judge yet, and nobody may ever read it.
        state.limit.set(Some(limit));
        state.at.set(Some(At::Body));
        state.verdict.set(None);
        return Ok(());
    }
    judge(r, state, &rule, limit, length)
}

/// Refuses a request for another reason than its length; lets it through in a dry run.
fn fail(state: &State<'_>, rule: &Rule, limit: Option<Limit>, length: Length, status: Status) -> Result<(), Status> {
    state.at.set(Some(length.at()));
    state.limit.set(limit);
    match rule.mode {
        Mode::Enforce => {
            state.verdict.set(Some(Verdict::Rejected));
            state.refusal.set(Some(status));
            metrics::upload(state, length.bytes());
            Err(status)
        }
        Mode::DryRun => {
            state.verdict.set(Some(Verdict::RejectedDryRun));
            state.unwatched.set(Some(u64::MAX));
            Ok(())
        }
    }
}

/// The limit for a request; `None`, and a line in the error log, if a variable's value is no size.
fn resolve(r: Request<'_>, rule: &Rule) -> Option<Limit> {
    let variable = match rule.source {
        Source::Fixed(limit) => return Some(limit),
        Source::Variable(variable) => variable,
    };
    let value = r.evaluate(variable)?;
    if value.is_empty() {
        return Some(rule.fallback);
    }
    Limit::parse(value).inspect_err(|error| report(r, rule, variable, value, "limit_body", error)).ok()
}

/// The status of a refusal. Where a variable's value is none that it may have, that is reported, and the status 500.
fn status(r: Request<'_>, rule: &Rule) -> Status {
    let variable = match rule.status {
        RefusalStatus::Fixed(status) => return status,
        RefusalStatus::Variable(variable) => variable,
    };
    match r.evaluate(variable) {
        None => Status::INTERNAL_SERVER_ERROR,
        Some([]) => Status::CONTENT_TOO_LARGE,
        Some(value) => Status::of_refusal(value).unwrap_or_else(|error| {
            report(r, rule, variable, value, "limit_body_status", &error);
            Status::INTERNAL_SERVER_ERROR
        }),
    }
}

/// Reports a value that a variable must not have.
fn report(
    r: Request<'_>,
    rule: &Rule,
    variable: ComplexValue,
    value: &[u8],
    directive: &str,
    why: &dyn core::fmt::Display,
) {
    let (text, value, note) = (variable.source().escape_ascii(), value.escape_ascii(), note_of(rule.mode));
    let level = match rule.mode {
        Mode::Enforce => Level::Error,
        Mode::DryRun => Level::Error.milder(),
    };
    r.log(level, format_args!("invalid value \"{value}\" of \"{text}\" in \"{directive}\", {why}{note}"));
}

fn note_of(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "",
        Mode::DryRun => ", dry run",
    }
}

/// Holds a length against the limit, and reports one that is over it.
fn judge(r: Request<'_>, state: &State<'_>, rule: &Rule, limit: Limit, length: Length) -> Result<(), Status> {
    let verdict = limit.judge(length, rule.mode);
    let told = matches!(rule.by, By::LimitBody);
    state.limit.set(told.then_some(limit));
    state.at.set(told.then_some(length.at()));
    state.verdict.set(told.then_some(verdict));
    state.unwatched.set(Some(match verdict {
        Verdict::Passed => limit.most(length),
        Verdict::Rejected => 0,
        Verdict::RejectedDryRun => u64::MAX,
    }));
    if let Length::Declared(bytes) = length {
        state.declared.set(Some(bytes));
    }
    if verdict == Verdict::Passed {
        return Ok(());
    }

    let (bytes, most, note) = (length.bytes(), limit.bytes(), note_of(rule.mode));
    match (rule.by, r.chunk_announced()) {
        (By::LimitBody, _) => {
            r.log(
                rule.log_level,
                format_args!("client intended to send too large body: {bytes} bytes, limit: {most}{note}"),
            );
        }
        // As nginx does.
        (By::Nginx, Some(announced)) => {
            let received = bytes.saturating_sub(announced);
            r.log(
                rule.log_level,
                format_args!("client intended to send too large chunked body: {received}+{announced} bytes"),
            );
        }
        (By::Nginx, None) => {
            r.log(rule.log_level, format_args!("client intended to send too large body: {bytes} bytes"));
        }
    }
    if rule.mode == Mode::DryRun {
        return Ok(());
    }
    metrics::upload(state, bytes);
    let status = status(r, rule);
    state.refusal.set(Some(status));
    Err(status)
}
