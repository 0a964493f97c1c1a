//! `ngx_stream_limit_session_module`: an nginx module that lets the clients of raw connections read what nginx answers,
//! and limits how much they may send.
//!
//! The steps of a session in the module, and the file to read for each:
//!
//! 1. nginx has read `nginx.conf` into a [`conf::Conf`] for each server ([`directives`], [`conf`]).
//! 2. nginx passes what the client has sent to an upstream. Each piece passes the [`limit`] first: nothing beyond it gets
//!    there, and nginx ends the session. If the upstream has closed, and takes no more, nginx reads on what it has sent, and
//!    the [`drain`] begins.
//! 3. nginx ends a session, for whatever reason: the upstream is done, access is denied, a time is over. The client of a
//!    refused session is sent the message. If the client may still send, its connection gets a [`drain`]: nginx closes
//!    its own descriptor, as always, and what comes over another one is dropped, within a budget.
//! 4. Users see it in the access log ([`variables`]), the error log, and in counters that all workers share
//!    ([`metrics`]). nginx writes the access log before the drain.
//!
//! Sessions over UDP are left alone. The crates `policy`, [`nginx`] and [`linger`] are those of the HTTP module. The last
//! two have all unsafe code.

// An nginx that is built without stream has nothing for this module.
#![cfg(ngx_feature = "stream")]

mod conf;
mod directives;
mod drain;
mod limit;
mod metrics;
mod module;
mod state;
mod variables;

use linger::{Got, LingerSession, Patience};
use module::{LimitSession, Session};
use nginx::stream::{Data, Settling, StreamModule, Variable};
use nginx::{Directive, Hooks, Log, Module, OutOfMemory};

impl Module for LimitSession {
    type Conf<'c> = conf::Conf<'c>;

    const DIRECTIVES: &'static [Directive<Self>] = directives::DIRECTIVES;
    const NAME: &'static str = policy::metrics::SESSIONS;
    const COUNTERS: usize = policy::metrics::COUNTERS;
}

impl StreamModule for LimitSession {
    type State<'s> = state::State;

    const VARIABLES: &'static [Variable<Self>] = variables::VARIABLES;

    fn merge<'c>(conf: &mut conf::Conf<'c>, prev: &conf::Conf<'c>) {
        conf.merge(prev);
    }

    fn settle<'c>(conf: &mut conf::Conf<'c>, settling: Settling<'c, Self>) -> Result<Hooks, OutOfMemory> {
        conf.settle(&settling)
    }

    fn client_data(s: Session<'_>) -> Data {
        limit::client_data(s)
    }

    fn upstream_interrupted(s: Session<'_>, bytes: u64) -> bool {
        drain::upstream_interrupted(s, bytes)
    }

    fn end(s: Session<'_>) {
        limit::end(s);
        let begun = drain::begun(s);
        linger::drain_session(s, |conf| drain::Drain::begin(conf, begun));
    }
}

impl LingerSession for LimitSession {
    type Drain<'c> = drain::Drain<'c>;

    fn admit(drain: &mut drain::Drain<'_>) -> bool {
        drain.admit()
    }

    fn may_drop(drain: &mut drain::Drain<'_>) -> u64 {
        drain.may_drop()
    }

    fn has_read(drain: &mut drain::Drain<'_>, got: Got) {
        drain.has_read(got);
    }

    fn patience(drain: &mut drain::Drain<'_>) -> Patience {
        drain.patience()
    }

    fn ended(drain: &mut drain::Drain<'_>, is_acknowledged: bool, log: Log<'_>) {
        drain.ended(is_acknowledged, log);
    }
}

// The client is sent the message before the access log is written, which counts it.
nginx::stream_module!(LimitSession as ngx_stream_limit_session_module before [ngx_stream_log_module]
    with filter ngx_stream_limit_session_filter_module);
