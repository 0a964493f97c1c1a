//! How long an upload may take (`limit_body_timeout`).
//!
//! All times are in milliseconds of a clock that only goes forward.

use crate::pace::bought;
use crate::Ledger;

/// The time that a body may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The time that any body may take, in milliseconds, at least 1.
    pub time: u64,
    /// The number of bytes that buy another second, in bytes per second; 0 means that none do.
    pub rate: u64,
    /// The time that no body may exceed, in milliseconds, at least [`time`](Self::time); `None` means no maximum.
    pub max: Option<u64>,
}

impl Allowance {
    /// The time that a body may take of which this many bytes have come, in milliseconds.
    pub fn of(&self, bytes: u64) -> u64 {
        let bought = if self.rate > 0 { bought(bytes, self.rate) } else { 0 };
        self.time.saturating_add(bought).min(self.max.unwrap_or(u64::MAX))
    }
}

/// The clock of one upload. It runs only while nginx waits for the client.
///
/// nginx does not report when it starts or stops waiting. So whoever looks at the clock says which of the two was the case
/// since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    ledger: Ledger,
    is_overdue: bool,
}

impl Clock {
    /// A clock that starts now.
    pub const fn start(now: u64) -> Self {
        Self { ledger: Ledger::begin(now), is_overdue: false }
    }

    /// Looks at the clock. `is_awaited` says whether nginx has waited for the client since the last look, and `received`
    /// how many bytes of the body have come by now.
    pub fn look(&mut self, is_awaited: bool, received: u64, now: u64) {
        if !is_awaited {
            self.ledger.forgive(now);
        }
        self.ledger.add(received.saturating_sub(self.ledger.bytes()), now);
    }

    /// How long nginx has waited for the client, in milliseconds, as of the last look.
    pub const fn time(&self) -> u64 {
        self.ledger.busy()
    }

    /// How many bytes of the body had come by the last look.
    pub const fn received(&self) -> u64 {
        self.ledger.bytes()
    }

    /// How much longer nginx may wait for the client, in milliseconds from the last look, if nothing more comes.
    pub fn left(&self, allowance: &Allowance) -> u64 {
        allowance.of(self.received()).saturating_sub(self.time())
    }

    /// Marks the upload as overdue, if no time is left. Returns whether it was not marked before.
    pub fn expire(&mut self, allowance: &Allowance) -> bool {
        let expires = !self.is_overdue && self.left(allowance) == 0;
        self.is_overdue |= expires;
        expires
    }

    /// Returns whether the upload has been marked as overdue.
    pub const fn is_overdue(&self) -> bool {
        self.is_overdue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_SECONDS: Allowance = Allowance { time: 10_000, rate: 0, max: None };
    const BOUGHT: Allowance = Allowance { rate: 500, max: Some(60_000), ..TEN_SECONDS };

    #[test]
    fn bytes_buy_time_up_to_the_maximum() {
        for (bytes, time) in [(0, 10_000), (500, 11_000), (501, 11_002), (25_000, 60_000), (u64::MAX, 60_000)] {
            assert_eq!(BOUGHT.of(bytes), time);
            assert_eq!(TEN_SECONDS.of(bytes), 10_000);
        }
        assert_eq!(Allowance { max: None, ..BOUGHT }.of(u64::MAX), u64::MAX);
    }

    #[test]
    fn only_the_time_counts_in_which_the_client_is_awaited() {
        let mut clock = Clock::start(1_000);
        clock.look(true, 100, 4_000);
        clock.look(false, 100, 90_000);
        assert_eq!((clock.time(), clock.left(&TEN_SECONDS)), (3_000, 7_000));
        clock.look(true, 200, 96_999);
        assert_eq!((clock.time(), clock.left(&TEN_SECONDS), clock.received()), (9_999, 1, 200));
        assert!(!clock.expire(&TEN_SECONDS));
        clock.look(true, 200, 97_000);
        assert!(clock.expire(&TEN_SECONDS));
    }

    #[test]
    fn an_upload_expires_once_and_may_go_on() {
        let mut clock = Clock::start(0);
        clock.look(true, 0, 10_000);
        assert!(clock.expire(&TEN_SECONDS) && !clock.expire(&TEN_SECONDS));
        clock.look(true, 1 << 20, 20_000);
        assert_eq!((clock.is_overdue(), clock.time()), (true, 20_000));
    }

    #[test]
    fn an_upload_that_has_bought_time_is_not_overdue() {
        let mut clock = Clock::start(0);
        clock.look(true, 2_500, 12_000);
        assert_eq!(clock.left(&BOUGHT), 3_000);
        assert!(!clock.expire(&BOUGHT) && !clock.is_overdue());
    }
}
