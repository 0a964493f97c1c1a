//! The drain: reading and dropping a body that nobody wants, so that the client reads the answer.
//!
//! A drain starts when it is certain that nobody wants the body: at a refusal ([`begin`]), or when nginx makes another
//! early answer ([`before_answer`], [`response_begin`], [`response_end`]). It takes the body from nginx. The body is
//! read once the answer is being made, for as long as the budget allows ([`may_drop`], [`patience`]). [`has_read`] gets
//! each result of reading, and [`end`] reports the outcome.

#![forbid(unsafe_code)]

use policy::Outcome;

use crate::conf::Terms;
use crate::metrics;
use crate::module::Request;
use crate::state::{self, Drain, State};
use crate::upstream;
use linger::{Got, Patience};
use nginx::{now, Interruption, Level, Seconds};

/// Starts draining the body of a request, unless a drain has started. Where drains are left to nginx, an HTTP/1.x body
/// is drained for as long as nginx would linger; an HTTP/2 or HTTP/3 body is not drained. Returns whether the drain
/// deals with the rest of the body. If not, the caller must, unless nothing more of the body is to come.
pub fn begin(r: Request<'_>) -> bool {
    let conf = state::sent_to(r);
    let plain = conf.plain_terms().filter(|_| !r.is_multiplexed());
    conf.terms().or(plain).is_some_and(|terms| begin_on(r, terms))
}

fn begin_on<'r>(r: Request<'r>, terms: &'r Terms<'r>) -> bool {
    let Some((state, more)) = r.state_or_default().and_then(|state| Some((state, state.more_or_default(r)?))) else {
        return false;
    };
    let drain = &more.drain;
    if drain.progress.get() != policy::Drain::Idle {
        return drain.deals_with_body(r);
    }
    let is_over = r.is_multiplexed() && !linger::is_stream_open(r);
    if is_over || !linger::can_take_body(r) || !state::notify_end(r) {
        return false;
    }
    state::keep_received(r);
    drain.terms.set(Some(terms));
    drain.progress.set(policy::Drain::begin(now()));

    if r.is_multiplexed() {
        // What comes of the body is dropped, piece by piece.
        state.look_always();
        begin_stream(r, drain, terms)
    } else {
        begin_connection(r, drain, terms)
    }
}

/// Starts a drain over HTTP/1.x. Even a drain that is refused a slot takes the body, because it also decides how the
/// connection is closed. Returns false if nothing more of the body is to come, or memory is out.
fn begin_connection<'r>(r: Request<'r>, drain: &Drain<'r>, terms: &Terms<'r>) -> bool {
    let is_more_to_come = linger::take_body(r);
    if drain.progress.get().outcome().is_some() {
        // What had arrived was the end of it: that takes no slot.
        return true;
    }
    if !is_more_to_come {
        // There is nothing to drain, or no memory for it.
        drain.reset();
        return false;
    }
    drain.slot.set(terms.slots.take(r));
    if drain.slot.get().is_none() {
        drain.settle(Outcome::Refused);
    }
    true
}

/// Starts a drain over HTTP/2 or HTTP/3. Returns false if the drain has ended: the stream is then left to nginx.
fn begin_stream<'r>(r: Request<'r>, drain: &Drain<'r>, terms: &Terms<'r>) -> bool {
    drain.slot.set(is_within_share(r).then(|| terms.slots.take(r)).flatten());
    if drain.slot.get().is_none() {
        drain.settle(Outcome::Refused);
        return false;
    }
    if !linger::take_body(r) {
        // There is no memory for it.
        drain.reset();
        return false;
    }
    drain.progress.get().outcome().is_none()
}

/// Called when a response is about to be made. Starts a drain if it is the response of an upstream that takes no more
/// of the body. The client may read nothing until it has sent everything, so the end of the response might never come.
pub fn before_answer(r: Request<'_>) {
    if upstream::is_reading(r) && of(r).is_none() && is_body_coming(r) {
        begin_early(r);
    }
}

/// Called when the header of a response has been made. From now on the drain reads, and its clock runs.
pub fn response_begin(r: Request<'_>) {
    // A body that nginx discards is taken, so that it is gone for subrequests of the response, too.
    if !has_begun(r) {
        if !r.is_body_discarded() || r.is_multiplexed() {
            return;
        }
        begin_early(r);
    }
    if let Some((drain, _)) = of(r) {
        drain.update(|progress| progress.answer(now()));
        linger::watch_body(r);
    }
}

