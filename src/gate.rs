//! The gate: where nginx asks, and what it is told.
//!
//! [`before_access`] and [`after_access`] judge what the client declares, [`within_body`] what it sends, and [`before_answer`]
//! what is answered before anybody has asked. [`note`] remembers where an upload was sent to. What is decided is up to
//! [`judge`].

#![forbid(unsafe_code)]

use policy::Mode;

use crate::conf::When;
use crate::judge;
use crate::module::Request;
use crate::reject;
use crate::state::{self, State};
use nginx::{Input, Phase, Piece, Status};

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
    let Some(rule) = r.conf().rule() else {
        return Phase::Declined;
    };
    // Other modules may have read the body before its time, or begun to discard it; but what a redirect finds so was judged
    // where that was done.
    if r.is_internal() && (r.is_body_discarded() || r.is_body_read()) {
        return Phase::Declined;
    }
    // The declared length counts, even if another module has discarded the body, in part or whole.
    let is_gone = r.is_body_discarded() || (!r.is_internal() && !r.has_body());
    let length = if is_gone { judge::declared_length(r) } else { judge::known_length(r) };
    let Some(length) = length.filter(|length| judge::is_of_interest(rule, *length)) else {
        return Phase::Declined;
    };
    let Some(state) = r.state_or_default() else {
        return Phase::Finalize(Status::INTERNAL_SERVER_ERROR);
    };
    state.is_due.set(true);
    if rule.when != now || state.is_refused() || state.rule() == Some(rule) {
        return Phase::Declined;
    }
    match judge::begin(r, state, r.conf(), length) {
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
    if !judge::would_allow(r, rule) {
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
    let is_settled = |state: &State<'_>| state.is_due.get() || state.is_refused() || state.verdict().is_some();
    if r.state().is_some_and(is_settled) || (r.is_internal() && r.is_body_read()) {
        return Ok(());
    }
    let conf = state::sent_to(r);
    let (Some(rule), Some(length)) = (conf.rule(), judge::declared_length(r)) else {
        return Ok(());
    };
    if !judge::is_of_interest(rule, length) {
        return Ok(());
    }
    let state = r.state_or_default().ok_or(Status::INTERNAL_SERVER_ERROR)?;
    judge::begin(r, state, conf, length)
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
            state.judged.get().is_none_or(|judged| judged.judgement.is_to_be_repeated(r.body_seen()))
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
    let Some(rule) = r.conf().rule() else {
        return Ok(());
    };
    // The page of an error never turns into a refusal.
    if r.is_error_page() {
        return Ok(());
    }
    if let Some(status) = r.state().and_then(|state| state.refusal.get()) {
        return Err(status);
    }
    let Some(length) = judge::known_length(r).filter(|length| judge::is_of_interest(rule, *length)) else {
        return Ok(());
    };
    let Some(state) = r.state_or_default() else {
        return stop(r, Err(Status::INTERNAL_SERVER_ERROR));
    };
    stop(r, judge::go_on(r, state, r.conf(), length))
}

/// Has nginx read no further, if that is what has been decided.
fn stop(r: Request<'_>, decided: Result<(), Status>) -> Result<(), Status> {
    decided.inspect_err(|_| reject::stop_reading(r))
}
