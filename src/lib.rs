//! `ngx_http_limit_body_module`: an nginx module that refuses oversized uploads so that the client reads the refusal.
//!
//! The way of a request through the module, and the file to read for each step:
//!
//! 1. `nginx.conf` has become a [`conf::Conf`] for each location ([`directives`], [`conf`]). Where any `limit_body` is in
//!    force nginx's own check is off, and the module judges every location.
//! 2. nginx has settled the request's location and calls the [`gate`], which asks the [`judge`]: behind `limit_req` and
//!    before access is checked or, with `after_auth`, when it has been granted; in any case before the body is read. First
//!    match wins:
//!    - a subrequest, or a body that has been discarded, or read before a redirect: not judged (again);
//!    - the page of an error: not judged; a body that its location would not have is dropped;
//!    - no rule here, or a request without a body: not judged;
//!    - no length declared where one is required: 411;
//!    - the limit is a variable whose value is no size: 500;
//!    - the client declared a length over the limit: refused, or in a dry run reported;
//!    - otherwise the request goes on.
//! 3. As nginx reads the body, each piece passes the [`gate`] again: where no length was declared, what has come is judged
//!    by the same limit.
//! 4. A request that is answered before step 2, as by `return`, is judged when its answer is made.
//! 5. A refusal ([`reject`]) leaves the request without a body, lets nginx answer, and reads on: to close at once would reset
//!    the connection, and the client would lose the answer.
//! 6. That is a [`drain`], for refusals and for whatever else nginx answers early, within a budget.
//! 7. An [`upstream`] that answers and closes before it has the whole body has its response read.
//! 8. What was decided is remembered in a [`state::State`], which outlives internal redirects and ends in the access
//!    log ([`variables`]) and in counters that all workers share ([`metrics`]).
//!
//! The decisions themselves are in the crate `policy`, which knows no nginx. What touches nginx is in the crate [`nginx`],
//! and how bodies are read that nobody wants in [`linger`]: these two have all unsafe code. Start with [`gate`].

mod budget;
mod conf;
mod directives;
mod drain;
mod gate;
mod judge;
mod metrics;
mod module;
mod reject;
mod slots;
mod state;
mod upstream;
mod variables;

use linger::{Got, Linger, Patience, Taken};
use module::{CoreConf, LimitBody, Request};
use nginx::{
    Content, Directive, Hooks, HttpModule, Input, Interrupted, OutOfMemory, Output, Phase, Piece, Status, Variable,
    Written,
};

impl HttpModule for LimitBody {
    type Conf<'c> = conf::Conf<'c>;
    type State<'r> = state::State<'r>;

    const DIRECTIVES: &'static [Directive<Self>] = directives::DIRECTIVES;
    const VARIABLES: &'static [Variable<Self>] = variables::VARIABLES;
    const COUNTERS: usize = policy::metrics::COUNTERS;

    fn merge<'c>(conf: &mut conf::Conf<'c>, prev: &conf::Conf<'c>, written: Written) {
        conf.merge(prev, written);
    }

    fn enforces(conf: &conf::Conf<'_>) -> bool {
        conf.enforces()
    }

    fn settle<'c>(conf: &mut conf::Conf<'c>, core: CoreConf<'c>, enforced: bool) -> Result<Hooks, OutOfMemory> {
        conf.settle(core, enforced)
    }

    fn rewrite(r: Request<'_>) {
        upstream::redirected(r);
        gate::note(r);
    }

    fn preaccess(r: Request<'_>) -> Phase {
        gate::before_access(r)
    }

    fn precontent(r: Request<'_>) -> Phase {
        gate::after_access(r)
    }

    fn watches_request_body(r: Request<'_>) -> bool {
        gate::is_body_watched(r)
    }

    fn request_body(r: Request<'_>, input: &mut Input<'_>) -> Piece {
        gate::within_body(r, input)
    }

    fn response_header(r: Request<'_>) -> Option<Status> {
        let refusal = gate::before_answer(r);
        drain::before_answer(r);
        refusal
    }

    fn replaced_response(r: Request<'_>) -> Option<Status> {
        gate::replaced_answer(r)
    }

    fn response_begin(r: Request<'_>) {
        drain::response_begin(r);
    }

    fn response_end(r: Request<'_>) {
        upstream::response_end(r);
        drain::response_end(r);
    }

    fn watches_upstream(r: Request<'_>) -> bool {
        upstream::is_watched(r)
    }

    fn upstream_interrupted(r: Request<'_>, interrupted: Interrupted) -> bool {
        upstream::interrupted(r, interrupted)
    }

    fn upstream_retried(r: Request<'_>) {
        upstream::retried(r);
    }

    fn end(r: Request<'_>) {
        upstream::end(r);
        drain::end(r);
    }

    fn log(r: Request<'_>) {
        metrics::ended(r);
    }

    fn content(r: Request<'_>, output: &mut Output) -> Option<Content> {
        metrics::write(r, output)
    }
}

impl Linger for LimitBody {
    fn taken<'r>(state: &'r state::State<'r>) -> &'r Taken {
        &state.taken
    }

    fn may_drop(r: Request<'_>) -> u64 {
        drain::may_drop(r)
    }

    fn abandoned(r: Request<'_>) -> Option<Status> {
        gate::abandoned(r)
    }

    fn has_read(r: Request<'_>, got: Got) {
        drain::has_read(r, got);
    }

    fn patience(r: Request<'_>) -> Patience {
        drain::patience(r)
    }

    fn credit(r: Request<'_>) -> u64 {
        drain::credit(r)
    }

    fn dropped(r: Request<'_>) -> u64 {
        drain::dropped(r)
    }
}

// nginx calls the handlers of a phase in reverse order: behind realip, as a limit may depend on the address that it finds,
// and behind limit_req, which counts what is refused here; before limit_conn, which holds nothing of it.
nginx::http_module!(LimitBody as ngx_http_limit_body_module before [ngx_http_limit_req_module, ngx_http_realip_module]
    with configuration ngx_http_limit_body_conf_module and filters ngx_http_limit_body_filter_module);
