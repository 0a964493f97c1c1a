//! `ngx_http_limit_body_module`: an nginx module that refuses oversized uploads so that the client reads the refusal.
//!
//! The steps of a request in the module, and the file to read for each:
//!
//! 1. nginx has read `nginx.conf` into a [`conf::Conf`] for each location ([`directives`], [`conf`]). If any block
//!    enforces a `limit_body`, the module judges the bodies in every location, and nginx's own check is off except in a
//!    dry run.
//! 2. nginx has settled the request's location, and calls the [`gate`], which asks the [`judge`]. This happens after
//!    `limit_req` and before access is checked or, with `after_auth`, when access has been granted; in either case
//!    before the body is read. The first match wins:
//!    - a subrequest: not judged;
//!    - a body that was read or discarded before a redirect: not judged, or not again;
//!    - the page of an error: not judged; a body that is over the limit there, or where the upload was sent to, is dropped;
//!    - no rule here, or neither a body nor the announcement of one: not judged;
//!    - the limit is a variable whose value is not a size: 500;
//!    - no length is declared where one is required: 411;
//!    - the declared or announced length is over the limit: refused or, in a dry run, reported;
//!    - otherwise the request goes on.
//! 3. As nginx reads the body, each piece passes the [`gate`] again. If no length was declared, the bytes that have
//!    arrived are judged by the same limit. A clock runs while nginx waits for more ([`timeout`]).
//! 4. A request that is answered before step 2, as by `return`, is judged when its answer is made.
//! 5. A refusal ([`reject`]) removes the body from the request, lets nginx answer, and keeps reading: closing at once
//!    would reset the connection, and the client would lose the answer.
//! 6. This reading is a [`drain`], within a budget. nginx's other early answers have one, too.
//! 7. If an [`upstream`] answers and closes before it has the whole body, the module makes nginx read its response.
//! 8. A [`state::State`] remembers what was decided, also across internal redirects. Users see it in the access log
//!    ([`variables`]), and in counters that all workers share ([`metrics`]).
//!
//! The crate `policy` makes the decisions, and does not know nginx. The crate [`nginx`] gives typed access to nginx,
//! and the crate [`linger`] reads bodies that nobody wants. These two have all unsafe code. Start with [`gate`].

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
mod timeout;
mod upstream;
mod variables;

use linger::{Got, Linger, Patience, Taken};
use module::{CoreConf, LimitBody, Request};
use nginx::{
    Content, Directive, Expired, Hooks, HttpModule, Input, Interrupted, Module, OutOfMemory, Output, Phase, Piece,
    Status, Variable, Written,
};

impl Module for LimitBody {
    type Conf<'c> = conf::Conf<'c>;

    const DIRECTIVES: &'static [Directive<Self>] = directives::DIRECTIVES;
    const NAME: &'static str = "limit_body";
    const COUNTERS: usize = policy::metrics::COUNTERS;
}

impl HttpModule for LimitBody {
    type State<'r> = state::State<'r>;

    const VARIABLES: &'static [Variable<Self>] = variables::VARIABLES;

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
        if r.is_internal() {
            upstream::redirected(r);
            gate::redirected(r);
        }
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

    fn request_body_lost(r: Request<'_>) {
        gate::note_unstored(r);
    }

    fn watches_response(r: Request<'_>) -> bool {
        gate::is_answer_watched(r)
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

    fn subrequest(r: Request<'_>) {
        gate::within_subrequest(r);
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

    fn deadline(r: Request<'_>) -> Option<Expired> {
        timeout::deadline(r)
    }

    fn end(r: Request<'_>) {
        upstream::end(r);
        drain::end(r);
        state::has_ended(r);
    }

    fn log(r: Request<'_>) {
        metrics::ended(r);
    }

    fn content(r: Request<'_>, output: &mut Output) -> Option<Content> {
        metrics::write(r, output)
    }
}

impl Linger for LimitBody {
    fn taken<'r>(state: &'r state::State<'r>) -> Option<&'r Taken> {
        state.more().map(|more| &more.taken)
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

    fn is_response_made(r: Request<'_>) -> bool {
        drain::is_response_made(r)
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

    fn end_awaited(r: Request<'_>) {
        drain::end_awaited(r);
    }
}

// nginx calls the handlers of a phase in the reverse order of their modules. So in the preaccess phase this module
// comes after realip, because a limit may depend on the address that realip sets; after limit_req, which therefore
// counts refused uploads; and before limit_conn, which therefore does not.
nginx::http_module!(LimitBody as ngx_http_limit_body_module before [ngx_http_limit_req_module, ngx_http_realip_module]
    with configuration ngx_http_limit_body_conf_module and filters ngx_http_limit_body_filter_module);
