//! The gate: nginx's hooks at which requests are judged, and what each of them returns.
//!
//! [`before_access`] and [`after_access`] judge the declared length, [`within_body`] the body as it arrives, and
//! [`before_answer`] a request that is answered before it was judged. [`note`] remembers the location that an upload
//! was sent to. The [`judge`] makes the decisions.

#![forbid(unsafe_code)]

use policy::{Length, Mode};

use crate::conf::{By, Rule, When};
use crate::drain;
use crate::judge;
use crate::module::Request;
use crate::reject;
use crate::state::{self, SentTo, State};
use crate::timeout;
use nginx::{Input, Level, Phase, Piece, Status};

/// Called before nginx looks for a location, and when it has found one, of a request that was redirected or rewritten. Drops a
/// body that nobody reads to its end.
#[cold]
pub fn redirected(r: Request<'_>) {
    if !r.is_main() {
        return r.restore_length();
    }
    if r.is_post_action() {
        r.give_up_upstream();
        if !r.is_complete() {
            // nginx has given up the request without an answer, or in the middle of it. The next one must not be taken for that.
            r.clear_keepalive();
        }
    } else if r.is_aborted() && r.is_body_lost() {
        // nginx skips a body that nobody has discarded: it has given up the stream. See `after_access`.
        return;
    }
    reject::resume(r);
    if r.is_body_torn() || r.is_body_discarded() {
        // Nobody reads the rest of the body, but nginx would announce to an upstream the declared length, or what is
        // left of it.
        note_spent(r);
        drop_rest(r);
    } else if r.is_post_action() && drain::deals_with_body(r) {
        // A drain has taken the body, but its fields are there.
        r.forget_body_fields();
    }
}

/// Drops what is left of a body that is not there as a whole.
fn drop_rest(r: Request<'_>) {
    state::keep_received(r);
    if r.is_body_read_whole() && !r.is_body_discarded() && !r.is_multiplexed() {
        // An upstream was given it as it came, or nginx has discarded all of it.
        reject::forget_body(r);
    } else if r.is_post_action() {
        reject::leave_body(r);
    } else {
        reject::drop_body(r);
    }
}

/// Notes of a body that is not there as a whole that somebody has taken what there was of it, and has not done what was asked for;
/// that it never came to its end; or that nginx could not store it. Another location would have to do without: an upload would be
/// taken for an empty one.
fn note_spent(r: Request<'_>) {
    let (is_refused, is_unstored) =
        r.state().map_or((false, false), |state| (state.is_refused(), state.is_body_unstored.get()));
    let is_taken = r.is_body_taken() || r.is_body_broken_off();
    let is_lost = (is_taken && !r.has_upstream_succeeded()) || is_unstored;
    if is_lost && !is_refused && !r.is_body_empty() {
        set_spent(r);
    }
}

/// Called when nginx could not store a piece of a body.
pub fn note_unstored(r: Request<'_>) {
    if let Some(state) = r.state_or_default() {
        state.is_body_unstored.set(true);
    }
}

/// Notes that no other location can have the body.
fn set_spent(r: Request<'_>) {
    if let Some(state) = r.state_or_default() {
        state.is_body_spent.set(true);
    }
}

/// Returns whether a request that was redirected may go on without its body: for the page of an error, for a `post_action`, if it
/// only asks for something, and where the location wants no body.
fn does_without_body(r: Request<'_>) -> bool {
    r.is_error_page() || r.is_post_action() || r.is_retrieval() || r.is_body_unwanted()
}

/// Called for a subrequest when its response is about to be made. It must not announce what it has not: what has gone to another
/// upstream, or was never read, or is in the place of an empty body (`auth_request`).
pub fn within_subrequest(r: Request<'_>) {
    if r.is_body_torn() {
        r.detach_body();
    }
}

/// Called before nginx looks for a location, and when it has found one: the upload was sent there, unless this is for the
/// page of an error.
pub fn note(r: Request<'_>) {
    if !r.is_main() || r.is_error_page() {
        return;
    }
    // The body is judged by the rule of this location, and drained on its terms. If the location has none, it still replaces
    // an earlier one that has.
    let (here, has_body) = (here(r), r.has_body());
    let is_judged =
        || rule_for_answers(here).is_some_and(|rule| judge::is_of_interest(rule, judge::declared_length(r)));
    let matters = (has_body && here.conf.terms().is_some()) || is_judged();
    if let Some(state) = if matters { r.state_or_default() } else { r.state() } {
        state.send_to(here);
    }
}

