//! Thin, typed access to nginx: the one room of the house with unsafe code in it.
//!
//! Names follow nginx's C side. Nothing here knows what the module is about: it hands requests, directives and
//! variables up as safe types, and what the module decides back down.
//!
//! Two invariants of nginx hold everything up, and the SAFETY comments name them:
//!
//! * **one thread**: a worker runs its event loop, and with it every callback, on a single thread;
//! * **pools**: a request, its state and its configuration stay where they are until the request is finalized, a
//!   configuration until the last request that uses it is gone.

#![allow(unsafe_code)]

mod bits;
mod conf;
mod content;
mod ending;
mod filter;
mod http1;
mod log;
mod module;
mod pool;
mod process;
mod request;
mod response;
mod shared;
mod state;
mod stream;
mod variable;
mod written;
mod zones;

pub use conf::{
    parse_time, Args, ComplexValue, ConfError, CoreConf, Directive, Hooks, Need, OutOfMemory, Takes, Within,
};
pub use content::{Content, Output};
pub use ending::Interruption;
pub use filter::Input;
pub use log::Level;
pub(crate) use module::http_module;
pub use module::{HttpModule, Phase, Piece, Registered, Registration};
pub use process::{id as process_id, is_alive};
pub use request::{now, InvalidStatus, Request, Status};
pub use shared::Exclusive;
pub use stream::{Got, Linger, Patience, Taken};
pub use variable::{Value, Variable};
pub use written::Written;
pub use zones::{visit as visit_zones, Zone};

/// What the macro [`http_module`] needs; not for other use.
pub mod export {
    pub use super::conf::commands;
    pub use super::module::context;
    pub use super::response::context as filter_context;
    pub use super::written::context as written_context;
    pub use nginx_sys::{ngx_command_t, ngx_http_module_t, ngx_module_t, ngx_uint_t, NGX_HTTP_MODULE};
}
