//! The drain: what happens while a body is dropped so that the client reads the answer.
//!
//! [`begin`] where an answer is made before the body has been read: by a refusal, or by [`response_end`] for whatever else
//! nginx answers. On HTTP/1.x nginx then asks [`reading`] before it reads; on HTTP/2 and HTTP/3, where it would end the
//! stream with the answer, the stream is taken from it, and [`patience`] says when that is over. Either tells [`has_read`]
//! what came; the ledger decides how long it goes on. [`end`] settles how it ended.

#![forbid(unsafe_code)]

use core::cell::Cell;

use policy::{At, Budget, Ledger, Outcome};

use crate::conf::{Conf, Terms};
use crate::nginx::{now, Got, Held, Interruption, Level, Reading, Request};
use crate::state::{self, State};
use crate::{metrics, LimitBody};

/// The drain of a request's body; the same as no drain until it is begun.
#[derive(Default)]
pub struct Drain {
    /// The location that it is held in; `None` where that is the one that the answer comes from.
    held: Cell<Option<Held<Conf>>>,
    /// Whether it is begun.
    is_begun: Cell<bool>,
    /// What has been drained.
    ledger: Cell<Ledger>,
    /// How it ended; `None` before.
    outcome: Cell<Option<Outcome>>,
    /// How long it took, in milliseconds; final when the request ends.
    time: Cell<u64>,
    /// Whether the client has acknowledged the whole response; final when the request ends.
    acknowledged: Cell<Option<bool>>,
    /// Whether it has a slot.
    has_slot: Cell<bool>,
}

impl Drain {
    /// Whether the body of the request that it belongs to is a stream's, and dropped as it comes (HTTP/2 and HTTP/3).
    pub fn is_of_stream(&self, r: &Request) -> bool {
        self.is_begun.get() && r.is_multiplexed()
    }

    /// How much was drained, in bytes; `None` if there was no drain.
    pub fn bytes(&self) -> Option<u64> {
        self.is_begun.get().then(|| self.ledger.get().bytes())
    }

    /// How it ended; `None` before, and if there was none.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome.get()
    }

    /// How long it took, in milliseconds; `None` if there was none.
    pub fn time(&self) -> Option<u64> {
        self.is_begun.get().then(|| self.time.get())
    }

    /// Whether the client had acknowledged the whole response in the end; `None` if there was none.
    pub fn acknowledged(&self) -> Option<bool> {
        self.acknowledged.get()
    }
}

/// Settles where the drain of a refused body is held, before the request is redirected to an error page.
pub fn hold(r: &Request) {
    if let Some(State { drain, .. }) = r.state::<LimitBody>() {
        drain.held.set(Some(r.hold_conf::<LimitBody>()).filter(|conf| conf.get().terms().is_some()));
    }
}

/// Begins to drain the body of a request, where drains are not left to nginx, unless that has been done. Says whether the
/// body is being drained.
pub fn begin(r: &Request) -> bool {
    let held = r.state::<LimitBody>().and_then(|state| state.drain.held.get());
    let held = held.unwrap_or_else(|| r.hold_conf::<LimitBody>());
    let Some(Terms { budget, slots }) = held.get().terms() else {
        return false;
    };
    let Some(State { drain, .. }) = r.state_or_default::<LimitBody>() else {
        return false;
    };
    if drain.is_begun.get() {
        return drain.outcome.get().is_none();
    }
    if (r.is_multiplexed() && !r.is_stream_open()) || !r.notify_end::<LimitBody>() {
        return false;
    }
    drain.is_begun.set(true);
    drain.held.set(Some(held));
    drain.ledger.set(Ledger::begin(now()));
    if r.is_multiplexed() {
        state::keep_received(r);
    }

    let most = budget.conns.unwrap_or(u32::MAX);
    let taken = slots.map_or(true, |slots| slots.take::<LimitBody>(most));
    drain.has_slot.set(taken);
    if !taken {
        drain.outcome.set(Some(Outcome::Refused));
    }
    let intercepted = match (r.is_multiplexed(), taken) {
        (false, _) => r.intercept_reading::<LimitBody>(),
        (true, true) => r.take_stream::<LimitBody>(),
        (true, false) => true,
    };
    if !intercepted {
        drain.outcome.set(Some(Outcome::Error));
    }
    drain.outcome.get().is_none()
}

/// Called when nginx has made the last of a response, but perhaps not sent it yet.
pub fn response_end(r: &Request) {
    if !r.is_main() {
        return;
    }
    if r.is_multiplexed() {
        if begin(r) {
            r.watch_stream::<LimitBody>();
        }
        return;
    }
    if r.is_body_discarded() {
        begin(r);
    } else if r.is_body_partly_read() && (r.is_body_being_read() || was_refused_in_midstream(r)) {
        begin(r);
        // Where it is begun, nginx is to discard the rest as it does with bodies that it has not begun to read: with the
        // connection open in both directions until the client is done.
        if of(r).is_some() {
            r.discard_rest();
        }
    }
    if of(r).is_some() {
        // The client may have sent as much as it can while nobody read: nothing new would wake nginx up.
        r.post_read();
    }
}

