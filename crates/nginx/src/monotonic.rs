//! A clock that goes on where a clock of 32 bits begins anew.

use core::sync::atomic::{AtomicU32, Ordering};

/// Extends a clock that counts milliseconds in 32 bits, and so begins anew every 49.7 days. It has to be read at least as often,
/// and by one thread.
#[derive(Debug, Default)]
pub struct Monotonic {
    /// What the clock said when it was last read.
    last: AtomicU32,
    /// How often it has begun anew.
    rounds: AtomicU32,
}

impl Monotonic {
    /// For a clock that has not been read.
    pub const fn new() -> Self {
        Self { last: AtomicU32::new(0), rounds: AtomicU32::new(0) }
    }

    /// The time in milliseconds, when the clock says `msec`. It never goes back.
    pub fn read(&self, msec: u32) -> u64 {
        let has_begun_anew = msec < self.last.swap(msec, Ordering::Relaxed);
        let rounds = self.rounds.load(Ordering::Relaxed).wrapping_add(has_begun_anew.into());
        self.rounds.store(rounds, Ordering::Relaxed);
        u64::from(rounds) << 32 | u64::from(msec)
    }
}
