//! What is remembered of a session.

#![forbid(unsafe_code)]

use core::cell::Cell;

use policy::{Judgement, Verdict};

/// The record of a session. It is created when the client's data are judged first.
#[derive(Default)]
pub struct State {
    /// The judgement so far.
    pub judgement: Cell<Option<Judgement>>,
    /// After how many bytes data are judged again.
    pub looked_at_from: Cell<u64>,
}

impl State {
    /// The verdict; `None` before there is one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.judgement.get()?.verdict()
    }
}
