//! The module's name, in the types that nginx's side has for every module.

#![forbid(unsafe_code)]

/// The module.
pub struct LimitBody;

/// A request, with what the module remembers of it.
pub type Request<'r> = nginx::Request<'r, LimitBody>;

/// nginx's own configuration of a block; it lives for `'c`, as ours.
pub type CoreConf<'c> = nginx::CoreConf<'c, LimitBody>;

/// The arguments of a directive; what is made of them lives for `'c`.
pub type Args<'c> = nginx::Args<'c, LimitBody>;
