//! How fast and for how long bytes come, held against a budget.
//!
//! All times are in milliseconds of a clock that only goes forward.

/// What a drain may cost (`limit_body_drain`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How long the client may be silent, in milliseconds, at least 1.
    pub idle: u64,
    /// How long any drain may last, in milliseconds: nginx's `lingering_time`, but no more than [`time`](Self::time).
    pub grace: u64,
    /// How long a drain may last whose client keeps to [`rate`](Self::rate), in milliseconds, at least 1.
    pub time: u64,
    /// How much the client must send on average to go on after [`grace`](Self::grace), in bytes per second; 0 means that
    /// anything will do.
    pub rate: u64,
    /// How much may be drained, in bytes; `None` means any amount.
    pub bytes: Option<u64>,
}

impl Budget {
    /// What holds where nothing else is said. `grace` is nginx's default for `lingering_time`.
    pub const DEFAULT: Self = Self { idle: 30_000, grace: 30_000, time: 600_000, rate: 16 << 10, bytes: None };

    /// What nginx itself would spend: `lingering_timeout` and `lingering_time`, in milliseconds.
    pub const fn plain(lingering_timeout: u64, lingering_time: u64) -> Self {
        Self { idle: lingering_timeout, grace: lingering_time, time: lingering_time, rate: 0, bytes: None }
    }
}

/// What has been drained, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    began: u64,
    last: u64,
    bytes: u64,
}

impl Ledger {
    /// A drain that begins now.
    pub const fn begin(now: u64) -> Self {
        Self { began: now, last: now, bytes: 0 }
    }

    /// The same, with its beginning now.
    #[must_use]
    pub const fn restarted(self, now: u64) -> Self {
        Self { began: now, last: now, bytes: self.bytes }
    }

    /// Adds bytes that were drained now.
    pub fn add(&mut self, bytes: u64, now: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.last = now;
    }

    /// How much has been drained, in bytes.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How long the drain has lasted, in milliseconds.
    pub const fn elapsed(&self, now: u64) -> u64 {
        now.saturating_sub(self.began)
    }

    /// How long it took until the last bytes were drained, in milliseconds.
    pub const fn busy(&self) -> u64 {
        self.last.saturating_sub(self.began)
    }

    /// How long the drain may last with what has come so far, in milliseconds from its beginning.
    ///
    /// A client may go on until its average drops below the rate: after 1 MiB at 16 KiB per second that is 64 seconds.
    /// Anyone has the grace, and no one more than the time.
    pub fn allowed(&self, budget: &Budget) -> u64 {
        // A thousand times the largest number of bytes takes more than 64 bits.
        let kept_up = u128::from(self.bytes).saturating_mul(1000).checked_div(budget.rate.into());
        let kept_up = kept_up.and_then(|kept_up| u64::try_from(kept_up).ok()).unwrap_or(u64::MAX);
        kept_up.max(budget.grace).min(budget.time)
    }

    /// How long the drain may go on from now, in milliseconds, if nothing more comes.
    pub fn left(&self, budget: &Budget, now: u64) -> u64 {
        self.allowed(budget).saturating_sub(self.elapsed(now))
    }

    /// How much may be drained now, in bytes.
    ///
    /// # Errors
    ///
    /// What is spent, if that is nothing.
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

    /// How long to wait for more, in milliseconds from now.
    ///
    /// # Errors
    ///
    /// What is spent, if there is nothing to wait for.
    pub fn patience(&self, budget: &Budget, now: u64) -> Result<u64, Spent> {
        self.may_drain(budget, now)?;
        match budget.idle.saturating_sub(now.saturating_sub(self.last)) {
            0 => Err(Spent::Time),
            idle => Ok(idle.min(self.left(budget, now))),
        }
    }

    /// What is spent when a time is up: the client's rate, or its silence or the time?
    pub fn overdue(&self, budget: &Budget, now: u64) -> Spent {
        let is_silent = self.left(budget, now) > 0 || now.saturating_sub(self.last) >= budget.idle;
        if is_silent || self.elapsed(now) >= budget.time {
            return Spent::Time;
        }
        Spent::Rate
    }
}

/// What of a [`Budget`] is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// The time, or the client was silent for too long.
    Time,
    /// The client sent less than the rate.
    Rate,
    /// The bytes.
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
