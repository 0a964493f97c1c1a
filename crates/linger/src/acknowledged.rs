//! Whether the client has received the response.

use core::ptr;

use nginx::{HttpModule, Request};

use crate::multiplexed::Stream;
use crate::raw;

/// Returns whether the client has acknowledged all of the response, with TCP (RFC 9112, section 9.6) or, over HTTP/3,
/// with QUIC. Over HTTP/2 all data of the connection must be acknowledged. Returns false where there is no response, and
/// where the system does not tell.
pub fn is_acknowledged<M: HttpModule>(r: Request<'_, M>) -> bool {
    let is_told = Stream::of(raw(r)).is_some_and(Stream::is_acknowledged);
    r.is_response_begun() && (is_told || socket(r).and_then(unacknowledged) == Some(0))
}

/// Returns whether the connection of a socket is gone: reset, or ended by both sides.
pub(crate) fn is_gone(fd: i32) -> bool {
    let mut state = libc::pollfd { fd, events: 0, revents: 0 };
    // SAFETY: passes one descriptor, and does not wait.
    let told = unsafe { libc::poll(&mut state, 1, 0) };
    told == 1 && state.revents & (libc::POLLERR | libc::POLLHUP) != 0
}

/// The socket that all of the response has been written to; `None` if some of it has not, or if there is no socket.
fn socket<M: HttpModule>(r: Request<'_, M>) -> Option<i32> {
    let c = raw(r).connection();
    if c.is_buffered() || raw(r).is_held_back() {
        return None;
    }
    let socket = Stream::of(raw(r)).map_or_else(|| Some(c.socket()), Stream::socket);
    socket.filter(|&socket| socket >= 0)
}

/// How many bytes that were sent through a socket are not acknowledged yet; `None` if the system does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn unacknowledged(fd: i32) -> Option<i32> {
    let mut bytes = 0;
    // SAFETY: the call writes an int (tcp(7): SIOCOUTQ, which has the same value as TIOCOUTQ).
    let result = unsafe { libc::ioctl(fd, libc::TIOCOUTQ, ptr::addr_of_mut!(bytes)) };
    (result == 0).then_some(bytes)
}

/// Other systems do not tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn unacknowledged(_fd: i32) -> Option<i32> {
    None
}
