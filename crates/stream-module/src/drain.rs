//! The drain: dropping what the client of a session still sends when nginx has ended that, so that the client reads the
//! answer.

#![forbid(unsafe_code)]

use policy::{Budget, Ledger, Outcome};

use crate::conf::{Conf, Terms};
use crate::metrics;
use crate::module::Session;
use linger::{progress, Got, Patience};
use nginx::{now, shutdown_timeout, Level, Log, Seconds, Zone};

/// Called when the upstream has closed with something unread, and has perhaps answered before; and then for each piece that
/// the client sends. Returns whether the piece is dropped, and nginx goes on to pass the answer on: where there are drains, so
/// that the client reads it, and within their budget.
pub fn upstream_interrupted(s: Session<'_>, bytes: u64) -> bool {
    let Some(terms) = s.conf().terms() else {
        return false;
    };
    let Some(state) = s.state_or_default() else {
        return false;
    };
    let Some(mut ledger) = begun(s) else {
        // What nginx had read until now was read for the upstream.
        s.log(Level::Info, format_args!("upstream takes nothing more, reading what it has sent"));
        state.drained.set(Some(Ledger::begin(now())));
        state.progress.set(progress(s));
        return true;
    };
    let may_drop = ledger.may_drain(&terms.budget, now()).unwrap_or(0);
    ledger.add(bytes.min(may_drop), now());
    state.drained.set(Some(ledger));
    bytes <= may_drop
}

/// The ledger of a drain that has begun before the end of the session. Its clock starts anew when the client has taken all of
/// the answer that nginx has for it, or some since the last look.
pub fn begun(s: Session<'_>) -> Option<Ledger> {
    let state = s.state()?;
    let ledger = state.drained.get()?;
    let progress = progress(s);
    let takes = state.progress.replace(progress) != progress || !s.connection().is_buffered();
    Some(if takes { ledger.restarted(now()) } else { ledger })
}

/// The drain of one connection.
#[derive(Clone, Copy)]
pub struct Drain<'c> {
    terms: &'c Terms<'c>,
    /// That of the terms, shortened in a worker that is ending.
    budget: Budget,
    progress: policy::Drain,
    /// Whether the client was found to be able to send still.
    was_open: bool,
    /// Where the drain has its slot.
    slot: Option<Zone<'c>>,
}

impl<'c> Drain<'c> {
    /// Starts a drain, if there are any in this server, or goes on with one that has `begun` before.
    pub fn begin(conf: &'c Conf<'c>, begun: Option<Ledger>) -> Option<Self> {
        let terms = conf.terms()?;
        let mut budget = terms.budget;
        // nginx's timer, which evicts drains, may have ended this session just now, and pass by the drain: it goes through
        // all connections once.
        budget.time = budget.time.min(shutdown_timeout().unwrap_or(u64::MAX));
        let mut ledger = begun.unwrap_or(Ledger::begin(now()));
        // From now on the client may not be silent for `idle`.
        ledger.add(0, now());
        let was_open = begun.is_some() && ledger.may_drain(&budget, now()).is_err();
        Some(Self { terms, budget, progress: policy::Drain::Draining(ledger), was_open, slot: None })
    }

    /// Takes a slot. Returns whether there was one.
    pub fn admit(&mut self) -> bool {
        self.was_open = true;
        match self.terms.zone {
            Some(zone) if !zone.take(self.terms.conns.unwrap_or(u32::MAX)) => {
                self.settle(Outcome::Refused);
                false
            }
            zone => {
                self.slot = zone;
                true
            }
        }
    }

    /// How many bytes may be dropped now; 0 if the budget is spent, which settles the drain.
    pub fn may_drop(&mut self) -> u64 {
        self.progress.may_read(&self.budget, now()).unwrap_or_else(|outcome| {
            self.settle(outcome);
            0
        })
    }

    /// Called with each result of reading. A session has no length, so it is the client that ends it.
    pub fn has_read(&mut self, got: Got) {
        match got {
            Got::Bytes(bytes) => self.progress.add(bytes, now()),
            Got::Whole | Got::End => self.settle(Outcome::Closed),
            Got::Failed | Got::Malformed => self.settle(Outcome::Error),
            Got::Evicted => self.settle(Outcome::Evicted),
        }
    }

    /// How long to wait for more. Settles the drain if its budget is spent.
    pub fn patience(&mut self) -> Patience {
        match self.progress.patience(&self.budget, now()) {
            Ok(left) => Patience::Wait(left),
            Err(outcome) => {
                self.settle(outcome);
                Patience::Over
            }
        }
    }

    /// Called when the drain ends. Gives back its slot, and reports it, unless the client had closed before and nothing
    /// was to be dropped.
    pub fn ended(&mut self, is_acknowledged: bool, log: Log<'_>) {
        if let Some(zone) = self.slot.take() {
            zone.give_back();
        }
        let policy::Drain::Settled(ledger, outcome, time) = self.progress else {
            return;
        };
        if !self.was_open && ledger.bytes() == 0 {
            return;
        }
        metrics::drained(self.terms.zone, outcome, ledger.bytes(), is_acknowledged);

        let (bytes, outcome, not) = (ledger.bytes(), outcome.as_str(), if is_acknowledged { "" } else { "not " });
        let time = Seconds(time);
        log.write(
            Level::Info,
            format_args!("drained {bytes} bytes of session in {time}s: {outcome}, response {not}acknowledged"),
        );
    }

    fn settle(&mut self, outcome: Outcome) {
        self.progress.settle(outcome, now());
    }
}
