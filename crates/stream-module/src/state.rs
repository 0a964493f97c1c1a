//! What is remembered of a session.

#![forbid(unsafe_code)]

use core::cell::Cell;

use policy::{Judgement, Ledger, Verdict};

/// The record of a session. It is created when the client's data are judged first, or dropped.
#[derive(Default)]
pub struct State {
    /// The judgement so far.
    pub judgement: Cell<Option<Judgement>>,
    /// After how many bytes data are judged again.
    pub looked_at_from: Cell<u64>,
    /// The ledger of a drain that has begun before the end of the session.
    pub drained: Cell<Option<Ledger>>,
    /// The client's [`progress`](linger::progress) when the ledger was looked at last.
    pub progress: Cell<u64>,
}

impl State {
    /// How many bytes of what nginx has read from the client are the drain's.
    pub fn drained_bytes(&self) -> u64 {
        self.drained.get().map_or(0, |ledger| ledger.bytes())
    }

    /// The verdict; `None` before there is one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.judgement.get()?.verdict()
    }
}
