//! The end of a request: when it has come, why, and what had become of the response by then.

use core::ffi::c_void;
use core::ptr;

use nginx_sys::{ngx_http_cleanup_add, ngx_http_request_t};

use crate::{bits, HttpModule, Request};

/// Why nginx ends a request before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// It needs the connection for others, or is about to exit.
    Close,
    /// A timer ran out.
    Timeout,
    /// The connection has failed, or the client sent what it must not.
    Error,
}

impl<M: HttpModule> Request<'_, M> {
    /// Has the module told when the request ends ([`HttpModule::end`]). Says whether that could be done.
    pub fn notify_end(self) -> bool {
        let r = self.as_ptr();
        // SAFETY: live; a cleanup that nginx adds is ours to fill in.
        unsafe {
            let cleanup = ngx_http_cleanup_add(r, 0);
            if cleanup.is_null() {
                return false;
            }
            (*cleanup).handler = Some(end::<M>);
            (*cleanup).data = r.cast();
            true
        }
    }

    /// Whether all of the response is with the kernel, or with nginx's own transport, and nginx only deals with what the
    /// client may still send.
    pub fn is_done(self) -> bool {
        // SAFETY: live.
        unsafe { bits::nginx_bits_done(self.as_ptr()) != 0 }
    }

    /// Why nginx ends a request before its time, as far as the connection tells.
    pub fn interruption(self) -> Option<Interruption> {
        // SAFETY: live, and so is its connection.
        unsafe {
            let c = (*self.as_ptr()).connection;
            if bits::nginx_bits_close(c) != 0 {
                Some(Interruption::Close)
            } else if bits::nginx_bits_timedout(c) != 0 {
                Some(Interruption::Timeout)
            } else if bits::nginx_bits_error(c) != 0 {
                Some(Interruption::Error)
            } else {
                None
            }
        }
    }

    /// The socket that all of the response has been written to, if there is one.
    fn socket(self) -> Option<i32> {
        // SAFETY: live.
        let fd = unsafe { bits::nginx_stream_socket(self.as_ptr()) };
        (fd >= 0).then_some(fd)
    }

    /// Whether the client has acknowledged all of the response, over HTTP/3.
    fn is_acknowledged_by_quic(self) -> bool {
        // SAFETY: live.
        unsafe { bits::nginx_stream_is_acknowledged(self.as_ptr()) != 0 }
    }

    /// Whether the client has acknowledged all that it was sent: its TCP (RFC 9112, section 9.6), over HTTP/2 for the whole
    /// connection, or its QUIC. Not, where the system does not tell.
    pub fn is_acknowledged(self) -> bool {
        self.is_acknowledged_by_quic() || self.socket().and_then(unacknowledged) == Some(0)
    }
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

/// The request ends: `ngx_http_cleanup_t.handler`. nginx calls it before it writes the access log.
unsafe extern "C" fn end<M: HttpModule>(r: *mut c_void) {
    // SAFETY: nginx calls this when it ends the request that the cleanup was added to, once, before it frees it.
    M::end(unsafe { Request::new(r.cast::<ngx_http_request_t>()) });
}
