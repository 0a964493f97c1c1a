//! The response of an upstream that closes before it has read the whole request. When nginx alone can write no more, it
//! gives up that upstream, and asks the next one or answers 502.
//!
//! [`interrupted`] makes nginx read the response instead, if there may be one. [`redirected`], [`response_end`] and
//! [`end`] report the result.

#![forbid(unsafe_code)]

use policy::{reads_on, UpstreamResult};

use crate::metrics;
use crate::module::Request;
use crate::state::{self, More, Upstream};
use nginx::{Interrupted, Level};

/// Returns whether the response of an upstream is to be read even if the upstream closes early.
pub fn is_watched(r: Request<'_>) -> bool {
    r.conf().reads_upstream_response()
}

/// Called when nothing more of a request can be written to its upstream. Returns whether nginx is to read the response
/// nevertheless.
pub fn interrupted(r: Request<'_>, Interrupted { has_begun, has_unread }: Interrupted) -> bool {
    if !r.is_main() {
        // Nothing is reported of a subrequest's upstream.
        return reads_on(has_begun, has_unread);
    }
    let more = r.state_or_default().and_then(|state| state.more_or_default(r));
    let Some(More { upstream, .. }) = more.filter(|_| state::notify_end(r)) else {
        return false;
    };
    upstream.number.set(r.upstream());
    upstream.zone.set(r.conf().zone());
    upstream.update(|response| response.interrupt(has_begun, has_unread))
}

/// Called when a request is sent again, to another upstream or to the same.
pub fn retried(r: Request<'_>) {
    if let Some(upstream) = of(r).filter(|_| r.is_main()) {
        upstream.update(|response| response.retry());
    }
}

/// Returns whether the response of a request's upstream is being read although the upstream takes no more of the
/// request.
pub fn is_reading(r: Request<'_>) -> bool {
    of(r).is_some_and(|upstream| upstream.response.get().is_reading())
}

/// The upstream that closed before it had the whole request; `None` if none has.
fn of<'r>(r: Request<'r>) -> Option<&'r Upstream<'r>> {
    r.state()?.upstream()
}

/// Called in the rewrite phases, and so after each redirect. If nginx has the header of the response, the response has
/// led to the redirect, by `error_page` or `X-Accel-Redirect`, and counts as read.
#[cold]
pub fn redirected(r: Request<'_>) {
    if r.is_main() && of(r).is_some_and(|upstream| has_its_response(r, upstream)) {
        settle(r, |_| true);
    }
}

/// Called when nginx has made the last of a response.
pub fn response_end(r: Request<'_>) {
    settle(r, |upstream| has_its_response(r, upstream));
}

/// Returns whether the upstream that closed early is the one that was asked last, and nginx has read the header of its
/// response.
fn has_its_response(r: Request<'_>, upstream: &Upstream<'_>) -> bool {
    upstream.number.get() == r.upstream() && r.has_upstream_header()
}

/// Called when the request ends.
pub fn end(r: Request<'_>) {
    settle(r, |_| false);
}

/// Settles the response of an upstream that closed early, and reports the result. `is_its_own` returns whether the
/// answer is what that upstream has sent.
fn settle(r: Request<'_>, is_its_own: impl FnOnce(&Upstream<'_>) -> bool) {
    let Some(upstream) = of(r).filter(|upstream| upstream.response.get().is_interrupted()) else {
        return;
    };
    let is_its_own = is_its_own(upstream);
    let Some(result) = upstream.update(|response| response.settle(is_its_own)) else {
        return;
    };
    metrics::upstream_response(upstream.zone.get(), result);
    let what = match result {
        UpstreamResult::Saved => "its response was read",
        UpstreamResult::Lost => "there was no whole response to read",
    };
    r.log(Level::Info, format_args!("upstream closed the connection before it had the whole request, {what}"));
}
