//! The decisions of the module. They do not depend on nginx, so they can be read, tested and fuzzed without a server.
//!
//! Comparing a [`Length`] with a [`Limit`] gives a [`Judgement`], with its [`Verdict`]; [`size`] parses the sizes that
//! an administrator writes. A [`Clock`] measures how long a body takes, and an [`Allowance`] limits that. A [`Drain`] is
//! the state of reading a body that nobody wants. Its [`Ledger`] and a [`Budget`] determine how long that goes on, until
//! there is an [`Outcome`]. An [`UpstreamResponse`] is the state of the response of an upstream that closes early.
//! [`arguments`] reads what directives say. [`keys`] counts the drains of each key, and [`metrics`] has the counters,
//! and writes them.

#![no_std]
#![forbid(unsafe_code)]

pub mod arguments;
mod clock;
mod drain;
mod judgement;
pub mod keys;
pub mod metrics;
mod pace;
pub mod size;
mod upstream;

pub use clock::{Allowance, Clock};
pub use drain::{share, Drain, Outcome};
pub use judgement::{At, Judgement, Length, Limit, Mode, Reason, Undeclared, Verdict};
pub use pace::{Budget, Ledger, Parameters, Spent};
pub use size::InvalidSize;
pub use upstream::{reads_on, UpstreamResponse, UpstreamResult};
