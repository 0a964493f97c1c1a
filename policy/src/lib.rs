//! What the module decides, apart from nginx: it needs no server to be tested, fuzzed or read.
//!
//! A [`Limit`] judges a [`Length`] and gives a [`Verdict`]; [`size`] reads what an administrator writes.

#![no_std]
#![forbid(unsafe_code)]

pub mod size;
mod verdict;

pub use size::InvalidSize;
pub use verdict::{At, Length, Limit, Mode, Verdict};