/// The place that a request is in.
fn here(r: Request<'_>) -> SentTo<'_> {
    SentTo { conf: r.conf(), is_located: r.is_located() }
}

/// The rule by which a request is judged that was answered in this place before it was due to be judged; `None` if it is
/// not. nginx compares a declared length with `client_max_body_size` when it has found a location, and so never if the
/// server has answered before that.
fn rule_for_answers<'r>(place: SentTo<'r>) -> Option<&'r Rule<'r>> {
    place.conf.rule().filter(|rule| place.is_located || rule.by == By::LimitBody)
}

/// Called when the location is settled, before access is checked and the body is read.
pub fn before_access(r: Request<'_>) -> Phase {
    if accept(r) {
        return Phase::Declined;
    }
    judge_before_access(r)
}

#[inline(never)]
fn judge_before_access(r: Request<'_>) -> Phase {
    if !r.is_main() {
        return Phase::Declined;
    }
    if r.is_error_page() && judge_late(r).is_err() && !reject::is_only_announced(r) {
        // The answer stays, but the verdict is reported, and the page gets no body that was refused.
        reject::drop_body(r);
    }
    if let Some(state) = r.state() {
        state.is_due.set(true);
        if r.is_error_page() && state.is_refused() {
            // The page goes without the body. If it fails, another location would answer in its place, as if there was none.
            state.is_body_spent.set(true);
        }
        if state.is_body_spent.get() && !does_without_body(r) {
            if !state.is_loss_told.replace(true) {
                r.log(Level::Error, format_args!("body is gone behind an error, no other location gets the request"));
            }
            return Phase::Finalize(Status::BAD_GATEWAY);
        }
        if let Some((status, _)) = state.replaced.get().filter(|(_, changes)| *changes == r.uri_changes()) {
            // The code whose answer the refusal was to replace has ignored the refusal.
            return Phase::Finalize(status);
        }
    }
    if r.is_error_page() {
        drop_excess(r);
        if let Some(state) = r.has_body().then(|| r.state_or_default()).flatten() {
            state.leave_to_page(r.conf());
        }
        return Phase::Declined;
    }
    judge_in_advance(r, When::BeforeAccess)
}

/// Called when access has been granted, before the body is read. Drops a body that a script has discarded: nginx would announce
/// it to an upstream.
pub fn after_access(r: Request<'_>) -> Phase {
    if !r.is_main() {
        return Phase::Declined;
    }
    let is_due = r.conf().rule().is_some_and(|rule| rule.when == When::AfterAccess) && !r.is_error_page();
    let phase = if is_due { judge_in_advance(r, When::AfterAccess) } else { Phase::Declined };
    if !matches!(phase, Phase::Declined) || !r.is_body_lost() {
        return phase;
    }
    if r.is_aborted() {
        // nginx has given up the stream, and skips a body that nobody has discarded.
        return Phase::Finalize(Status::BAD_REQUEST);
    }
    drop_rest(r);
    phase
}

/// Accepts a body that passes by its declared length alone. Returns whether that is so. Most uploads are such: the rest of
/// this file comes to the same, but has to look at more.
#[inline]
fn accept(r: Request<'_>) -> bool {
    let (conf, length) = (r.conf(), r.untouched_length());
    conf.accepts(length)
        && !r.is_internal()
        && !r.is_error_page()
        && r.state_or_default().is_some_and(|state| state.accept(conf, length, r.is_multiplexed()))
}

fn judge_in_advance(r: Request<'_>, now: When) -> Phase {
    let Some(rule) = r.conf().rule() else {
        return Phase::Declined;
    };
    // Another module may have read the body early, or started to discard it: that body is judged here. But one that was
    // read or discarded before a redirect was judged then.
    let is_discarded = r.is_body_discarded();
    if (is_discarded || r.is_body_read()) && r.is_redirected() {
        return Phase::Declined;
    }
    // The declared length counts, even if another module has discarded some or all of the body.
    let is_gone = is_discarded || (!r.has_body() && !r.is_redirected());
    let length = if is_gone { judge::declared_length(r) } else { judge::known_length(r) };
    if !judge::is_of_interest(rule, length) {
        return Phase::Declined;
    }
    let Some(state) = r.state_or_default() else {
        return Phase::Finalize(Status::INTERNAL_SERVER_ERROR);
    };
    state.is_due.set(true);
    if rule.when != now || state.is_refused() {
        return Phase::Declined;
    }
    if state.is_judged_in(r.conf()) {
        state.set_judged_there();
        return Phase::Declined;
    }
    match judge::begin(r, state, r.conf(), length) {
        Ok(()) => {
            state.note_accepted(r.is_multiplexed());
            Phase::Declined
        }
        Err(status) => {
            reject::drop_refused(r);
            Phase::Finalize(status)
        }
    }
}

