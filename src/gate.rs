//! The gate: where nginx asks, and what it is told.
//!
//! [`before_access`] and [`after_access`] judge what the client declares, [`within_body`] what it sends.
//! [`before_location`] keeps nginx from judging again what has been judged here.

#![forbid(unsafe_code)]

use policy::{At, Length, Limit, Mode, Verdict};

use crate::conf::{Rule, Source, When};
use crate::nginx::{Level, Phase, Piece, Request, Status};
use crate::state::{self, State};
use crate::{metrics, reject, LimitBody};

/// Called when a location is settled, before access is checked and the body is read.
pub fn before_access(r: Request) -> Phase {
    if r.is_internal() {
        r.show_content_length::<LimitBody>();
        reject::resume(&r);
    }
    judge_in_advance(r, When::BeforeAccess)
}

/// Called when access is granted, before the body is read.
pub fn after_access(r: Request) -> Phase {
    judge_in_advance(r, When::AfterAccess)
}

fn judge_in_advance(r: Request, now: When) -> Phase {
    let Some(&rule) = r.conf::<LimitBody>().rule().filter(|rule| rule.when == now) else {
        return Phase::Declined;
    };
    // Other modules may have read the body before its time; but what a redirect finds read was judged where it was.
    if !r.is_main() || r.is_body_discarded() || (r.is_internal() && r.is_body_read()) {
        return Phase::Declined;
    }
    let Some(length) = known_length(&r) else {
        return Phase::Declined;
    };
    let Some(state) = r.state_or_default::<LimitBody>() else {
        return Phase::Finalize(Status::INTERNAL_SERVER_ERROR);
    };
    if state.is_refused() || state.rule() == Some(rule) {
        return Phase::Declined;
    }

    match begin(&r, state, rule, length) {
        Ok(()) => Phase::Declined,
        Err(_) if r.is_error_page() => {
            // There is an answer already, and a refusal must not take its place; but the body goes no further.
            reject::drop_body(&r);
            Phase::Declined
        }
        Err(status) => {
            reject::refuse(r, status);
            Phase::Done
        }
    }
}

/// Called for each piece of every body that nginx reads, so it is as short as can be: whether [`within_body`] is to look
/// at it. It need not where no rule holds, where the declared length has been judged, or as long as the body is within
/// the limit.
pub fn is_body_watched(r: &Request) -> bool {
    match r.state_at_hand::<LimitBody>() {
        Some(state) => {
            let unwatched = state.unwatched.get();
            (unwatched != u64::MAX && r.body_seen() > unwatched) || state.drain.is_of_stream(r)
        }
        None => r.conf::<LimitBody>().rule().is_some() || r.state::<LimitBody>().is_some(),
    }
}

/// Called for each piece of a watched body.
pub fn within_body(r: &Request) -> Piece {
    if r.state::<LimitBody>().is_some_and(|state| state.drain.is_of_stream(r)) {
        return Piece::Drop;
    }
    match judge_piece(r) {
        Ok(()) => Piece::Pass,
        Err(status) => Piece::Refuse(status),
    }
}

fn judge_piece(r: &Request) -> Result<(), Status> {
    let Some(rule) = r.conf::<LimitBody>().rule() else {
        return Ok(());
    };
    let Some(state) = r.state::<LimitBody>() else {
        return begin_early(r, *rule);
    };
    match (state.at.get(), state.verdict.get(), state.limit.get()) {
        (Some(At::Body), Some(Verdict::Passed), Some(limit)) => stop(r, judge(r, state, rule, limit, seen(r))),
        (_, Some(Verdict::Rejected), _) => Err(rule.status),
        _ => Ok(()),
    }
}

/// Settles the limit of a request whose body is read before its time.
#[cold]
fn begin_early(r: &Request, rule: Rule) -> Result<(), Status> {
    let begun = match r.state_or_default::<LimitBody>() {
        Some(state) => begin(r, state, rule, known_length(r).unwrap_or_else(|| seen(r))),
        None => Err(Status::INTERNAL_SERVER_ERROR),
    };
    stop(r, begun)
}

/// Has nginx read no further, if that is what has been decided.
fn stop(r: &Request, decided: Result<(), Status>) -> Result<(), Status> {
    decided.inspect_err(|_| reject::stop_reading(r))
}

