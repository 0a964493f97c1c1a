//! What the module remembers of a request: one state for the client's request, which its subrequests share.

#![forbid(unsafe_code)]

use core::cell::Cell;
use core::ptr;

use policy::{Allowance, At, Clock, Judgement, Length, Mode, Outcome, Reason, UpstreamResponse, Verdict};

use crate::conf::{By, Conf, Rule, Source, Terms};
use crate::module::Request;
use crate::slots::Slot;
use linger::Taken;
use nginx::{now, Status, Zone};

/// No piece of a body is looked at.
pub const NEVER: u64 = u64::MAX;
/// The next piece of a body is looked at, unless it is the last. No body is so long.
pub const UNLESS_WHOLE: u64 = u64::MAX - 1;

/// What the module remembers of a request. The fields are cells, because nginx calls back while a state is borrowed.
#[derive(Default)]
pub struct State<'r> {
    /// The place that the upload was sent to, which the page of an error does not change; `None` if that was not noted.
    sent_to: Cell<Option<SentTo<'r>>>,
    /// Whether the request has reached the preaccess phase. If not, it is judged when its answer is made.
    pub is_due: Cell<bool>,
    /// See [`looked_at_from`](Self::looked_at_from), and the location in which that holds.
    looked_at_from: Cell<u64>,
    looked_at_in: Cell<Option<&'r Conf<'r>>>,
    /// See [`is_accepted`](Self::is_accepted).
    is_accepted: Cell<bool>,
    /// See [`is_judged_there`](Self::is_judged_there).
    is_judged_there: Cell<bool>,
    /// See [`is_left_to_page`](Self::is_left_to_page).
    left_to_page_in: Cell<Option<&'r Conf<'r>>>,
    /// The judgement of the body; `None` before there is one.
    judged: Cell<Option<Judged<'r>>>,
    /// The status of the refusal; `None` if the request is not refused. A refusal is final, whatever else becomes of
    /// the request.
    pub refusal: Cell<Option<Status>>,
    /// The status of a refusal that replaces another answer, and how often nginx could still redirect the request at
    /// that time. `None` again as soon as the refusal is being made.
    pub replaced: Cell<Option<(Status, usize)>>,
    /// Whether nginx could not store some of the body.
    pub is_body_unstored: Cell<bool>,
    /// Whether an upstream has failed that was given the body as it came, the body never came to its end, nginx could not store it,
    /// or the page of an error goes without it, so that no other location can have it.
    pub is_body_spent: Cell<bool>,
    /// Whether the error log says so.
    pub is_loss_told: Cell<bool>,
    /// Whether the module will be told when the request ends.
    is_end_notified: Cell<bool>,
    /// What most requests never need; `None` before it is.
    more: Cell<Option<&'r More<'r>>>,
}

/// What the module remembers of a request that is limited in time, drained, or sent to an upstream that closes early. It is
/// much, so that other requests do without.
#[derive(Default)]
pub struct More<'r> {
    /// How long the body takes; `None` before any of it is read, and where nothing limits that.
    upload: Cell<Option<Upload<'r>>>,
    /// How much of the body nginx had read, in bytes, just before it lost count; `None` while nginx still counts.
    received: Cell<Option<u64>>,
    /// Whether the last of the response has been made.
    pub is_response_made: Cell<bool>,
    /// The drain of the body.
    pub drain: Drain<'r>,
    /// What the crate `linger` remembers of the body once it is taken from nginx.
    pub taken: Taken,
    /// The upstream that closed before it had the whole request.
    pub upstream: Upstream<'r>,
}

/// Where an upload was sent to.
#[derive(Clone, Copy)]
pub struct SentTo<'r> {
    /// The configuration of the location, or that of the server before there is one.
    pub conf: &'r Conf<'r>,
    /// Whether there is a location.
    pub is_located: bool,
}

/// The judgement of a body, and the location that made it.
#[derive(Clone, Copy)]
pub struct Judged<'r> {
    /// The configuration of the location that judged the body.
    pub conf: &'r Conf<'r>,
    /// The judgement.
    pub judgement: Judgement,
}