/// Drops the body before the page of an error is made, if the page must not have it. It is not refused, because the request has
/// its answer already.
fn drop_excess(r: Request<'_>) {
    if !r.has_body() || r.is_body_discarded() || r.is_body_read() {
        return;
    }
    if exceeded(r, r.content_length().map(Length::Declared), false).is_some() {
        set_spent(r);
        reject::drop_body(r);
    }
}

/// The place whose limit keeps a body with this length from the page of an error, if there is one: the page's own location, or,
/// of a declared length, the one that the upload was sent to, if that has not judged it. Any limit keeps a body from the page of
/// which no length is known. An invalid limit is logged unless `is_logged`.
fn exceeded<'r>(r: Request<'r>, length: Option<Length>, is_logged: bool) -> Option<SentTo<'r>> {
    let is_judged = || r.state().is_some_and(State::is_judged_there);
    let before = match length {
        Some(Length::Seen(_) | Length::Unknown | Length::Announced(_)) => None,
        Some(Length::Declared(_)) | None => state::noted(r).filter(|_| !is_judged()),
    };
    let is_over = |rule: &Rule<'_>| !length.is_some_and(|length| judge::would_allow(r, rule, length, is_logged));
    let mut rules =
        before.map(|place| (place, rule_for_answers(place))).into_iter().chain([(here(r), r.conf().rule())]);
    rules.find(|(_, rule)| rule.is_some_and(|rule| rule.mode == Mode::Enforce && is_over(rule))).map(|(place, _)| place)
}

/// Returns whether the response of a request matters: not if its body was accepted and has come as a whole.
#[inline]
pub fn is_answer_watched(r: Request<'_>) -> bool {
    !r.state_at_hand().is_some_and(State::is_accepted) || !r.is_body_read() || r.is_body_partly_read()
}

/// Called when a response is about to be made. Returns the status of the refusal that replaces it; `None` if it stays.
///
/// A request that is answered before its location is settled, as by `return`, is judged here by its declared length, unless
/// there is no location yet, and nothing but `client_max_body_size`. An answer that is an error stays, whatever the verdict.
pub fn before_answer(r: Request<'_>) -> Option<Status> {
    if let Some(state) = r.state() {
        // If this response is the refusal, it is being made now.
        state.replaced.set(None);
        if state.is_due.get() {
            return None;
        }
    }
    let status = judge_late(r).err().filter(|_| !r.is_response_error())?;
    if let Some(state) = r.state() {
        state.replaced.set(Some((status, r.uri_changes())));
    }
    reject::drop_refused(r);
    Some(status)
}

/// Judges a request that is answered before it was due to be judged, by its declared length. Does nothing if the
/// request has been judged here, or was due to be.
///
/// # Errors
///
/// The status of the refusal.
fn judge_late(r: Request<'_>) -> Result<(), Status> {
    let is_settled = |state: &State<'_>| state.is_due.get() || state.is_refused();
    if r.state().is_some_and(is_settled) || (r.is_redirected() && r.is_body_read()) {
        return Ok(());
    }
    // Once redirected, the page of an error may be in any location. If none was noted, there was nothing to judge the upload
    // by where it was sent to.
    let is_elsewhere = r.is_error_page() && r.is_redirected();
    let Some(place) = (if is_elsewhere { state::noted(r) } else { Some(here(r)) }) else {
        return Ok(());
    };
    // A body that was read early has been judged where it was read, which need not be here.
    if r.state().is_some_and(|state| state.is_judged_in(place.conf)) {
        return Ok(());
    }
    let length = judge::declared_length(r);
    if !rule_for_answers(place).is_some_and(|rule| judge::is_of_interest(rule, length)) {
        return Ok(());
    }
    let state = r.state_or_default().ok_or(Status::INTERNAL_SERVER_ERROR)?;
    judge::begin(r, state, place.conf, length)
}

