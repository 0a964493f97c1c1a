//! How a request is refused so that its client reads the answer.
//!
//! To close a connection on which unread data waits, or on which more comes in, makes the kernel send a TCP RST. The
//! client's next write fails then, and what it has received but not read may be discarded: the answer is lost
//! (RFC 9112, section 9.6). So the answer goes out, and nginx reads on.

#![forbid(unsafe_code)]

use crate::nginx::{Got, Request, Status};
use crate::state::{self, State};
use crate::{drain, LimitBody};

/// Ends a request whose body has not been read: nginx answers with `status`, or the `error_page` for it, and drops
/// the body meanwhile.
pub fn refuse(r: Request, status: Status) {
    drop_body(&r);
    r.finalize(status);
}

/// Has the body of a request dropped instead of read, and the connection kept until that is done.
pub fn drop_body(r: &Request) {
    // Before anything that could send it: the client is to get an answer, not `100 Continue`.
    r.set_expect_tested();
    let is_drained = drain::begin(r);
    if r.is_multiplexed() {
        if !is_drained {
            r.discard_body();
            // nginx keeps no note of discarding here, so an error page's location would refuse the body once more, or a
            // proxied page would begin to read it.
            r.forget_body();
        }
        return;
    }
    let read_ahead = r.read_ahead();
    r.discard_body();
    drain::has_read(r, Got::Bytes(read_ahead.saturating_sub(r.read_ahead())));
    // Set already, unless all of the body was there to be discarded. More may be on its way all the same.
    r.set_lingering_close();
    // nginx does so for some statuses only. What follows the body must not be taken for a request.
    r.clear_keepalive();
}

/// Has nginx stop reading a body in mid-stream, and keep the connection until the client has the answer.
pub fn stop_reading(r: &Request) {
    if !r.is_multiplexed() {
        // nginx lingers because the request has a body; but for some statuses, 400 among them, it forgets that, and
        // lingers only on a connection with something to read. There may be: reading will tell.
        r.set_read_ready();
    }
    // An error page may take its time. What the client sends meanwhile must not be read as a body once more.
    r.block_reading();
    r.clear_keepalive();
    drain::hold(r);
    state::keep_received(r);
    // What has been read is but a part: a proxied error page must not pass it on.
    r.forget_body();
}

/// Goes on to drop a body that was refused in mid-stream, when nginx has redirected the request to an error page: over
/// HTTP/2 it skips what comes, and would miss the end.
pub fn resume(r: &Request) {
    let is_refused = r.state::<LimitBody>().is_some_and(State::is_refused);
    if is_refused && r.is_main() && r.is_multiplexed() {
        drain::begin(r);
    }
}