/// What a body of undeclared length amounts to so far. What a chunk announces counts as seen, as it does with nginx: no
/// need to wait for it.
fn seen(r: &Request) -> Length {
    Length::Seen(r.body_seen())
}

/// Called before nginx looks for the location of a request, which is when it holds the declared length against
/// `client_max_body_size` of that location.
///
/// For a subrequest of a request that is judged here, and for an internal redirect of one whose body has been read,
/// that would be one more judgement, by a limit that is not meant for this body. So the length is hidden from nginx
/// until the location is found ([`before_access`]).
pub fn before_location(r: &Request) -> Phase {
    if r.is_internal() && is_judged_here(r) {
        if r.is_main() {
            state::keep_received(r);
        }
        r.hide_content_length::<LimitBody>();
    }
    Phase::Declined
}

fn is_judged_here(r: &Request) -> bool {
    let mode = if r.is_main() {
        r.state::<LimitBody>().filter(|_| r.is_body_read()).and_then(State::rule).map(|rule| rule.mode)
    } else {
        r.main().conf::<LimitBody>().rule().map(|rule| rule.mode)
    };
    // A dry run leaves it to nginx to judge, as it does without the module.
    mode == Some(Mode::Enforce)
}

/// The length of the body, as far as it is known; `None` if there is no body.
fn known_length(r: &Request) -> Option<Length> {
    if r.is_chunked() {
        return Some(seen(r));
    }
    r.content_length().map(Length::Declared)
}

/// Settles the limit of a request, and holds what is known of the body against it.
fn begin(r: &Request, state: &State, rule: Rule, length: Length) -> Result<(), Status> {
    state.judged.set(Some(r.hold_conf::<LimitBody>()));
    let Some(limit) = resolve(r, rule) else {
        state.at.set(Some(length.at()));
        state.limit.set(None);
        return match rule.mode {
            Mode::Enforce => {
                state.verdict.set(Some(Verdict::Rejected));
                metrics::upload(state, length.bytes());
                Err(Status::INTERNAL_SERVER_ERROR)
            }
            Mode::DryRun => {
                state.verdict.set(Some(Verdict::RejectedDryRun));
                state.unwatched.set(u64::MAX);
                Ok(())
            }
        };
    };
    judge(r, state, &rule, limit, length)
}

/// The limit for a request; `None`, and a line in the error log, if a variable's value is no size.
fn resolve(r: &Request, rule: Rule) -> Option<Limit> {
    let variable = match rule.source {
        Source::Fixed(limit) => return Some(limit),
        Source::Variable(variable) => variable,
    };
    let value = r.evaluate(variable)?;
    if value.is_empty() {
        return Some(rule.fallback);
    }
    Limit::parse(value)
        .inspect_err(|error| {
            let (text, value) = (variable.source().escape_ascii(), value.escape_ascii());
            r.log(Level::Error, format_args!("invalid value \"{value}\" of \"{text}\" in \"limit_body\", {error}"));
        })
        .ok()
}

/// Holds a length against the limit, and reports one that is over it.
fn judge(r: &Request, state: &State, rule: &Rule, limit: Limit, length: Length) -> Result<(), Status> {
    let verdict = limit.judge(length, rule.mode);
    state.limit.set(Some(limit));
    state.at.set(Some(length.at()));
    state.verdict.set(Some(verdict));
    state.unwatched.set(match verdict {
        Verdict::Passed => limit.most(length),
        Verdict::Rejected => 0,
        Verdict::RejectedDryRun => u64::MAX,
    });

    if let Length::Declared(bytes) = length {
        state.declared.set(Some(bytes));
    }

    let (result, note) = match verdict {
        Verdict::Passed => return Ok(()),
        Verdict::Rejected => {
            metrics::upload(state, length.bytes());
            (Err(rule.status), "")
        }
        Verdict::RejectedDryRun => (Ok(()), ", dry run"),
    };
    let (length, limit) = (length.bytes(), limit.bytes());
    r.log(rule.log_level, format_args!("client intended to send too large body: {length} bytes, limit: {limit}{note}"));
    result
}
