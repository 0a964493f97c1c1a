//! What a drain may cost, and what it has cost so far.
//!
//! All times are in milliseconds of a monotonic clock.

use crate::arguments;

/// What a drain may cost (`limit_body_drain`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How long the client may be silent, in milliseconds, at least 1.
    pub idle: u64,
    /// How long a drain may last, however slow the client is, in milliseconds: nginx's `lingering_time`. A drain never
    /// lasts longer than [`time`](Self::time).
    pub grace: u64,
    /// How long a drain may last if the client keeps to [`rate`](Self::rate), in milliseconds, at least 1.
    pub time: u64,
    /// How much the client must send on average to go on after [`grace`](Self::grace), in bytes per second; 0 means no
    /// minimum.
    pub rate: u64,
    /// How much may be drained, in bytes; `None` means no bound.
    pub bytes: Option<u64>,
}

impl Budget {
    /// The budget where the configuration sets nothing. `grace` is nginx's default for `lingering_time`.
    pub const DEFAULT: Self = Self { idle: 30_000, grace: 30_000, time: 600_000, rate: 16 << 10, bytes: None };

    /// The budget of nginx's own lingering: `lingering_timeout` and `lingering_time`, in milliseconds.
    pub const fn plain(lingering_timeout: u64, lingering_time: u64) -> Self {
        Self { idle: lingering_timeout, grace: lingering_time, time: lingering_time, rate: 0, bytes: None }
    }
}

/// The parameters of a budget, as one block has them; `None` for one that is not given. Each is inherited by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// `idle`, in milliseconds, at least 1.
    pub idle: Option<u64>,
    /// `time`, in milliseconds, at least 1.
    pub time: Option<u64>,
    /// `rate`, in bytes per second; 0 means no minimum.
    pub rate: Option<u64>,
    /// `bytes`, at least 1; `Some(None)` is `off`: no bound.
    pub bytes: Option<Option<u64>>,
}

impl Parameters {
    /// Reads a parameter; `None` if it is none of a budget's. `time` reads a time in milliseconds.
    pub fn read(
        &mut self,
        name: &[u8],
        value: &[u8],
        time: impl FnOnce(&[u8]) -> Option<u64>,
    ) -> Option<Result<(), &'static str>> {
        Some(match name {
            b"idle" => arguments::once(&mut self.idle, arguments::time(time(value))),
            b"time" => arguments::once(&mut self.time, arguments::time(time(value))),
            b"rate" => arguments::once(&mut self.rate, arguments::bytes(value)),
            b"bytes" => arguments::once(&mut self.bytes, arguments::bytes_or_off(value)),
            _ => return None,
        })
    }

    /// The parameters in force in this block, inside a block with `outer`.
    #[must_use]
    pub fn or(self, outer: Self) -> Self {
        Self {
            idle: self.idle.or(outer.idle),
            time: self.time.or(outer.time),
            rate: self.rate.or(outer.rate),
            bytes: self.bytes.or(outer.bytes),
        }
    }

    /// The budget, with [`Budget::grace`] in milliseconds.
    pub fn budget(self, grace: u64) -> Budget {
        let default = Budget::DEFAULT;
        Budget {
            idle: self.idle.unwrap_or(default.idle),
            grace,
            time: self.time.unwrap_or(default.time),
            rate: self.rate.unwrap_or(default.rate),
            bytes: self.bytes.unwrap_or(default.bytes),
        }
    }
}

/// The ledger of a drain: how much has been drained, since when, and when the last bytes came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    began: u64,
    last: u64,
    bytes: u64,
}

impl Ledger {
    /// The ledger of a drain that starts at `now`.
    pub const fn begin(now: u64) -> Self {
        Self { began: now, last: now, bytes: 0 }
    }

    /// The same ledger with its start, and the time of its last bytes, set to `now`.
    #[must_use]
    pub const fn restarted(self, now: u64) -> Self {
        Self { began: now, last: now, bytes: self.bytes }
    }

    /// Adds bytes that were drained at `now`. The sum stops at [`u64::MAX`].
    pub fn add(&mut self, bytes: u64, now: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.last = now;
    }

    /// Makes the time since the last bytes not count.
    pub fn forgive(&mut self, now: u64) {
        self.began = self.began.saturating_add(now.saturating_sub(self.last));
        self.last = now;
    }

    /// How many bytes have come.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How long the drain has lasted at `now`, in milliseconds.
    pub const fn elapsed(&self, now: u64) -> u64 {
        now.saturating_sub(self.began)
    }

    /// How long after its start the last bytes were drained, in milliseconds.
    pub const fn busy(&self) -> u64 {
        self.last.saturating_sub(self.began)
    }

    /// How long the drain may last with the bytes that have come so far, in milliseconds from its start.
    ///
    /// A client may go on until its average drops below the rate: at 16 KiB per second, 1 MiB allows for 64 seconds.
    /// Any client has the grace, and none more than the time.
    pub fn allowed(&self, budget: &Budget) -> u64 {
        bought(self.bytes, budget.rate).max(budget.grace).min(budget.time)
    }

    /// How long the drain may go on after `now`, in milliseconds, if nothing more comes.
    pub fn left(&self, budget: &Budget, now: u64) -> u64 {
        self.allowed(budget).saturating_sub(self.elapsed(now))
    }

    /// How many bytes may be drained at `now`, at least 1; [`u64::MAX`] if the budget has no bound.
    ///
    /// # Errors
    ///
    /// The part of the budget that is spent, if no bytes may be drained.
    pub fn may_drain(&self, budget: &Budget, now: u64) -> Result<u64, Spent> {
        if self.left(budget, now) == 0 {
            return Err(self.overdue(budget, now));
        }
        match budget.bytes.map(|bytes| bytes.saturating_sub(self.bytes)) {
            Some(0) => Err(Spent::Bytes),
            Some(rest) => Ok(rest),
            None => Ok(u64::MAX),
        }
    }

