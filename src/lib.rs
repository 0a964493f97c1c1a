//! `ngx_http_limit_body_module`: an nginx module that refuses oversized uploads so that the client reads the refusal.
//!
//! The way of a request through the module, and the file to read for each step:
//!
//! 1. `nginx.conf` has become a [`conf::Conf`] for each location ([`directives`], [`conf`]).
//! 2. nginx has settled the request's location and calls the [`gate`]: before access is checked or, with `after_auth`,
//!    when it has been granted; in any case before the body is read. First match wins:
//!    - a subrequest, or a body that has been discarded, or read before a redirect: not judged (again);
//!    - `limit_body` off here, or a request without a body: not judged;
//!    - the limit is a variable whose value is no size: 500;
//!    - the client declared a length over the limit: refused, or in a dry run reported;
//!    - otherwise the request goes on.
//! 3. As nginx reads the body, each piece passes the [`gate`] again: where no length was declared, what has come is held
//!    against the same limit.
//! 4. A refusal ([`reject`]) lets nginx answer and then read on: to close at once would reset the connection, and the
//!    client would lose the answer.
//! 5. That is a [`drain`], for refusals and for whatever else nginx answers early, within a budget. On HTTP/1.x it is
//!    nginx's own discarding of the body, which reads through us; on HTTP/2 and HTTP/3 we hold the stream open, and read.
//! 6. What was decided is remembered in a [`state::State`], which outlives internal redirects and ends in the access
//!    log ([`variables`]) and in counters that all workers share ([`metrics`]).
//!
//! The decisions themselves are in the crate `policy`, which knows no nginx. What touches nginx is in [`nginx`], the
//! one place with unsafe code. Start with [`gate`].

mod conf;
mod directives;
mod drain;
mod gate;
mod metrics;
mod nginx;
mod reject;
mod state;
mod variables;

use nginx::{
    Content, CoreConf, Descriptor, Directive, Got, Hooks, HttpModule, Output, Phase, Piece, Reading, Request, Variable,
};

/// The module.
struct LimitBody;

impl HttpModule for LimitBody {
    type Conf = conf::Conf;
    type State = state::State;

    const DIRECTIVES: &'static [Directive<conf::Conf>] = directives::DIRECTIVES;
    const VARIABLES: &'static [Variable<state::State>] = variables::VARIABLES;
    const COUNTERS: usize = policy::metrics::COUNTERS;

    fn descriptor() -> Descriptor {
        Self::exported()
    }

    fn merge(conf: &mut conf::Conf, prev: &conf::Conf, core: CoreConf) -> Hooks {
        conf.merge(prev, core)
    }

    fn server_rewrite(r: Request) -> Phase {
        gate::before_location(&r)
    }

    fn preaccess(r: Request) -> Phase {
        gate::before_access(r)
    }

    fn precontent(r: Request) -> Phase {
        gate::after_access(r)
    }

    fn watches_request_body(r: &Request) -> bool {
        gate::is_body_watched(r)
    }

    fn request_body(r: &Request) -> Piece {
        gate::within_body(r)
    }

    fn response_end(r: &Request) {
        drain::response_end(r);
    }

    fn reading(r: &Request) -> Reading {
        drain::reading(r)
    }

    fn has_read(r: &Request, got: Got) {
        drain::has_read(r, got);
    }

    fn time_left(r: &Request) -> Option<u64> {
        drain::time_left(r)
    }

    fn patience(r: &Request) -> Option<u64> {
        drain::patience(r)
    }

    fn end(r: &Request) {
        drain::end(r);
    }

    fn log(r: &Request) {
        metrics::ended(r);
    }

    fn content(r: &Request, output: &mut Output) -> Option<Content> {
        metrics::write(r, output)
    }
}

// Placed before realip: nginx calls the handlers of a phase in reverse order, and a limit may depend on the address
// that realip finds.
nginx::http_module!(LimitBody as ngx_http_limit_body_module before [ngx_http_realip_module]
    with filters ngx_http_limit_body_filter_module);