/// The reading of a body whose time is limited.
#[derive(Clone, Copy)]
pub struct Upload<'r> {
    /// What holds in the location where it is read.
    pub conf: &'r Conf<'r>,
    /// How long it may take there.
    pub allowance: &'r Allowance,
    /// How long it has taken.
    pub clock: Clock,
    /// Whether the clock is looked at whenever more has come.
    pub is_watched: bool,
    /// Whether the clock stands still, and no deadline is set.
    pub is_paused: bool,
    /// Whether nginx was still connecting to the upstream that is to take the body, when the clock was last looked at.
    pub was_connecting: bool,
}

impl<'r> State<'r> {
    /// The judgement of the body; `None` before there is one.
    pub fn judged(&self) -> Option<Judged<'r>> {
        self.judged.get()
    }

    /// Remembers that the body has passed by its declared length, which the location accepts ([`Conf::accepts`]), and that
    /// nothing of it is looked at any more. Returns false, and does nothing, if there is more to be remembered of the
    /// request already.
    #[inline]
    pub fn accept(&self, conf: &'r Conf<'r>, length: u64, is_multiplexed: bool) -> bool {
        let (Some(rule), None, None) = (conf.rule(), self.judged.get(), self.more.get()) else {
            return false;
        };
        let Source::Fixed(limit) = rule.source else {
            return false;
        };
        let judgement = Judgement::within(limit, Length::Declared(length), rule.mode);
        self.judged.set(Some(Judged { conf, judgement }));
        self.is_judged_there.set(true);
        self.look_from(NEVER, conf);
        self.is_due.set(true);
        self.is_accepted.set(!is_multiplexed);
        true
    }

    /// Notes that the body was accepted ([`is_accepted`](Self::is_accepted)), if it was. To be called when it has been judged.
    pub fn note_accepted(&self, is_multiplexed: bool) {
        let is_within = |judged: Judged<'_>| {
            matches!((judged.judgement.reason(), judged.judgement.length()), (Reason::Within, Length::Declared(_)))
        };
        let is_final =
            self.looked_at_from.get() == NEVER && self.more().is_none() && self.judged().is_some_and(is_within);
        self.is_accepted.set(is_final && !is_multiplexed);
    }

    /// Returns whether the body has passed by its declared length, over HTTP/1.x, and nothing has happened to the request since
    /// that would have to be remembered.
    #[inline]
    pub fn is_accepted(&self) -> bool {
        self.is_accepted.get()
    }

    /// Notes the place that the upload is sent to.
    pub fn send_to(&self, place: SentTo<'r>) {
        self.sent_to.set(Some(place));
        self.is_judged_there.set(false);
        self.left_to_page_in.set(None);
    }

    /// Notes that the body need not be judged again in its place.
    pub fn set_judged_there(&self) {
        self.is_judged_there.set(true);
    }

    /// Returns whether the body has been judged since the upload was sent to its place. The location that judges may be another one:
    /// an `if` has a configuration of its own.
    pub fn is_judged_there(&self) -> bool {
        self.is_judged_there.get()
    }

    /// Leaves the body to the page of an error that this location makes.
    pub fn leave_to_page(&self, conf: &'r Conf<'r>) {
        self.left_to_page_in.set(Some(conf));
    }

    /// Returns whether the page of an error that this location makes may have what there is of the body, as has been decided.
    pub fn is_left_to_page(&self, conf: &Conf<'_>) -> bool {
        self.left_to_page_in.get().is_some_and(|place| ptr::eq(place, conf))
    }

    /// Returns whether a location has judged the body. What another has made of it does not count there.
    pub fn is_judged_in(&self, conf: &Conf<'_>) -> bool {
        self.judged().is_some_and(|judged| ptr::eq(judged.conf, conf))
    }

    /// Remembers how the body is judged.
    pub fn set_judged(&self, judged: Judged<'r>) {
        self.judged.set(Some(judged));
        self.is_judged_there.set(true);
        self.is_accepted.set(false);
        self.look_when_needed(judged.conf);
    }

    /// What most requests never need; `None` if this one has not needed it yet.
    pub fn more(&self) -> Option<&'r More<'r>> {
        self.more.get()
    }

    /// As [`more`](Self::more), but makes it where there is none; `None` if memory is out. `r` must be a request that has
    /// this state.
    pub fn more_or_default(&self, r: Request<'r>) -> Option<&'r More<'r>> {
        if self.more().is_none() {
            self.is_accepted.set(false);
            self.more.set(r.keep(More::default()));
        }
        self.more()
    }

    /// How long the body takes; `None` before any of it is read, and where nothing limits that.
    pub fn upload(&self) -> Option<Upload<'r>> {
        self.more()?.upload.get()
    }

    /// Remembers how long the body takes, unless memory is out. `r` must be a request that has this state.
    pub fn set_upload(&self, r: Request<'r>, upload: Upload<'r>) {
        if let Some(more) = self.more_or_default(r) {
            more.upload.set(Some(upload));
            self.look_when_needed(upload.conf);
        }
    }

    /// How much of the body of this request nginx has read, in bytes, or had just before it lost count.
    pub fn received(&self, r: Request<'_>) -> u64 {
        let kept = self.more().and_then(|more| more.received.get());
        kept.unwrap_or_else(|| if r.is_body_counted() { r.body_received() } else { 0 })
    }

    /// The drain of the body; `None` if none has started.
    pub fn drain(&self) -> Option<&'r Drain<'r>> {
        self.more().map(|more| &more.drain)
    }

    /// The upstream that closed early; `None` if none has.
    pub fn upstream(&self) -> Option<&'r Upstream<'r>> {
        self.more().map(|more| &more.upstream)
    }

    /// How many bytes of the body must have been seen for a piece of it to be looked at, where it is read in this location;
    /// 0 if the next piece is, [`NEVER`] if none is, [`UNLESS_WHOLE`] if the next piece is unless it is the last.
    #[inline]
    pub fn looked_at_from(&self, conf: &Conf<'_>) -> u64 {
        match self.looked_at_in.get() {
            Some(place) if ptr::eq(place, conf) => self.looked_at_from.get(),
            _ => 0,
        }
    }

    /// Has every piece of the body looked at from now on: it is drained as it comes.
    pub fn look_always(&self) {
        self.looked_at_in.set(None);
    }

    /// Has a piece of the body, where it is read in this location, looked at only after so many bytes.
    fn look_from(&self, bytes: u64, conf: &'r Conf<'r>) {
        self.looked_at_from.set(bytes);
        self.looked_at_in.set(Some(conf));
    }

    /// Has a piece of the body, where it is read in this location, looked at only when its size or the time that it takes may
    /// matter.
    fn look_when_needed(&self, conf: &'r Conf<'r>) {
        if self.drain().is_none_or(|drain| drain.progress.get() == policy::Drain::Idle) {
            let judged_from = self.judged_from(conf);
            let from = match self.upload() {
                Some(upload) if upload.is_watched => 0,
                Some(_) => judged_from,
                None => self.timed_from(conf, judged_from),
            };
            self.look_from(from, conf);
        }
    }

    /// After how many bytes of the body its size has to be judged in this location, again or for the first time.
    fn judged_from(&self, conf: &Conf<'_>) -> u64 {
        match self.judged() {
            Some(judged) if self.is_judged_in(conf) => judged.judgement.repeated_at(),
            _ if conf.rule().is_none() => NEVER,
            _ => 0,
        }
    }

    /// The same before the clock has started, where one may have to start.
    fn timed_from(&self, conf: &Conf<'_>, judged_from: u64) -> u64 {
        // A body that comes as a whole takes no time. Nobody needs to know that if its size is judged and no zone counts.
        let is_told = || self.verdict_by_size().is_some() && self.zone().is_none();
        match (conf.allowance().is_some(), judged_from) {
            (false, from) => from,
            (true, NEVER) if is_told() => UNLESS_WHOLE,
            (true, _) => 0,
        }
    }

    /// The rule by which the body was judged; `None` before it is judged.
    pub fn rule(&self) -> Option<&'r Rule<'r>> {
        self.judged().and_then(|judged| judged.conf.rule())
    }

    /// The judgement of the body, if it is to be reported: a judgement by a `client_max_body_size` alone is not.
    pub fn told(&self) -> Option<Judged<'r>> {
        self.judged().filter(|_| self.rule().is_some_and(|rule| rule.by == By::LimitBody))
    }

    /// What is decided about the body by its size; `None` before there is something to tell.
    pub fn verdict_by_size(&self) -> Option<Verdict> {
        self.told().and_then(|told| told.judgement.verdict())
    }

    /// What is decided about the body, by its size and by the time that it took; `None` before there is something to tell.
    pub fn verdict(&self) -> Option<Verdict> {
        let by_size = self.verdict_by_size();
        let Some(upload) = self.upload() else {
            return by_size;
        };
        match (by_size, upload.clock.is_overdue(), upload.conf.mode()) {
            // The dry run was of another location than the one that has read the body.
            (Some(Verdict::Passed | Verdict::RejectedDryRun) | None, true, Mode::Enforce) => Some(Verdict::TimedOut),
            (Some(Verdict::Passed) | None, true, Mode::DryRun) => Some(Verdict::TimedOutDryRun),
            // Over a `client_max_body_size` alone.
            (None, ..) if self.judged().is_some_and(|judged| judged.judgement.is_refusal()) => None,
            (by_size, ..) => by_size.or(Some(Verdict::Passed)),
        }
    }

    /// What the verdict was reached by; `None` without one.
    pub fn at(&self) -> Option<At> {
        match self.verdict()? {
            Verdict::TimedOut | Verdict::TimedOutDryRun => Some(At::Body),
            _ => Some(self.told().map_or(At::Body, |told| told.judgement.at())),
        }
    }

    /// What holds in the location where the body is judged, or else where it is read; `None` before either.
    fn conf(&self) -> Option<&'r Conf<'r>> {
        self.judged().map(|judged| judged.conf).or_else(|| Some(self.upload()?.conf))
    }

    /// Where the upload is counted; `None` where it is not.
    pub fn zone(&self) -> Option<Zone<'r>> {
        self.conf().and_then(Conf::zone)
    }

    /// Returns whether the request has been refused.
    pub fn is_refused(&self) -> bool {
        self.refusal.get().is_some()
    }
}