/// Returns whether one more stream of the connection may drain.
fn is_within_share(r: Request<'_>) -> bool {
    let (draining, streams) = linger::streams(r);
    draining < policy::share(streams)
}

/// Called when nginx has made the last of a response, but perhaps not sent it yet. Starts a drain if more of the body
/// is to come.
pub fn response_end(r: Request<'_>) {
    if of(r).is_some() {
        if r.is_multiplexed() {
            // It may be sent at once, which no event tells.
            linger::watch_body(r);
        }
    } else if is_body_coming(r) && !is_awaited(r) && !(r.is_body_unbuffered() && r.is_response_stored()) {
        begin_early(r);
        response_begin(r);
    }
    if let Some(more) = r.state().and_then(State::more) {
        more.is_response_made.set(true);
    }
}

/// Returns whether a script may still want the body. The drain then starts later ([`end_awaited`]).
fn is_awaited(r: Request<'_>) -> bool {
    state::sent_to(r).terms().is_some()
        && r.state_or_default().and_then(|state| state.more_or_default(r)).is_some()
        && state::notify_end(r)
        && linger::await_end(r)
}

/// Called when no script can want the body any more. Starts a drain if more of it is to come.
pub fn end_awaited(r: Request<'_>) {
    if of(r).is_none() && is_body_coming(r) {
        begin_early(r);
        response_begin(r);
    }
}

/// Returns whether more of the body is to come. A stream may be open still when its body is whole: trailers have begun.
fn is_body_coming(r: Request<'_>) -> bool {
    if r.is_multiplexed() {
        linger::is_stream_open(r) && !r.is_body_over()
    } else {
        // What follows a 101 is no body any more.
        (r.is_body_partly_read() && r.is_body_being_read() && !r.is_protocol_switched()) || r.is_body_discarded()
    }
}

/// Starts draining a body that nginx has not read before it answers, unless drains are left to nginx.
fn begin_early(r: Request<'_>) {
    if let Some(terms) = state::sent_to(r).terms() {
        begin_on(r, terms);
    }
}

/// Returns whether a drain has started, even if it has ended.
fn has_begun(r: Request<'_>) -> bool {
    r.state().and_then(State::drain).is_some_and(Drain::has_begun)
}

/// Returns whether a drain deals with the body, or has.
pub fn deals_with_body(r: Request<'_>) -> bool {
    r.state().and_then(State::drain).is_some_and(|drain| drain.deals_with_body(r))
}

/// The drain of a request, with its terms; `None` if none has started.
fn of<'r>(r: Request<'r>) -> Option<(&'r Drain<'r>, &'r Terms<'r>)> {
    let drain = r.state()?.drain()?;
    Some((drain, drain.terms.get()?))
}

/// How many bytes of the body may be read and dropped now; 0 before the answer, and if the budget is spent, which
/// settles the drain.
pub fn may_drop(r: Request<'_>) -> u64 {
    let Some((drain, terms)) = of(r) else {
        return 0;
    };
    drain.progress.get().may_read(&terms.budget, now()).unwrap_or_else(|outcome| {
        drain.settle(outcome);
        0
    })
}

/// Called with each result of reading the body.
pub fn has_read(r: Request<'_>, got: Got) {
    let Some((drain, _)) = of(r) else {
        return;
    };
    match got {
        Got::Bytes(bytes) => drain.update(|progress| progress.add(bytes, now())),
        Got::Whole => drain.settle(Outcome::Complete),
        Got::End => drain.settle(Outcome::Closed),
        Got::Failed | Got::Malformed => drain.settle(Outcome::Error),
        Got::Evicted => drain.settle(Outcome::Evicted),
    }
}

