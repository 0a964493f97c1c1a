//! What has been counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::processor;

/// Answers that were what they should be, and what else has happened. An upload whose sender could not read the answer, or
/// could not send all of its body, is among the latter.
pub struct Tally {
    good: AtomicU64,
    failures: AtomicU64,
    errors: Mutex<BTreeMap<String, u64>>,
    /// How many uploads are still to be begun; [`u64::MAX`] is any number.
    left: AtomicU64,
}

/// What there was at some time.
pub struct Look {
    pub at: Instant,
    pub good: u64,
    pub cpu_seconds: f64,
}

impl Tally {
    /// `uploads` is how many there are to be; `None` is any number.
    pub fn new(uploads: Option<u64>) -> Self {
        Self {
            good: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            errors: Mutex::default(),
            left: AtomicU64::new(uploads.unwrap_or(u64::MAX)),
        }
    }

    /// Whether only so many uploads are wanted.
    pub fn is_limited(&self) -> bool {
        self.left.load(Relaxed) < u64::MAX / 2
    }

    /// Whether to begin one more upload.
    pub fn begin(&self) -> bool {
        self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Counts an answer that was right.
    pub fn answered(&self) {
        self.good.fetch_add(1, Relaxed);
    }

    /// Counts what was none.
    pub fn failed(&self, what: &str) {
        self.failures.fetch_add(1, Relaxed);
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        match errors.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(errors.insert(what.to_owned(), 1)),
        }
    }

    pub fn good(&self) -> u64 {
        self.good.load(Relaxed)
    }

    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    pub fn errors(&self) -> BTreeMap<String, u64> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn look(&self, cpu_of: u32) -> std::io::Result<Look> {
        let cpu_seconds = processor::seconds(cpu_of)?;
        Ok(Look { at: Instant::now(), good: self.good(), cpu_seconds })
    }
}
