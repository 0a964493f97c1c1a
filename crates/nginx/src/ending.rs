//! The end of a request: when it has come, why, and what had become of the response by then.

use core::ffi::c_void;

use nginx_sys::{ngx_http_cleanup_add, ngx_http_request_t};

use crate::{HttpModule, Request};

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
        self.raw().is_done()
    }

    /// Why nginx ends a request before its time, as far as the connection tells.
    pub fn interruption(self) -> Option<Interruption> {
        let c = self.raw().connection();
        if c.is_closing() {
            Some(Interruption::Close)
        } else if c.is_timed_out() || c.read().is_timed_out() {
            Some(Interruption::Timeout)
        } else if c.has_failed() {
            Some(Interruption::Error)
        } else {
            None
        }
    }
}

/// The request ends: `ngx_http_cleanup_t.handler`. nginx calls it before it writes the access log.
unsafe extern "C" fn end<M: HttpModule>(r: *mut c_void) {
    // SAFETY: nginx calls this when it ends the request that the cleanup was added to, once, before it frees it.
    M::end(unsafe { Request::new(r.cast::<ngx_http_request_t>()) });
}