    /// How long to wait for more, in milliseconds from `now`, at least 1.
    ///
    /// # Errors
    ///
    /// The part of the budget that is spent, if there is nothing to wait for.
    pub fn patience(&self, budget: &Budget, now: u64) -> Result<u64, Spent> {
        self.may_drain(budget, now)?;
        match budget.idle.saturating_sub(now.saturating_sub(self.last)) {
            0 => Err(Spent::Time),
            idle => Ok(idle.min(self.left(budget, now))),
        }
    }

    /// The part of the budget that is spent when a timer has expired: [`Spent::Rate`] if the client was too slow,
    /// [`Spent::Time`] if it was silent for too long or the time has passed.
    pub fn overdue(&self, budget: &Budget, now: u64) -> Spent {
        // While time is left, only the idle timeout can have expired, perhaps a little early.
        let is_silent = self.left(budget, now) > 0 || now.saturating_sub(self.last) >= budget.idle;
        if is_silent || self.elapsed(now) >= budget.time {
            return Spent::Time;
        }
        Spent::Rate
    }
}

/// How long so many bytes take at a rate, in milliseconds. The rate is in bytes per second; at 0 they take for ever.
pub(crate) fn bought(bytes: u64, rate: u64) -> u64 {
    // 1000 times the largest number of bytes does not fit in 64 bits.
    let time = u128::from(bytes).saturating_mul(1000).checked_div(rate.into());
    time.and_then(|time| u64::try_from(time).ok()).unwrap_or(u64::MAX)
}

/// The part of a [`Budget`] that is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// The time has passed, or the client was silent for too long.
    Time,
    /// The client sent less than the rate on average.
    Rate,
    /// As many bytes were drained as may be.
    Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { bytes: Some(1 << 30), ..Budget::DEFAULT };

    fn drained(bytes: u64, at: u64) -> Ledger {
        let mut ledger = Ledger::begin(1_000);
        ledger.add(bytes, at);
        ledger
    }

    #[test]
    fn any_client_has_the_grace_and_a_slow_one_no_more() {
        let drip = drained(30, 30_999);
        assert_eq!(drip.may_drain(&BUDGET, 30_999), Ok((1 << 30) - 30));
        assert_eq!(drip.left(&BUDGET, 30_999), 1);
        assert_eq!(drip.may_drain(&BUDGET, 31_000), Err(Spent::Rate));
    }

    #[test]
    fn a_client_may_go_on_until_its_average_drops_below_the_rate() {
        let mebibyte = drained(1 << 20, 50_000);
        assert_eq!(mebibyte.allowed(&BUDGET), 64_000);
        assert!(mebibyte.may_drain(&BUDGET, 64_999).is_ok());
        assert_eq!(mebibyte.may_drain(&BUDGET, 65_000), Err(Spent::Rate));
    }

    #[test]
    fn no_client_has_more_than_the_time() {
        let busy = drained(1 << 29, 600_999);
        assert!(busy.may_drain(&BUDGET, 600_999).is_ok());
        assert_eq!(busy.may_drain(&BUDGET, 601_000), Err(Spent::Time));

        let short = Budget { grace: 5, time: 5, ..BUDGET };
        assert_eq!(drained(1 << 29, 1_004).left(&short, 1_004), 1);
    }

    #[test]
    fn a_rate_of_zero_asks_for_nothing() {
        let lenient = Budget { rate: 0, ..BUDGET };
        assert_eq!(drained(1, 599_000).left(&lenient, 600_999), 1);
    }

    #[test]
    fn silence_is_told_from_slowness() {
        assert_eq!(drained(1, 2_000).overdue(&BUDGET, 32_000), Spent::Time);
        assert_eq!(drained(1, 2_001).overdue(&BUDGET, 32_000), Spent::Rate);
        // nginx's timers may be a little early.
        assert_eq!(drained(1, 1_001).overdue(&BUDGET, 30_800), Spent::Time);
    }

    #[test]
    fn patience_ends_with_the_first_limit() {
        let idle = Budget { grace: 60_000, ..BUDGET };
        assert_eq!(drained(1, 2_000).patience(&idle, 2_000), Ok(30_000));
        assert_eq!(drained(1, 2_000).patience(&idle, 31_999), Ok(1));
        assert_eq!(drained(1, 2_000).patience(&idle, 32_000), Err(Spent::Time));
        assert_eq!(drained(1, 30_000).patience(&BUDGET, 30_000), Ok(1_000));
        assert_eq!(drained(1, 30_000).patience(&BUDGET, 31_000), Err(Spent::Rate));
        assert_eq!(drained(1 << 30, 2_000).patience(&BUDGET, 2_000), Err(Spent::Bytes));
    }

    #[test]
    fn no_more_is_drained_than_may_be() {
        assert_eq!(drained((1 << 30) - 1, 2_000).may_drain(&BUDGET, 2_000), Ok(1));
        assert_eq!(drained(1 << 30, 2_000).may_drain(&BUDGET, 2_000), Err(Spent::Bytes));
        assert_eq!(drained(u64::MAX, 2_000).may_drain(&Budget::DEFAULT, 2_000), Ok(u64::MAX));
    }

    #[test]
    fn sums_and_times_do_not_wrap() {
        let mut ledger = drained(u64::MAX, u64::MAX);
        ledger.add(1, 0);
        assert_eq!(ledger.bytes(), u64::MAX);
        assert_eq!(ledger.busy(), 0);
        assert_eq!(ledger.elapsed(0), 0);
        assert_eq!(ledger.left(&BUDGET, u64::MAX), 0);
    }
}
