//! The drain: reading a body that nobody wants, so that the client reads the answer.

use crate::{Budget, Ledger, Spent};

/// The state of the drain of one body, from the moment when it is certain that nobody wants the body.
///
/// ```text
///        begin             answer              settle
/// Idle ---------> Waiting ---------> Draining ---------> Settled
///                    \_________________________________/
///                                  settle
/// ```
///
/// The first outcome stands: a settled drain does not change any more.
///
/// The clock starts with the answer: the client is not to blame for the time that it has to wait for that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drain {
    /// There is no drain.
    #[default]
    Idle,
    /// The body is taken. The answer is not made yet.
    Waiting(Ledger),
    /// The answer is being made or has been made. The body is read.
    Draining(Ledger),
    /// The drain has ended with this outcome, after this many milliseconds. The request may live on.
    Settled(Ledger, Outcome, u64),
}

impl Drain {
    /// Starts a drain at `now`, in milliseconds. It waits for the answer.
    pub const fn begin(now: u64) -> Self {
        Self::Waiting(Ledger::begin(now))
    }

    /// Starts reading, and starts the clock at `now`, because the answer is being made. Does nothing if the drain is
    /// not waiting for that.
    pub fn answer(&mut self, now: u64) {
        if let Self::Waiting(ledger) = self {
            *self = Self::Draining(ledger.restarted(now));
        }
    }

    /// Adds bytes that were read at `now`. Does nothing if there is no drain, or it has ended.
    pub fn add(&mut self, bytes: u64, now: u64) {
        if let Self::Waiting(ledger) | Self::Draining(ledger) = self {
            ledger.add(bytes, now);
        }
    }

    /// Settles the drain with this outcome. Returns whether that was its end: false if there is no drain, or it had
    /// ended already.
    pub fn settle(&mut self, outcome: Outcome, now: u64) -> bool {
        let (Self::Waiting(ledger) | Self::Draining(ledger)) = *self else {
            return false;
        };
        // A complete body was complete when its last bytes came.
        let time = if outcome == Outcome::Complete { ledger.busy() } else { ledger.elapsed(now) };
        *self = Self::Settled(ledger, outcome, time);
        true
    }

    /// How many bytes may be read at `now`; 0 before the answer, and if there is no drain.
    ///
    /// # Errors
    ///
    /// The outcome, if the budget is spent or the drain has ended.
    pub fn may_read(&self, budget: &Budget, now: u64) -> Result<u64, Outcome> {
        match self {
            Self::Idle | Self::Waiting(_) => Ok(0),
            Self::Draining(ledger) => Ok(ledger.may_drain(budget, now)?),
            Self::Settled(_, outcome, _) => Err(*outcome),
        }
    }

    /// How many more bytes the client may be allowed to send, whatever the time is; 0 if there is no drain, or it has
    /// ended. [`u64::MAX`] if the budget has no bound.
    pub fn credit(&self, budget: &Budget) -> u64 {
        match self {
            Self::Idle | Self::Settled(..) => 0,
            Self::Waiting(ledger) | Self::Draining(ledger) => {
                budget.bytes.map_or(u64::MAX, |bytes| bytes.saturating_sub(ledger.bytes()))
            }
        }
    }

    /// How long to wait for more of the body, in milliseconds from `now`; [`Budget::time`] before the answer, and if
    /// there is no drain.
    ///
    /// # Errors
    ///
    /// The outcome, if the budget is spent or the drain has ended.
    pub fn patience(&self, budget: &Budget, now: u64) -> Result<u64, Outcome> {
        match self {
            Self::Idle | Self::Waiting(_) => Ok(budget.time),
            Self::Draining(ledger) => Ok(ledger.patience(budget, now)?),
            Self::Settled(_, outcome, _) => Err(*outcome),
        }
    }

    /// The outcome of a drain that ends at `now` because a timer has expired.
    pub fn overdue(&self, budget: &Budget, now: u64) -> Outcome {
        match self {
            Self::Draining(ledger) => ledger.overdue(budget, now).into(),
            _ => Outcome::Timeout,
        }
    }

