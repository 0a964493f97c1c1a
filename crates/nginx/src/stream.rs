//! Modules for raw connections: nginx's *stream*.
//!
//! A module is a type that implements [`Module`](crate::Module) and [`StreamModule`], and
//! [`stream_module!`](crate::stream_module) makes it known to nginx. What nginx does with the connection of a client is a
//! *session*.
//!
//! Safe code cannot keep a session for longer than the callback that it was passed to:
//!
//! ```compile_fail,E0521
//! # use nginx::stream::Session;
//! thread_local!(static KEPT: std::cell::Cell<Option<Session<'static, ()>>> = const { std::cell::Cell::new(None) });
//!
//! fn keep(s: Session<'_, ()>) {
//!     KEPT.set(Some(s));
//! }
//! ```

mod conf;
mod filter;
mod module;
mod session;
mod variable;

pub use conf::{ComplexValue, Settling};
pub use filter::Data;
pub use module::StreamModule;
pub use session::Session;
pub use variable::Variable;

/// What the macro [`stream_module`](crate::stream_module) needs. Not for other use.
pub mod export {
    pub use super::conf::commands;
    pub use super::filter::{chains, context as filter_context};
    pub use super::module::context;
    pub use crate::chains::{in_force, served};
    pub use nginx_sys::{ngx_command_t, ngx_module_t, ngx_stream_module_t, ngx_uint_t, NGX_STREAM_MODULE};
}