/// What is remembered of the drain of a request's body. By default no drain has started.
#[derive(Default)]
pub struct Drain<'r> {
    /// The state of the drain.
    pub progress: Cell<policy::Drain>,
    /// The terms of the drain; `None` before it starts.
    pub terms: Cell<Option<&'r Terms<'r>>>,
    /// Whether the client has acknowledged the whole response; `None` before this is first checked.
    pub acknowledged: Cell<Option<bool>>,
    /// The slot of the drain; `None` if it has none.
    pub slot: Cell<Option<Slot<'r>>>,
}

impl<'r> Drain<'r> {
    /// Returns whether a drain has started on an HTTP/2 or HTTP/3 stream, whose body is dropped as it arrives. `r` must
    /// be a request that has this state.
    pub fn is_of_stream(&self, r: Request<'_>) -> bool {
        self.progress.get().ledger().is_some() && r.is_multiplexed()
    }

    /// Returns whether there is a drain, even if it has ended.
    pub fn has_begun(&self) -> bool {
        self.terms.get().is_some()
    }

    /// Returns whether the drain deals with the body, or has: not if there was no slot for it on an HTTP/2 or HTTP/3 stream, which
    /// is left to nginx. `r` must be a request that has this state.
    pub fn deals_with_body(&self, r: Request<'_>) -> bool {
        let is_refused = self.progress.get().outcome() == Some(Outcome::Refused);
        self.has_begun() && !(is_refused && r.is_multiplexed())
    }

