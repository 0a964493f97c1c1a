//! Typed access to nginx, for modules written in safe Rust.
//!
//! A module is a type that implements [`Module`], which has its directives and zones, and [`HttpModule`], which has its
//! variables and the callbacks that nginx calls. [`http_module!`] makes it known to nginx. Names follow nginx's C side.
//! Nothing here knows what a module is about.
//!
//! All unsafe code relies on two invariants of nginx, which the SAFETY comments name:
//!
//! * **one thread**: a worker runs its event loop, and with it every callback, on a single thread;
//! * **pools**: a request, its state and its configuration stay where they are until the request is finalized; a
//!   configuration stays until the last request that uses it is gone.
//!
//! Safe code cannot keep a request for longer than the callback that it was passed to:
//!
//! ```compile_fail,E0521
//! # use nginx::{HttpModule, Request};
//! thread_local!(static KEPT: std::cell::Cell<Option<Request<'static, ()>>> = const { std::cell::Cell::new(None) });
//!
//! fn keep(r: Request<'_, ()>) {
//!     KEPT.set(Some(r));
//! }
//! ```
//!
//! To have a request finalized, a handler returns [`Phase::Finalize`]. Safe code cannot end a request and go on to use
//! it:
//!
//! ```compile_fail,E0599
//! # use nginx::{HttpModule, Request, Status};
//! fn finalize<M: HttpModule>(r: Request<'_, M>) -> bool {
//!     r.finalize(Status::CONTENT_TOO_LARGE);
//!     r.has_body()
//! }
//! ```
//!
//! Safe code cannot keep a configuration without a request that uses it, nor anything that belongs to the
//! configuration, such as a zone:
//!
//! ```compile_fail
//! # use nginx::{HttpModule, Request};
//! fn keep<'r, M: HttpModule>(r: Request<'r, M>) -> &'static M::Conf<'r> {
//!     r.conf()
//! }
//! ```
//!
//! ```compile_fail,E0521
//! # use nginx::{Args, ConfError, Module, Zone};
//! thread_local!(static KEPT: std::cell::Cell<Option<Zone<'static>>> = const { std::cell::Cell::new(None) });
//!
//! fn keep<M: Module>(args: &Args<'_, M>) -> Result<(), ConfError> {
//!     KEPT.set(Some(args.zone()?));
//!     Ok(())
//! }
//! ```

#![allow(unsafe_code)]

mod captures;
mod chains;
mod conf;
mod connection;
mod content;
mod content_length;
mod deadline;
mod duplicate;
mod ending;
mod fields;
mod filter;
mod guard;
mod log;
mod module;
mod modules;
mod monotonic;
mod pool;
mod process;
mod raw;
mod request;
mod response;
mod shared;
pub mod shim;
mod state;
#[cfg(ngx_feature = "stream")]
pub mod stream;
mod unwanted;
mod upstream;
mod variable;
mod written;
mod zones;

pub use conf::{
    once, parse_time, Args, ComplexValue, ConfError, CoreConf, Directive, Hooks, Need, OutOfMemory, Takes, Within,
};
pub use connection::{Connection, Event, Received};
pub use content::{Content, Output};
pub use deadline::Expired;
pub use duplicate::{Duplicate, NoDuplicate};
pub use ending::Interruption;
pub use filter::Input;
pub use guard::Interrupted;
pub use log::{Level, Log};
pub use module::{HttpModule, Module, Phase, Piece, Registered, Registration};
pub use modules::find as find_module;
pub use process::{id as process_id, is_alive, shutdown_timeout};
pub use raw::RawRequest;
pub use request::{now, InvalidStatus, Request, Status};
pub use shared::Exclusive;
pub use variable::{Seconds, Value, Variable};
pub use written::Written;
pub use zones::{visit as visit_zones, Zone};

/// What the macro [`http_module`] needs. Not for other use.
pub mod export {
    pub use super::chains::{in_force, served};
    pub use super::conf::commands;
    pub use super::module::{chains, context};
    pub use super::response::context as filter_context;
    pub use super::written::context as written_context;
    pub use nginx_sys::{ngx_command_t, ngx_http_module_t, ngx_module_t, ngx_uint_t, NGX_HTTP_MODULE};
}
