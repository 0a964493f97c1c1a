//! The types of the crate [`nginx`] for this module.

#![forbid(unsafe_code)]

/// The module. `lib.rs` has its callbacks.
pub struct LimitSession;

/// A session, which gives access to what the module remembers of it.
pub type Session<'s> = nginx::stream::Session<'s, LimitSession>;

/// The configuration being settled.
pub type Settling<'c> = nginx::stream::Settling<'c, LimitSession>;

/// The arguments of a directive. Values made from them live for `'c`.
pub type Args<'c> = nginx::Args<'c, LimitSession>;