    /// Returns false while the drain waits for the answer to be made, and true in any other state.
    pub fn is_answered(&self) -> bool {
        !matches!(self.progress.get(), policy::Drain::Waiting(_))
    }

    /// How many bytes were drained; `None` if there was no drain to report.
    pub fn bytes(&self) -> Option<u64> {
        self.reported()?.ledger().map(|ledger| ledger.bytes())
    }

    /// How the drain ended; `None` before its end, and if there is no drain to report.
    pub fn outcome(&self) -> Option<Outcome> {
        self.reported()?.outcome()
    }

    /// How long the drain took, in milliseconds; `None` before its end, and if there is no drain to report.
    pub fn time(&self) -> Option<u64> {
        match self.reported()? {
            policy::Drain::Settled(_, _, time) => Some(time),
            _ => None,
        }
    }

    /// The state of the drain, if it is to be reported.
    fn reported(&self) -> Option<policy::Drain> {
        self.terms.get().filter(|terms| terms.is_reported).map(|_| self.progress.get())
    }

    /// Changes the state of the drain. Returns the result of `change`.
    pub fn update<T>(&self, change: impl FnOnce(&mut policy::Drain) -> T) -> T {
        update(&self.progress, change)
    }

    /// Settles the drain with this outcome, and gives its slot back. Does nothing if it is settled already, or has not
    /// started.
    pub fn settle(&self, outcome: Outcome) {
        if self.update(|progress| progress.settle(outcome, now())) {
            self.release();
        }
    }

