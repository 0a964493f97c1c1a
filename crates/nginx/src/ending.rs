//! The end of a request: when it comes, why, and how far the response is by then.

use core::ffi::c_void;

use nginx_sys::{ngx_http_cleanup_add, ngx_http_request_t};

use crate::{HttpModule, Request};

/// Why nginx ends a request early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// nginx needs the connection for others, or is about to exit.
    Close,
    /// A timer has expired.
    Timeout,
    /// The connection has failed, or the client has sent something invalid.
    Error,
}

impl<M: HttpModule> Request<'_, M> {
    /// Has [`HttpModule::end`] called when the request ends. Returns whether there was memory for that.
    pub fn notify_end(self) -> bool {
        let r = self.as_ptr();
        // SAFETY: `Request` is only made for a live request. A cleanup that nginx adds is ours to fill in.
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

    /// Returns whether all of the response is with the kernel or with nginx's own transport. nginx then only handles
    /// what the client may still send.
    pub fn is_done(self) -> bool {
        self.raw().is_done()
    }

    /// Why nginx ends the request early, as far as the connection tells.
    pub fn interruption(self) -> Option<Interruption> {
        let c = self.raw().connection();
        // Over HTTP/3 nginx says the same of a connection that is gone, and that reading has failed.
        let is_gone = c.is_closing() && c.read().has_failed();
        if c.is_closing() && !is_gone {
            Some(Interruption::Close)
        } else if c.is_timed_out() || c.read().is_timed_out() {
            Some(Interruption::Timeout)
        } else if c.has_failed() || is_gone {
            Some(Interruption::Error)
        } else {
            None
        }
    }
}

/// Called when the request ends, before nginx writes the access log: `ngx_http_cleanup_t.handler`.
unsafe extern "C" fn end<M: HttpModule>(r: *mut c_void) {
    // SAFETY: nginx calls this once, when it ends the request that the cleanup was added to, before it frees the
    // request.
    M::end(unsafe { Request::new(r.cast::<ngx_http_request_t>()) });
}
