//! The drain: what happens while a body is dropped so that the client reads the answer.
//!
//! [`begin`] where it is certain that nobody wants the body: at a refusal, or when nginx has made whatever else it answers
//! ([`response_end`]). The body is taken from nginx then. It is read once the answer is being made ([`response_begin`]), for as
//! long as the budget says ([`may_drop`], [`patience`]), and [`has_read`] is told what came. [`end`] reports it.

#![forbid(unsafe_code)]

use policy::Outcome;

use crate::conf::Terms;
use crate::metrics;
use crate::module::Request;
use crate::state::{self, Drain, State};
use crate::upstream;
use linger::{Got, Patience};
use nginx::{now, Interruption, Level};

/// Drops the body of a request, which is drained unless that is left to nginx and nginx can do it. Returns whether what is
/// still to come of the body, if anything is, will be dropped.
pub fn begin(r: Request<'_>) -> bool {
    let conf = state::sent_to(r);
    let plain = conf.plain_terms().filter(|_| !r.is_multiplexed());
    conf.terms().or(plain).is_some_and(|terms| begin_on(r, terms))
}

fn begin_on<'r>(r: Request<'r>, terms: Terms<'r>) -> bool {
    let Some(State { drain, .. }) = r.state_or_default() else {
        return false;
    };
    if drain.progress.get() != policy::Drain::Idle {
        return true;
    }
    if (r.is_multiplexed() && !linger::is_stream_open(r)) || !state::notify_end(r) {
        return false;
    }
    state::keep_received(r);
    drain.terms.set(Some(terms));
    drain.progress.set(policy::Drain::begin(now()));

    if r.is_multiplexed() {
        begin_stream(r, drain, terms)
    } else {
        begin_connection(r, drain, terms)
    }
}

/// Begins over HTTP/1.x: the connection is ours, however the drain ends.
fn begin_connection<'r>(r: Request<'r>, drain: &Drain<'r>, terms: Terms<'r>) -> bool {
    drain.slot.set(terms.slots.take(r));
    if drain.slot.get().is_none() {
        drain.settle(Outcome::Refused);
    }
    if !linger::take_body(r) && drain.progress.get().outcome().is_none() {
        // There is nothing to drain.
        drain.release();
        drain.progress.set(policy::Drain::Idle);
        drain.terms.set(None);
        return false;
    }
    true
}

/// Begins over HTTP/2 or HTTP/3: a stream that is not drained is left to nginx.
fn begin_stream<'r>(r: Request<'r>, drain: &Drain<'r>, terms: Terms<'r>) -> bool {
    drain.slot.set(is_within_share(r).then(|| terms.slots.take(r)).flatten());
    if drain.slot.get().is_none() {
        drain.settle(Outcome::Refused);
        return false;
    }
    if !linger::take_body(r) {
        // Nothing is changed if that was its end already.
        drain.settle(Outcome::Error);
    }
    let is_going_on = drain.progress.get().outcome().is_none();
    if is_going_on {
        // nginx alone would be done with the request, and limit_conn too.
        linger::leave_limit_conn(r);
    }
    is_going_on
}

/// Called when a response is about to be made: begins where it is that of an upstream which has left the rest of the body unread.
/// The client may read nothing before it has sent all, so to wait for the end of the response may be to wait for ever.
pub fn before_answer(r: Request<'_>) {
    if of(r).is_none() && upstream::is_reading(r) && is_body_coming(r) {
        begin_early(r);
    }
}

/// Called when the header of a response has been made.
pub fn response_begin(r: Request<'_>) {
    // What nginx discards by itself is gone for subrequests that the response leads to, too.
    if of(r).is_none() && !r.is_multiplexed() && r.is_body_discarded() {
        begin_early(r);
    }
    if let Some((drain, _)) = of(r) {
        drain.update(|progress| progress.answer(now()));
        linger::watch_body(r);
    }
}

/// Whether one more stream of the connection may drain beside those that do.
fn is_within_share(r: Request<'_>) -> bool {
    let (draining, streams) = linger::streams(r);
    draining < policy::share(streams)
}

/// Called when nginx has made the last of a response, but perhaps not sent it yet.
pub fn response_end(r: Request<'_>) {
    if of(r).is_some() {
        return;
    }
    if is_body_coming(r) {
        begin_early(r);
        response_begin(r);
    }
}

