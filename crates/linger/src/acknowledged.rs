//! Whether the client has what it was sent.

use core::ptr;

use nginx::{HttpModule, Request};

use crate::multiplexed::Stream;
use crate::raw;

/// Whether the client has acknowledged all that it was sent: its TCP (RFC 9112, section 9.6), over HTTP/2 for the whole
/// connection, or its QUIC. Not, where the system does not tell.
pub fn is_acknowledged<M: HttpModule>(r: Request<'_, M>) -> bool {
    let is_told = Stream::of(raw(r)).is_some_and(Stream::is_acknowledged);
    is_told || socket(r).and_then(unacknowledged) == Some(0)
}

/// The socket that all of the response has been written to, if there is one.
fn socket<M: HttpModule>(r: Request<'_, M>) -> Option<i32> {
    let c = raw(r).connection();
    if c.is_buffered() {
        return None;
    }
    let socket = Stream::of(raw(r)).map_or_else(|| Some(c.socket()), Stream::socket);
    socket.filter(|&socket| socket >= 0)
}

/// How many bytes were sent through a socket and are not acknowledged yet.
#[cfg(target_os = "linux")]
fn unacknowledged(fd: i32) -> Option<i32> {
    let mut bytes = 0;
    // SAFETY: the call writes an int (tcp(7), SIOCOUTQ, of the same value as TIOCOUTQ).
    let result = unsafe { libc::ioctl(fd, libc::TIOCOUTQ, ptr::addr_of_mut!(bytes)) };
    (result == 0).then_some(bytes)
}

/// Elsewhere there is no telling.
#[cfg(not(target_os = "linux"))]
fn unacknowledged(_fd: i32) -> Option<i32> {
    None
}
