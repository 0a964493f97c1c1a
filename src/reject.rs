//! How a request is refused so that its client reads the answer.
//!
//! To close a connection on which unread data waits, or on which more comes in, makes the kernel send a TCP RST. The
//! client's next write fails then, and what it has received but not read may be discarded: the answer is lost
//! (RFC 9112, section 9.6). So the answer goes out, and nginx reads on.

#![forbid(unsafe_code)]

use crate::nginx::{Request, Status};

/// Ends a request whose body has not been read: nginx answers with `status`, or the `error_page` for it, and drops
/// the body meanwhile.
pub fn refuse(r: Request, status: Status) {
    drop_body(&r);
    r.finalize(status);
}

/// Has nginx drop the body of a request instead of reading it, and keep the connection until that is done.
pub fn drop_body(r: &Request) {
    // Before anything that could send it: the client is to get an answer, not `100 Continue`.
    r.set_expect_tested();
    r.discard_body();
    // Set already, unless the body was there to be discarded at once. More may be on its way all the same.
    r.set_lingering_close();
    // nginx does so for some statuses only; what follows the body on this connection is not to be waited for.
    r.clear_keepalive();

    if r.is_multiplexed() {
        // nginx keeps no note of discarding here, so an error page's location would refuse the body once more, or a
        // proxied page would begin to read it. There is no body any more.
        r.set_content_length(None);
        r.clear_chunked();
    }
}

/// Has the connection kept until the client has read the answer, where a body is refused in mid-stream.
pub fn stop_reading(r: &Request) {
    r.set_lingering_close();
    r.clear_keepalive();
}