/// Whether some of the body is still to come.
fn is_body_coming(r: Request<'_>) -> bool {
    if r.is_multiplexed() {
        linger::is_stream_open(r)
    } else {
        r.is_body_discarded() || (r.is_body_being_read() && r.is_body_partly_read())
    }
}

/// Begins where nginx answers before it has read the body, unless drains are left to nginx.
fn begin_early(r: Request<'_>) {
    if let Some(terms) = state::sent_to(r).terms() {
        begin_on(r, terms);
    }
}

/// Whether there is a drain, even if it has ended.
pub fn has_begun(r: Request<'_>) -> bool {
    of(r).is_some()
}

/// The drain of a request, if there is one, with its terms.
fn of<'r>(r: Request<'r>) -> Option<(&'r Drain<'r>, Terms<'r>)> {
    let drain = &r.state()?.drain;
    Some((drain, drain.terms.get()?))
}

/// How much of the body may be read and dropped now, in bytes.
pub fn may_drop(r: Request<'_>) -> u64 {
    let Some((drain, terms)) = of(r) else {
        return 0;
    };
    drain.progress.get().may_read(&terms.budget, now()).unwrap_or_else(|outcome| {
        drain.settle(outcome);
        0
    })
}

/// Called with what came of reading.
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

/// How long to wait for more of the body.
pub fn patience(r: Request<'_>) -> Patience {
    let Some((drain, terms)) = of(r) else {
        return Patience::Over;
    };
    if r.is_done() {
        if !drain.is_answered() {
            // nginx has given the request up, and done what `post_action` says: there is no answer that could be read.
            interrupt(r, drain, &terms);
        }
        if upstream::is_reading(r) {
            // The answer is cut off. The client may wait for its end, and learns of that from the end of the connection.
            drain.settle(Outcome::Error);
        }
        is_acknowledged(r, drain);
    }
    match drain.progress.get().patience(&terms.budget, now()) {
        Ok(left) => {
            if r.is_done() {
                linger::set_reusable(r);
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

/// How much more a client may be let send of a body, in bytes.
pub fn credit(r: Request<'_>) -> u64 {
    of(r).map_or(0, |(drain, terms)| drain.progress.get().credit(&terms.budget))
}

/// How much has been dropped, in bytes.
pub fn dropped(r: Request<'_>) -> u64 {
    of(r).and_then(|(drain, _)| drain.progress.get().ledger()).map_or(0, |ledger| ledger.bytes())
}

/// Whether the client has acknowledged the whole response. Once it has that remains so, although nginx may send a goodbye
/// after it that is not acknowledged yet.
fn is_acknowledged(r: Request<'_>, drain: &Drain<'_>) -> bool {
    let is_acknowledged = drain.acknowledged.get() == Some(true) || linger::is_acknowledged(r);
    drain.acknowledged.set(Some(is_acknowledged));
    is_acknowledged
}

/// Ends a drain that nginx has ended, if it was still going on.
fn interrupt(r: Request<'_>, drain: &Drain<'_>, terms: &Terms<'_>) {
    drain.settle(match r.interruption() {
        Some(Interruption::Close) => Outcome::Evicted,
        Some(Interruption::Error) => Outcome::Error,
        Some(Interruption::Timeout) | None => drain.progress.get().overdue(&terms.budget, now()),
    });
}

/// Called when the request ends.
pub fn end(r: Request<'_>) {
    report(r);
    linger::release(r);
}

fn report(r: Request<'_>) {
    let Some((drain, terms)) = of(r) else {
        return;
    };
    interrupt(r, drain, &terms);
    let acknowledged = is_acknowledged(r, drain);
    let policy::Drain::Settled(ledger, outcome, time) = drain.progress.get() else {
        return;
    };
    if !terms.is_reported {
        return;
    }
    metrics::drained(terms.zone, outcome, ledger.bytes(), acknowledged);

    let (bytes, outcome, not) = (ledger.bytes(), outcome.as_str(), if acknowledged { "" } else { "not " });
    let (seconds, milliseconds) = (time / 1000, time % 1000);
    r.log(
        Level::Info,
        format_args!(
            "drained {bytes} bytes of request body in {seconds}.{milliseconds:03}s: {outcome}, \
             response {not}acknowledged"
        ),
    );
}