    /// The ledger of the drain; `None` if there is no drain.
    pub const fn ledger(&self) -> Option<Ledger> {
        match *self {
            Self::Idle => None,
            Self::Waiting(ledger) | Self::Draining(ledger) | Self::Settled(ledger, ..) => Some(ledger),
        }
    }

    /// How the drain ended; `None` before its end, and if there is no drain.
    pub const fn outcome(&self) -> Option<Outcome> {
        match *self {
            Self::Settled(_, outcome, _) => Some(outcome),
            _ => None,
        }
    }
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The whole body was read.
    Complete,
    /// The client closed the connection, or reset the stream, before all of the body was read: it had seen enough.
    Closed,
    /// The client was silent for [`Budget::idle`], or [`Budget::time`] has passed.
    Timeout,
    /// The client sent less than [`Budget::rate`] on average, and [`Budget::grace`] has passed.
    Slow,
    /// As many bytes were drained as [`Budget::bytes`] allows.
    Bytes,
    /// There was no slot: too many drains were going on.
    Refused,
    /// nginx needed the connection for others, or was exiting.
    Evicted,
    /// The connection failed, as when the client resets it or vanishes; the client sent an invalid body; or the answer
    /// was cut off.
    Error,
}

impl From<Spent> for Outcome {
    fn from(spent: Spent) -> Self {
        match spent {
            Spent::Time => Self::Timeout,
            Spent::Rate => Self::Slow,
            Spent::Bytes => Self::Bytes,
        }
    }
}

impl Outcome {
    /// All outcomes, in the order of their counters.
    pub const ALL: [Self; 8] = [
        Self::Complete,
        Self::Closed,
        Self::Timeout,
        Self::Slow,
        Self::Bytes,
        Self::Refused,
        Self::Evicted,
        Self::Error,
    ];

    /// The value of `$limit_body_drain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Slow => "slow",
            Self::Bytes => "bytes",
            Self::Refused => "refused",
            Self::Evicted => "evicted",
            Self::Error => "error",
        }
    }
}

/// How many streams of an HTTP/2 or HTTP/3 connection may drain at once, if it may have `streams` at once: half of
/// them, so that as many are left for other requests, but at least 1.
pub fn share(streams: usize) -> usize {
    (streams / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { bytes: Some(10), ..Budget::DEFAULT };

    #[test]
    fn nothing_is_read_before_the_answer_and_the_clock_runs_from_there() {
        let mut drain = Drain::begin(1_000);
        assert_eq!(drain.may_read(&BUDGET, 999_000), Ok(0));
        assert_eq!(drain.patience(&BUDGET, 999_000), Ok(BUDGET.time));
        drain.add(3, 2_000);
        assert_eq!(drain.credit(&BUDGET), 7);
        drain.answer(999_000);
        assert_eq!(drain.may_read(&BUDGET, 999_000), Ok(7));
        assert_eq!(drain.patience(&BUDGET, 999_000), Ok(BUDGET.idle));
        assert_eq!(drain.patience(&BUDGET, 1_029_000), Err(Outcome::Timeout));
    }

    #[test]
    fn it_ends_once() {
        let mut drain = Drain::Idle;
        assert!(!drain.settle(Outcome::Closed, 0));
        drain = Drain::begin(1_000);
        drain.answer(1_000);
        drain.add(10, 1_500);
        assert_eq!(drain.may_read(&BUDGET, 1_600), Err(Outcome::Bytes));
        assert!(drain.settle(Outcome::Complete, 3_000));
        assert!(!drain.settle(Outcome::Evicted, 4_000));
        assert_eq!(drain.outcome(), Some(Outcome::Complete));
        assert_eq!(drain, Drain::Settled(drain.ledger().unwrap(), Outcome::Complete, 500));
        drain.add(1, 5_000);
        drain.answer(5_000);
        assert_eq!(drain.ledger().map(|ledger| ledger.bytes()), Some(10));
        assert_eq!(drain.patience(&BUDGET, 5_000), Err(Outcome::Complete));
        assert_eq!(drain.credit(&BUDGET), 0);
    }

    #[test]
    fn half_of_the_streams_drain_at_once_and_one_in_any_case() {
        assert_eq!([0, 1, 2, 3, 5, 128].map(share), [1, 1, 1, 1, 2, 64]);
    }
}
