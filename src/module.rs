//! The module's name, in the types that nginx's side has for every module.

#![forbid(unsafe_code)]

/// The module.
pub struct LimitBody;

/// A request, with what the module remembers of it.
pub type Request<'r> = nginx::Request<'r, LimitBody>;

/// nginx's own configuration of a block.
pub type CoreConf<'a> = nginx::CoreConf<'a, LimitBody>;

/// The arguments of a directive.
pub type Args<'a> = nginx::Args<'a, LimitBody>;
