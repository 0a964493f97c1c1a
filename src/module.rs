//! The types of the crate [`nginx`] for this module.

#![forbid(unsafe_code)]

/// The module. `lib.rs` has its callbacks.
pub struct LimitBody;

/// A request, which gives access to what the module remembers of it.
pub type Request<'r> = nginx::Request<'r, LimitBody>;

/// nginx's own configuration of a block. It lives for `'c`, as the module's does.
pub type CoreConf<'c> = nginx::CoreConf<'c, LimitBody>;

/// The arguments of a directive. Values made from them live for `'c`.
pub type Args<'c> = nginx::Args<'c, LimitBody>;
