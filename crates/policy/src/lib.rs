//! What the module decides, apart from nginx: it needs no server to be tested, fuzzed or read.
//!
//! A [`Limit`] judges a [`Length`] and gives a [`Verdict`]; [`size`] reads what an administrator writes. What is done with
//! a body that is refused is a [`Drain`]: a [`Ledger`], which a [`Budget`]
//! allows to go on or ends with an [`Outcome`]. [`metrics`] says what is counted of all that.

#![no_std]
#![forbid(unsafe_code)]

mod drain;
pub mod keys;
pub mod metrics;
mod progress;
pub mod size;
mod verdict;

pub use drain::{share, Budget, Ledger, Outcome};
pub use progress::Drain;
pub use size::InvalidSize;
pub use verdict::{At, Length, Limit, Mode, Verdict};
