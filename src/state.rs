//! What the module remembers of a request: one state for the client's request, shared by its subrequests.

#![forbid(unsafe_code)]

use core::cell::Cell;

use policy::{Judgement, Outcome, UpstreamResponse, Verdict};

use crate::conf::{By, Conf, Rule, Terms};
use crate::module::Request;
use crate::slots::Slot;
use linger::Taken;
use nginx::{now, Status, Zone};

/// See the fields. All of it is for `&State`: nginx calls back while a state is borrowed.
#[derive(Default)]
pub struct State<'r> {
    /// What holds in the location that the upload was sent to, whatever error pages follow; `None` where nobody asks.
    pub sent_to: Cell<Option<&'r Conf<'r>>>,
    /// Whether the request has come so far that it is judged before its answer is made.
    pub is_due: Cell<bool>,
    /// What was decided about the body; `None` before.
    pub judged: Cell<Option<Judged<'r>>>,
    /// The status of the refusal; `None` if there is none. A refusal is final, whatever else becomes of the request.
    pub refusal: Cell<Option<Status>>,
    /// A refusal that takes the place of another answer, and how often the request could be redirected then; `None` again as
    /// soon as it is being made.
    pub replaced: Cell<Option<(Status, usize)>>,
    /// What happens to a body that is not wanted.
    pub drain: Drain<'r>,
    /// The body, once it is taken from nginx to be drained.
    pub taken: Taken,
    /// How much of the body nginx had read, in bytes, when it was to lose count; `None` as long as nginx knows.
    pub received: Cell<Option<u64>>,
    /// The upstream that has closed before it had the whole request.
    pub upstream: Upstream<'r>,
    /// Whether the module will be told when the request ends.
    is_end_notified: Cell<bool>,
}

/// What was decided about a body, and where.
#[derive(Clone, Copy)]
pub struct Judged<'r> {
    /// What holds in the location where it was judged.
    pub conf: &'r Conf<'r>,
    /// The decision.
    pub judgement: Judgement,
}

impl<'r> State<'r> {
    /// The rule by which the body was judged; `None` before.
    pub fn rule(&self) -> Option<&'r Rule<'r>> {
        self.judged.get().and_then(|judged| judged.conf.rule())
    }

    /// What was decided about the body, if that is to be told: a limit of nginx's own tells nobody.
    pub fn told(&self) -> Option<Judged<'r>> {
        self.judged.get().filter(|_| self.rule().is_some_and(|rule| rule.by == By::LimitBody))
    }

    /// The judgement, once there is a verdict to be told.
    pub fn verdict(&self) -> Option<(Judgement, Verdict)> {
        let judgement = self.told()?.judgement;
        judgement.verdict().map(|verdict| (judgement, verdict))
    }

    /// Whether the request has been refused.
    pub fn is_refused(&self) -> bool {
        self.refusal.get().is_some()
    }
}

/// What is remembered of the drain of a request's body; the same as no drain until it is begun.
#[derive(Default)]
pub struct Drain<'r> {
    /// How far it has got.
    pub progress: Cell<policy::Drain>,
    /// What it may cost, and where it is counted; `None` before it is begun.
    pub terms: Cell<Option<Terms<'r>>>,
    /// Whether the client has acknowledged the whole response; final when the request ends.
    pub acknowledged: Cell<Option<bool>>,
    /// The slot that it has.
    pub slot: Cell<Option<Slot<'r>>>,
}

impl<'r> Drain<'r> {
    /// Whether the body of the request that it belongs to is a stream's, and dropped as it comes (HTTP/2 and HTTP/3).
    pub fn is_of_stream(&self, r: Request<'_>) -> bool {
        self.progress.get().ledger().is_some() && r.is_multiplexed()
    }

    /// Whether the answer is being made, or has been.
    pub fn is_answered(&self) -> bool {
        !matches!(self.progress.get(), policy::Drain::Waiting(_))
    }

    /// How much was drained, in bytes; `None` if there was no drain.
    pub fn bytes(&self) -> Option<u64> {
        self.reported()?.ledger().map(|ledger| ledger.bytes())
    }

    /// How it ended; `None` before, and if there was none.
    pub fn outcome(&self) -> Option<Outcome> {
        self.reported()?.outcome()
    }

    /// How long it took, in milliseconds; `None` before it has ended, and if there was none.
    pub fn time(&self) -> Option<u64> {
        match self.reported()? {
            policy::Drain::Settled(_, _, time) => Some(time),
            _ => None,
        }
    }

    /// Whether the client had acknowledged the whole response in the end; `None` if there was none.
    pub fn acknowledged(&self) -> Option<bool> {
        self.reported().and(self.acknowledged.get())
    }

    /// The drain, unless nobody is to be told of it.
    fn reported(&self) -> Option<policy::Drain> {
        self.terms.get().filter(|terms| terms.is_reported).map(|_| self.progress.get())
    }

    /// Changes how far it has got.
    pub fn update<T>(&self, change: impl FnOnce(&mut policy::Drain) -> T) -> T {
        update(&self.progress, change)
    }

    /// Ends it, and lets another drain have the slot. Does nothing if it has ended before.
    pub fn settle(&self, outcome: Outcome) {
        if self.update(|progress| progress.settle(outcome, now())) {
            self.release();
        }
    }

    /// Lets another drain have the slot.
    pub fn release(&self) {
        if let Some(slot) = self.slot.take() {
            slot.give_back();
        }
    }
}

/// What is remembered of an upstream that has closed before it had the whole request; the same as none until one has.
#[derive(Default)]
pub struct Upstream<'r> {
    /// How far its response has got.
    pub response: Cell<UpstreamResponse>,
    /// Which one it is ([`Request::upstream`](nginx::Request::upstream)).
    pub number: Cell<Option<usize>>,
    /// Where it is counted; `None` where it is not.
    pub zone: Cell<Option<Zone<'r>>>,
}

impl Upstream<'_> {
    /// Changes how far its response has got.
    pub fn update<T>(&self, change: impl FnOnce(&mut UpstreamResponse) -> T) -> T {
        update(&self.response, change)
    }
}

/// Changes what is in a cell.
fn update<S: Copy, T>(cell: &Cell<S>, change: impl FnOnce(&mut S) -> T) -> T {
    let mut state = cell.get();
    let result = change(&mut state);
    cell.set(state);
    result
}

/// The location that an upload was sent to, whatever error pages have followed.
pub fn sent_to<'r>(r: Request<'r>) -> &'r Conf<'r> {
    let noted = r.state().and_then(|state| state.sent_to.get());
    noted.unwrap_or_else(|| r.conf())
}

/// Has the module told, once, when the request ends. Returns whether that could be done.
pub fn notify_end(r: Request<'_>) -> bool {
    r.state().is_some_and(|state| {
        state.is_end_notified.set(state.is_end_notified.get() || r.notify_end());
        state.is_end_notified.get()
    })
}

/// Remembers how much of the body has been read, before nginx loses count.
pub fn keep_received(r: Request<'_>) {
    if let Some(state) = r.state() {
        if state.received.get().is_none() {
            state.received.set(Some(r.body_received()));
        }
    }
}