/// How long to wait for more of the body. Settles the drain if its budget is spent, or if nginx has given up the
/// request or the answer.
pub fn patience(r: Request<'_>) -> Patience {
    let Some((drain, terms)) = of(r) else {
        return Patience::Over;
    };
    if r.is_done() {
        if !drain.is_answered() {
            // nginx has given up the request, and done its `post_action`: no answer will follow that a client could
            // read.
            interrupt(r, drain, terms);
        }
        let is_cut_off = drain.is_answered() && !r.is_post_action() && !is_response_made(r);
        if upstream::is_reading(r) || is_cut_off {
            // The answer has been cut off. The client may be waiting for the rest, and learns only from the end of the
            // connection that there is none.
            r.clear_keepalive();
            drain.settle(Outcome::Error);
        }
    }
    let left = drain.progress.get().patience(&terms.budget, now());
    // Over HTTP/1.x nginx is about to end its side, and that would count as unacknowledged. Over HTTP/2 and HTTP/3 the
    // request is about to end, and it is asked then.
    if r.is_done() && (left.is_ok() || !r.is_multiplexed()) {
        is_acknowledged(r, drain);
    }
    match left {
        Ok(left) => {
            if r.is_done() {
                linger::give_way(r);
            }
            Patience::Wait(left)
        }
        Err(outcome) => {
            drain.settle(outcome);
            match outcome {
                Outcome::Complete | Outcome::Closed | Outcome::Error => Patience::Over,
                Outcome::Timeout | Outcome::Slow | Outcome::Bytes | Outcome::Refused | Outcome::Evicted => {
                    Patience::Spent
                }
            }
        }
    }
}

/// Returns whether the last of the response has been made. If it has not when the request is done, the response was cut off.
pub fn is_response_made(r: Request<'_>) -> bool {
    r.state().and_then(State::more).is_some_and(|more| more.is_response_made.get())
}

/// How many more bytes of the body the client may be allowed to send.
pub fn credit(r: Request<'_>) -> u64 {
    of(r).map_or(0, |(drain, terms)| drain.progress.get().credit(&terms.budget))
}

/// How many bytes have been dropped.
pub fn dropped(r: Request<'_>) -> u64 {
    of(r).and_then(|(drain, _)| drain.progress.get().ledger()).map_or(0, |ledger| ledger.bytes())
}

/// Returns whether the client has acknowledged the whole response, as far as that has been noticed; final when the request has
/// ended. `None` before this is first checked, and if there is no drain to report.
pub fn acknowledged(r: Request<'_>) -> Option<bool> {
    // nginx evaluates a variable twice, for its length and for its value: so nobody is asked here.
    of(r).filter(|(_, terms)| terms.is_reported)?.0.acknowledged.get()
}

/// Returns whether the client has acknowledged the whole response. Once true, it stays true, even if nginx sends
/// something after the response, such as a GOAWAY, that is not acknowledged yet.
fn is_acknowledged(r: Request<'_>, drain: &Drain<'_>) -> bool {
    let is_acknowledged = drain.acknowledged.get() == Some(true) || linger::is_acknowledged(r);
    drain.acknowledged.set(Some(is_acknowledged));
    is_acknowledged
}

/// Settles a drain that nginx has cut short, with an outcome that tells why. Does nothing if the drain is settled.
fn interrupt(r: Request<'_>, drain: &Drain<'_>, terms: &Terms<'_>) {
    drain.settle(match r.interruption() {
        Some(Interruption::Close) => Outcome::Evicted,
        Some(Interruption::Error) => Outcome::Error,
        Some(Interruption::Timeout) | None => drain.progress.get().overdue(&terms.budget, now()),
    });
}

/// Called when the request ends. Gives the connection back to nginx, which may tell more of what has come, and reports the
/// drain.
pub fn end(r: Request<'_>) {
    linger::stop_awaiting(r);
    linger::release(r);
    report(r);
}

fn report(r: Request<'_>) {
    let Some((drain, terms)) = of(r) else {
        return;
    };
    interrupt(r, drain, terms);
    if !terms.is_reported {
        return;
    }
    let acknowledged = is_acknowledged(r, drain);
    let policy::Drain::Settled(ledger, outcome, time) = drain.progress.get() else {
        return;
    };
    if terms.zone.is_none() && !r.is_logged(Level::Info) {
        return;
    }
    metrics::drained(terms.zone, outcome, ledger.bytes(), acknowledged);

    let (bytes, outcome, not) = (ledger.bytes(), outcome.as_str(), if acknowledged { "" } else { "not " });
    let time = Seconds(time);
    r.log(
        Level::Info,
        format_args!(
            "drained {bytes} bytes of request body in {time}s: {outcome}, \
             response {not}acknowledged"
        ),
    );
}
