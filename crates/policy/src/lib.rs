//! What the module decides, apart from nginx: it needs no server to be tested, fuzzed or read.
//!
//! A [`Limit`] and a [`Length`] give a [`Judgement`], with its [`Verdict`]; [`size`] reads what an administrator writes. A
//! body that is refused is read by a [`Drain`]: its [`Ledger`] and a [`Budget`] say how long that goes on, until there is
//! an [`Outcome`]. An [`UpstreamResponse`] is what an upstream that reads no more has sent. [`metrics`] says what is counted
//! of all that.

#![no_std]
#![forbid(unsafe_code)]

mod drain;
mod judgement;
pub mod keys;
pub mod metrics;
mod pace;
pub mod size;
mod upstream;

pub use drain::{share, Drain, Outcome};
pub use judgement::{At, Judgement, Length, Limit, Mode, Reason, Undeclared, Verdict};
pub use pace::{Budget, Ledger, Spent};
pub use size::InvalidSize;
pub use upstream::{reads_on, UpstreamResponse, UpstreamResult};