/// The status of the refusal that replaces a response, while other code still makes that response; `None` otherwise.
pub fn replaced_answer(r: Request<'_>) -> Option<Status> {
    r.state()?.replaced.get().map(|(status, _)| status)
}

/// The status for a request that was refused in mid-stream, if the module that reads its body ignores the refusal;
/// `None` if the answer is being made.
pub fn abandoned(r: Request<'_>) -> Option<Status> {
    r.state().filter(|_| !r.is_response_begun()).and_then(|state| state.refusal.get())
}

/// Returns whether [`within_body`] has to see the next piece of a body. It need not if no rule is in force, if the declared
/// length has been judged, or while a body in chunks is within the limit. This is called for each piece of every body, so
/// it must be fast: it may say yes too often, and never asks anything that it would have to wait for.
#[inline]
pub fn is_body_watched(r: Request<'_>) -> bool {
    let is_of_interest = match r.state_at_hand() {
        Some(state) => match state.looked_at_from(r.conf()) {
            state::NEVER => false,
            from => from == state::UNLESS_WHOLE || r.may_have_seen(from),
        },
        None => r.conf().rule().is_some() || r.conf().allowance().is_some() || r.state().is_some(),
    };
    is_of_interest || r.is_body_too_long()
}

/// Returns whether the next piece of a body matters.
fn is_of_interest(r: Request<'_>) -> bool {
    match r.state_at_hand().map(|state| state.looked_at_from(r.conf())) {
        Some(state::NEVER) => false,
        Some(state::UNLESS_WHOLE) => r.is_body_partly_read(),
        Some(from) => r.body_seen() >= from,
        None => true,
    }
}

/// Called for each piece of a watched body. Judges the piece, or drops it if the stream is drained (HTTP/2 and HTTP/3).
pub fn within_body(r: Request<'_>, input: &mut Input<'_>) -> Piece {
    let is_too_long = r.is_body_too_long();
    if !is_too_long && !is_of_interest(r) {
        return Piece::Pass;
    }
    if r.state().and_then(State::drain).is_some_and(|drain| drain.is_of_stream(r)) {
        return linger::drop_piece(r, input);
    }
    if is_too_long {
        r.log(Level::Info, format_args!("client sent more of the body than declared"));
        return Piece::Refuse(Status::BAD_REQUEST);
    }
    if r.conf().allowance().is_some() {
        timeout::has_come(r, !input.is_none());
        if !is_of_interest(r) {
            return Piece::Pass;
        }
    }
    match judge_piece(r) {
        Ok(()) => Piece::Pass,
        Err(status) => Piece::Refuse(status),
    }
}

fn judge_piece(r: Request<'_>) -> Result<(), Status> {
    if r.is_error_page() {
        return judge_for_page(r);
    }
    let Some(rule) = r.conf().rule() else {
        return Ok(());
    };
    if let Some(status) = r.state().and_then(|state| state.refusal.get()) {
        return Err(status);
    }
    let Some(length) = judge::known_length(r).filter(|length| judge::is_of_interest(rule, Some(*length))) else {
        return Ok(());
    };
    let Some(state) = r.state_or_default() else {
        return stop(r, Err(Status::INTERNAL_SERVER_ERROR));
    };
    stop(r, judge::go_on(r, state, r.conf(), length))
}

/// Judges a piece of a body that another module reads for the page of an error before that is due to be judged. A body that the page
/// must not have is dropped then, and the page is never replaced by a refusal; but here there is no other way, as with nginx.
fn judge_for_page(r: Request<'_>) -> Result<(), Status> {
    if r.state().is_some_and(|state| state.is_refused() || state.is_left_to_page(r.conf())) {
        return Ok(());
    }
    let length = judge::known_length(r);
    // What is invalid is logged when it is judged.
    let Some(place) = length.and_then(|_| exceeded(r, length, true)) else {
        return Ok(());
    };
    let Some(state) = r.state_or_default() else {
        return stop(r, Err(Status::INTERNAL_SERVER_ERROR));
    };
    stop(r, judge::begin(r, state, place.conf, length))
}

/// Makes nginx stop reading the body if `decided` is a refusal. Returns `decided`.
fn stop(r: Request<'_>, decided: Result<(), Status>) -> Result<(), Status> {
    decided.inspect_err(|_| reject::stop_reading(r))
}
