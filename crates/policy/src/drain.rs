//! The drain: reading a body that nobody wants, so that the client gets to read the answer.

use crate::{Budget, Ledger, Spent};

/// The drain of one body, from the moment when it is certain that nobody wants the body.
///
/// ```text
///        begin             answer              settle
/// Idle ---------> Waiting ---------> Draining ---------> Settled
///                    \_________________________________/
///                                  settle
/// ```
///
/// The first outcome stands: what is done to a settled drain changes nothing.
///
/// The clock runs from the answer on: what a client sends before that waits, so that it is no fault of its own if nothing is
/// read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drain {
    /// There is none.
    #[default]
    Idle,
    /// The body is ours, the answer is not made yet.
    Waiting(Ledger),
    /// The answer is being made or has been, and the body is read.
    Draining(Ledger),
    /// It has ended, after so many milliseconds. The request may go on.
    Settled(Ledger, Outcome, u64),
}

impl Drain {
    /// A drain that has begun.
    pub const fn begin(now: u64) -> Self {
        Self::Waiting(Ledger::begin(now))
    }

    /// The answer is being made.
    pub fn answer(&mut self, now: u64) {
        if let Self::Waiting(ledger) = self {
            *self = Self::Draining(ledger.restarted(now));
        }
    }

    /// Adds bytes that were read.
    pub fn add(&mut self, bytes: u64, now: u64) {
        if let Self::Waiting(ledger) | Self::Draining(ledger) = self {
            ledger.add(bytes, now);
        }
    }

    /// Ends it, unless it has not begun, or has ended already. Returns whether this was its end.
    pub fn settle(&mut self, outcome: Outcome, now: u64) -> bool {
        let (Self::Waiting(ledger) | Self::Draining(ledger)) = *self else {
            return false;
        };
        // A body that is complete was so when its last bytes came.
        let time = if outcome == Outcome::Complete { ledger.busy() } else { ledger.elapsed(now) };
        *self = Self::Settled(ledger, outcome, time);
        true
    }

    /// How much may be read now, in bytes; 0 before the answer.
    ///
    /// # Errors
    ///
    /// The outcome, if the budget is spent, or was before.
    pub fn may_read(&self, budget: &Budget, now: u64) -> Result<u64, Outcome> {
        match self {
            Self::Idle | Self::Waiting(_) => Ok(0),
            Self::Draining(ledger) => Ok(ledger.may_drain(budget, now)?),
            Self::Settled(_, outcome, _) => Err(*outcome),
        }
    }

    /// How much more a client may be let send, in bytes, whatever the time is; 0 unless it goes on.
    pub fn credit(&self, budget: &Budget) -> u64 {
        match self {
            Self::Idle | Self::Settled(..) => 0,
            Self::Waiting(ledger) | Self::Draining(ledger) => {
                budget.bytes.map_or(u64::MAX, |bytes| bytes.saturating_sub(ledger.bytes()))
            }
        }
    }

    /// How long to wait for more, in milliseconds from now.
    ///
    /// # Errors
    ///
    /// The outcome, if there is nothing to wait for.
    pub fn patience(&self, budget: &Budget, now: u64) -> Result<u64, Outcome> {
        match self {
            Self::Idle | Self::Waiting(_) => Ok(budget.time),
            Self::Draining(ledger) => Ok(ledger.patience(budget, now)?),
            Self::Settled(_, outcome, _) => Err(*outcome),
        }
    }

    /// The outcome of a drain that ends now because a time was up.
    pub fn overdue(&self, budget: &Budget, now: u64) -> Outcome {
        match self {
            Self::Draining(ledger) => ledger.overdue(budget, now).into(),
            _ => Outcome::Timeout,
        }
    }

    /// What has been read; `None` if there is no drain.
    pub const fn ledger(&self) -> Option<Ledger> {
        match *self {
            Self::Idle => None,
            Self::Waiting(ledger) | Self::Draining(ledger) | Self::Settled(ledger, ..) => Some(ledger),
        }
    }

    /// How it ended; `None` before, and if there is none.
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
    /// The client closed the connection before: it had seen enough.
    Closed,
    /// The client was silent for too long, or the time was up.
    Timeout,
    /// The client sent less than the rate.
    Slow,
    /// As much was drained as may be.
    Bytes,
    /// Too many drains were under way already.
    Refused,
    /// nginx needed the connection for others, or ended.
    Evicted,
    /// The connection failed: the client reset it, vanished, or sent what is no body; or the answer was cut off.
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
    /// All of them.
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

/// How many streams of a connection may drain at once, of so many that it may have (HTTP/2 and HTTP/3): as many as are left
/// for requests beside them, but one in any case.
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