    /// Forgets that the drain was to start, and gives its slot back.
    pub fn reset(&self) {
        self.progress.set(policy::Drain::Idle);
        self.terms.set(None);
        self.release();
    }

    /// Gives the slot back, if there is one.
    pub fn release(&self) {
        if let Some(slot) = self.slot.take() {
            slot.give_back();
        }
    }
}

/// What is remembered of an upstream that closed before it had the whole request. By default none has.
#[derive(Default)]
pub struct Upstream<'r> {
    /// The state of its response.
    pub response: Cell<UpstreamResponse>,
    /// The upstream's number ([`Request::upstream`](nginx::Request::upstream)); `None` if none has closed early.
    pub number: Cell<Option<usize>>,
    /// The zone that counts the upstream; `None` if it is not counted.
    pub zone: Cell<Option<Zone<'r>>>,
}

impl Upstream<'_> {
    /// Changes the state of the response. Returns the result of `change`.
    pub fn update<T>(&self, change: impl FnOnce(&mut UpstreamResponse) -> T) -> T {
        update(&self.response, change)
    }
}

/// Changes the value of a cell. Returns the result of `change`.
fn update<S: Copy, T>(cell: &Cell<S>, change: impl FnOnce(&mut S) -> T) -> T {
    let mut state = cell.get();
    let result = change(&mut state);
    cell.set(state);
    result
}

/// The place that the upload was sent to, which the page of an error does not change; `None` if that was not noted.
pub fn noted<'r>(r: Request<'r>) -> Option<SentTo<'r>> {
    r.state().and_then(|state| state.sent_to.get())
}

/// The configuration of that place. If it was not noted, the configuration of the current location: nginx also answers when it
/// has just found one.
pub fn sent_to<'r>(r: Request<'r>) -> &'r Conf<'r> {
    let is_elsewhere = r.is_error_page() && r.is_redirected();
    let is_here = |sent_to: &SentTo<'_>| !sent_to.is_located && r.is_located() && !is_elsewhere;
    noted(r).filter(|sent_to| !is_here(sent_to)).map_or_else(|| r.conf(), |sent_to| sent_to.conf)
}

/// Arranges for the module to be told once when the request ends. Returns whether that succeeded: there is a state, and
/// there was memory.
pub fn notify_end(r: Request<'_>) -> bool {
    r.state().is_some_and(|state| {
        state.is_end_notified.set(state.is_end_notified.get() || r.notify_end());
        state.is_end_notified.get()
    })
}

/// Called at that end, which nginx tells once. It may keep the request for a while after that: whatever begins then has to ask
/// again.
pub fn has_ended(r: Request<'_>) {
    if let Some(state) = r.state() {
        state.is_end_notified.set(false);
    }
}

/// Remembers how much of the body nginx has read, before nginx loses count.
pub fn keep_received(r: Request<'_>) {
    if let Some((state, more)) = r.state().and_then(|state| Some((state, state.more_or_default(r)?))) {
        more.received.set(Some(state.received(r)));
    }
}
