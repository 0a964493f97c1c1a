//! The drain: what happens while nginx drops a body so that the client reads the answer (HTTP/1.x).
//!
//! [`begin`] where an answer is made before the body has been read: by a refusal, or by [`response_end`] for whatever else
//! nginx answers. From then on nginx asks [`reading`] before it reads, and tells [`has_read`] what came of it; the ledger
//! decides how long that goes on. [`end`] settles how it ended.

#![forbid(unsafe_code)]

use core::cell::Cell;

use policy::{At, Budget, Ledger, Outcome};

use crate::nginx::{now, slots, Got, Interruption, Level, Reading, Request};
use crate::state::State;
use crate::LimitBody;

/// The drain of a request's body; the same as no drain until it is begun.
#[derive(Default)]
pub struct Drain {
    /// What it may cost; `None` if there is no drain.
    budget: Cell<Option<Budget>>,
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

/// What the variables show of a drain.
pub struct Shown {
    /// How much was drained, in bytes.
    pub bytes: u64,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// How long it took, in milliseconds.
    pub time: u64,
    /// Whether the client had acknowledged the whole response in the end.
    pub acknowledged: Option<bool>,
}

impl Drain {
    /// What there is to show; `None` if there was no drain.
    pub fn shown(&self) -> Option<Shown> {
        self.budget.get().map(|_| Shown {
            bytes: self.ledger.get().bytes(),
            outcome: self.outcome.get(),
            time: self.time.get(),
            acknowledged: self.acknowledged.get(),
        })
    }
}

/// Begins to drain the body of a request, where drains are not left to nginx.
pub fn begin(r: &Request) {
    let Some(budget) = r.conf::<LimitBody>().budget() else {
        return;
    };
    let Some(State { drain, .. }) = r.state_or_default::<LimitBody>() else {
        return;
    };
    if drain.budget.get().is_some() || r.is_multiplexed() || !r.intercept_reading::<LimitBody>() {
        return;
    }
    drain.budget.set(Some(*budget));
    drain.ledger.set(Ledger::begin(now()));
    if slots::take::<LimitBody>(budget.conns.unwrap_or(u32::MAX)) {
        drain.has_slot.set(true);
    } else {
        drain.outcome.set(Some(Outcome::Refused));
    }
}

/// Called when nginx has made the last of a response, but perhaps not sent it yet.
pub fn response_end(r: &Request) {
    if r.is_multiplexed() || !r.is_main() {
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
    Some((drain, drain.budget.get()?))
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
        r.set_reusable();
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

/// Called with what came of reading.
pub fn has_read(r: &Request, got: Got) {
    let Some((drain, _)) = of(r) else {
        return;
    };
    match got {
        Got::Bytes(bytes) => add(drain, bytes),
        Got::End => drain.outcome.set(Some(Outcome::Closed)),
        Got::Failed => drain.outcome.set(Some(Outcome::Error)),
    }
}

/// Enters what was drained of what nginx had read ahead.
pub fn add_read_ahead(r: &Request, bytes: u64) {
    if let Some((drain, _)) = of(r) {
        add(drain, bytes);
    }
}

fn add(drain: &Drain, bytes: u64) {
    let mut ledger = drain.ledger.get();
    ledger.add(bytes, now());
    drain.ledger.set(ledger);
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
    if drain.has_slot.replace(false) {
        slots::give_back::<LimitBody>();
    }
}

/// Called when the request ends.
pub fn end(r: &Request) {
    let Some((drain, budget)) = of(r) else {
        return;
    };
    let ledger = drain.ledger.get();
    let outcome = if r.is_body_discarded_whole() {
        Outcome::Complete
    } else {
        drain.outcome.get().unwrap_or_else(|| match r.interruption() {
            Some(Interruption::Close) => Outcome::Evicted,
            Some(Interruption::Error) => Outcome::Error,
            Some(Interruption::Timeout) | None => ledger.overdue(&budget, now()),
        })
    };
    let time = if outcome == Outcome::Complete { ledger.busy() } else { ledger.elapsed(now()) };
    let acknowledged = is_acknowledged(r, drain);
    drain.outcome.set(Some(outcome));
    drain.time.set(time);
    release(drain);

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
