//! How a request is refused so that its client reads the answer.
//!
//! To close a connection on which unread data waits, or on which more comes in, makes the kernel send a TCP RST. The
//! client's next write fails then, and what it has received but not read may be discarded: the answer is lost
//! (RFC 9112, section 9.6). So the answer goes out, and the body is read on.

#![forbid(unsafe_code)]

use crate::drain;
use crate::module::Request;
use crate::state::{self, State};

/// Leaves a request that is refused without its body, and the connection open until that is dropped.
pub fn drop_refused(r: Request<'_>) {
    // Before anything that reads the body: what need not be kept for another request is read in fewer pieces.
    close_gently(r);
    drop_body(r);
}

/// Leaves a request without its body, which is dropped while, and after, the request is answered.
pub fn drop_body(r: Request<'_>) {
    // Before anything that could send it: the client is to get an answer, not `100 Continue`.
    r.set_expect_tested();
    if !drain::begin(r) {
        if r.is_multiplexed() {
            r.discard_body();
        } else {
            close_gently(r);
        }
        r.forget_body();
    }
    r.forget_body_fields();
}

/// Leaves a request without its body when no answer is to be made any more (`post_action`). What is still to come is not drained
/// unless it is already: nginx lingers.
pub fn leave_body(r: Request<'_>) {
    if !drain::has_begun(r) {
        close_gently(r);
        r.forget_body();
        r.forget_body_fields();
    }
}

/// Has nginx read no more of a body in mid-stream, and keep the connection until the client has the answer.
pub fn stop_reading(r: Request<'_>) {
    close_gently(r);
    // Over HTTP/2 and HTTP/3 the drain begins when the refusal is made.
    if r.is_multiplexed() || !drain::begin(r) {
        state::keep_received(r);
        // An error page may take its time. What the client sends meanwhile, or that it closes, must not be read as if it were
        // of the body.
        r.block_reading();
    }
    // What has been read is but a part: a proxied error page must not pass it on.
    r.forget_body();
    r.forget_body_fields();
}

/// nginx closes after some refusals only. What follows the body must not be taken for a request; more of it may be on its way
/// even if all of it was there.
fn close_gently(r: Request<'_>) {
    r.clear_keepalive();
    r.set_lingering_close();
}

/// Goes on to drop a body that was refused in mid-stream, when nginx has redirected the request to an error page: over
/// HTTP/2 it skips what comes, and would miss the end.
pub fn resume(r: Request<'_>) {
    let is_refused = r.state().is_some_and(State::is_refused);
    if is_refused && r.is_multiplexed() {
        drain::begin(r);
    }
}