fn was_refused_in_midstream(r: &Request) -> bool {
    r.state::<LimitBody>().is_some_and(|state| state.is_refused() && state.at.get() == Some(At::Body))
}

/// The drain of a request, if there is one, with its budget.
fn of(r: &Request) -> Option<(&Drain, Budget)> {
    let drain = &r.state::<LimitBody>()?.drain;
    drain.is_begun.get().then_some((drain, drain.held.get()?.get().terms()?.budget))
}

/// Called when nginx is about to read.
pub fn reading(r: &Request) -> Reading {
    let Some((drain, budget)) = of(r) else {
        return Reading::AsUsual;
    };
    if !r.is_done() {
        if drain.outcome.get().is_some() {
            return Reading::Wait;
        }
        if !r.is_body_discarded() {
            // nginx is only about to discard. First comes the answer.
            return Reading::Later;
        }
    } else if r.is_body_discarded_whole() {
        // Whatever else the client sends, until it closes.
        release(drain);
        return Reading::AsUsual;
    } else {
        r.set_reusable::<LimitBody>();
        is_acknowledged(r, drain);
    }

    if drain.outcome.get().is_some() {
        return Reading::Stop;
    }
    match drain.ledger.get().may_drain(&budget, now()) {
        Ok(most) => Reading::Drop(most),
        Err(outcome) => {
            drain.outcome.set(Some(outcome));
            if r.is_done() {
                Reading::Stop
            } else {
                Reading::Wait
            }
        }
    }
}

/// Called with what came of reading, and for what nginx had read ahead.
pub fn has_read(r: &Request, got: Got) {
    let Some((drain, _)) = of(r) else {
        return;
    };
    match got {
        Got::Bytes(bytes) => {
            let mut ledger = drain.ledger.get();
            ledger.add(bytes, now());
            drain.ledger.set(ledger);
        }
        Got::Whole => drain.outcome.set(Some(Outcome::Complete)),
        Got::End => drain.outcome.set(Some(Outcome::Closed)),
        Got::Failed | Got::Malformed => drain.outcome.set(Some(Outcome::Error)),
        Got::Evicted => drain.outcome.set(Some(Outcome::Evicted)),
    }
}

/// How long to wait for more of a stream, in milliseconds; `None` if the drain is over.
pub fn patience(r: &Request) -> Option<u64> {
    let (drain, budget) = of(r)?;
    if r.is_done() {
        is_acknowledged(r, drain);
    }
    if drain.outcome.get().is_some() {
        return None;
    }
    match drain.ledger.get().patience(&budget, now()) {
        Ok(left) => {
            if r.is_done() {
                r.set_reusable::<LimitBody>();
            }
            Some(left)
        }
        Err(outcome) => {
            drain.outcome.set(Some(outcome));
            None
        }
    }
}

/// How long nginx may go on, in milliseconds.
pub fn time_left(r: &Request) -> Option<u64> {
    let (drain, budget) = of(r)?;
    if drain.outcome.get().is_some() || r.is_body_discarded_whole() {
        return None;
    }
    Some(drain.ledger.get().left(&budget, now()))
}

/// Whether the client has acknowledged the whole response. Once it has that remains so, although nginx may send a goodbye
/// after it that is not acknowledged yet.
fn is_acknowledged(r: &Request, drain: &Drain) -> bool {
    let is_acknowledged = drain.acknowledged.get() == Some(true) || r.is_acknowledged();
    drain.acknowledged.set(Some(is_acknowledged));
    is_acknowledged
}

/// Lets another drain have the slot.
fn release(drain: &Drain) {
    let slots = drain.held.get().and_then(|conf| conf.get().terms()?.slots);
    if let Some(slots) = slots.filter(|_| drain.has_slot.replace(false)) {
        slots.give_back::<LimitBody>();
    }
}

/// Called when the request ends.
pub fn end(r: &Request) {
    let Some((drain, budget)) = of(r) else {
        return;
    };
    let ledger = drain.ledger.get();
    let outcome = drain.outcome.get().unwrap_or_else(|| match r.interruption() {
        _ if r.is_body_discarded_whole() => Outcome::Complete,
        Some(Interruption::Close) => Outcome::Evicted,
        Some(Interruption::Error) => Outcome::Error,
        Some(Interruption::Timeout) | None => ledger.overdue(&budget, now()),
    });
    let time = if outcome == Outcome::Complete { ledger.busy() } else { ledger.elapsed(now()) };
    let acknowledged = is_acknowledged(r, drain);
    drain.outcome.set(Some(outcome));
    drain.time.set(time);
    release(drain);
    if let Some(conf) = drain.held.get() {
        metrics::drained(conf.get(), outcome, ledger.bytes(), acknowledged);
    }

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
