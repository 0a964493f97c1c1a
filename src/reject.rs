//! Refuses requests so that the client reads the answer.
//!
//! If a connection is closed while it has unread data, or while more arrives, the kernel sends a TCP RST. The client's
//! next write then fails, and what the client has received but not read may be discarded: the answer is lost (RFC 9112,
//! section 9.6). So the answer is sent, and the rest of the body is read.

#![forbid(unsafe_code)]

use crate::drain;
use crate::judge;
use crate::module::Request;
use crate::state::{self, State};

/// Returns whether the client has only announced a body that is to come with other requests.
pub fn is_only_announced(r: Request<'_>) -> bool {
    !r.has_body() && judge::declared_length(r).is_none()
}

/// Removes the body from a refused request, and keeps the connection open until the rest of the body is dropped. Does nothing
/// if it is only announced.
pub fn drop_refused(r: Request<'_>) {
    if is_only_announced(r) {
        return;
    }
    // First, because fewer reads are needed if no other request can follow on the connection.
    close_gently(r);
    r.discard_body_file();
    drop_body(r);
}

/// Removes the body from a request. The rest of it is dropped while and after the request is answered.
pub fn drop_body(r: Request<'_>) {
    // First, because reading or discarding the body could send `100 Continue`, and the client is to get an answer
    // instead.
    r.set_expect_tested();
    // Before there is a drain, which uses the request as well: where nobody else does, this takes less memory.
    r.forget_body_fields();
    if !drain::begin(r) {
        leave_to_nginx(r);
    }
}

/// Removes the body from a request that has been answered (`post_action`). A drain is started only for one that nginx discards,
/// because other requests may follow on the connection, and for one that was left to a script; otherwise nginx lingers. A drain
/// may deal with the body already.
pub fn leave_body(r: Request<'_>) {
    if !drain::deals_with_body(r) {
        if (r.is_body_discarded() || linger::is_end_awaited(r)) && drain::begin(r) {
            drain::response_begin(r);
        } else {
            leave_to_nginx(r);
        }
    }
    r.forget_body_fields();
}

/// Removes a body that no drain deals with. nginx skips the rest of it, or lingers.
fn leave_to_nginx(r: Request<'_>) {
    if r.is_multiplexed() {
        linger::skip_body(r);
    } else {
        close_gently(r);
    }
    r.forget_body();
}

/// Removes the body from a request, of which nothing more is to come.
pub fn forget_body(r: Request<'_>) {
    r.forget_body();
    r.forget_body_fields();
}

/// Makes nginx stop reading a body in mid-stream, and keep the connection open until the client has the answer. Call this
/// while nginx reads: over HTTP/2 and HTTP/3 nginx skips the rest, and the drain starts when the refusal is made.
pub fn stop_reading(r: Request<'_>) {
    stop(r, !r.is_multiplexed())
}

/// The same, but to be called when nginx waits for more.
pub fn abandon_reading(r: Request<'_>) {
    stop(r, true)
}

fn stop(r: Request<'_>, begins_drain: bool) {
    linger::end_script(r);
    close_gently(r);
    r.discard_body_file();
    // A response that has begun stands, and is cut off here: the client is to see its end.
    if !begins_drain || r.is_response_begun() || !drain::begin(r) {
        state::keep_received(r);
        // Only a part of the body has been read. A proxied error page must not pass it on.
        leave_to_nginx(r);
    }
    r.forget_body_fields();
}

/// Makes nginx close the connection after the answer, and linger. nginx does so by itself for some statuses only. But
/// what follows the body must not be taken for a request, and it may still be on its way when all of the body has
/// arrived.
fn close_gently(r: Request<'_>) {
    r.clear_keepalive();
    r.set_lingering_close();
}

/// Starts the drain of an HTTP/2 or HTTP/3 body that was refused in mid-stream, when nginx has redirected the request
/// to an error page. Over HTTP/2 nginx would skip the frames that arrive, and miss the end of the body.
pub fn resume(r: Request<'_>) {
    let is_refused = r.state().is_some_and(State::is_refused);
    if is_refused && r.is_multiplexed() {
        drain::begin(r);
    }
}
