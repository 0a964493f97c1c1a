//! A request, for those who take bodies and know nothing of modules. Safe code outside of this crate cannot make one.

use core::marker::PhantomData;
use core::ptr::NonNull;

use nginx_sys::{
    ngx_cached_time, ngx_http_block_reading, ngx_http_finalize_request, ngx_http_request_body_t, ngx_http_request_t,
    ngx_int_t, ngx_pool_t, NGX_DONE,
};

use crate::connection::Connection;
use crate::{shim, HttpModule, Request, Status};

/// A request that is live for `'r`, and so are its connection and its pool.
#[derive(Clone, Copy)]
pub struct RawRequest<'r>(NonNull<ngx_http_request_t>, PhantomData<&'r ngx_http_request_t>);

impl<'r, M: HttpModule> Request<'r, M> {
    /// The same, for those who know nothing of modules.
    pub(crate) fn raw(self) -> RawRequest<'r> {
        // SAFETY: a request is live for this long.
        unsafe { RawRequest::new(self.as_ptr()) }
    }
}

impl RawRequest<'_> {
    /// The request at `r`.
    ///
    /// # Safety
    ///
    /// `r` must be live, and stay so for `'r`.
    pub const unsafe fn new(r: *mut ngx_http_request_t) -> Self {
        // SAFETY: a live request has an address.
        Self(unsafe { NonNull::new_unchecked(r) }, PhantomData)
    }

    /// Where it is. To dereference that is as unsafe as ever.
    pub const fn as_ptr(self) -> *mut ngx_http_request_t {
        self.0.as_ptr()
    }

    /// The connection that it came over; over HTTP/2 and HTTP/3 the one that nginx has made up for its stream.
    pub fn connection(self) -> Connection {
        // SAFETY: a live request has a connection, which outlives it.
        unsafe { Connection::new((*self.as_ptr()).connection) }
    }

    /// Its memory pool.
    pub fn pool(self) -> *mut ngx_pool_t {
        // SAFETY: a copy of a pointer of a live request.
        unsafe { (*self.as_ptr()).pool }
    }

    /// Its body, as far as nginx has begun to read one; else NULL.
    pub fn body(self) -> *mut ngx_http_request_body_t {
        // SAFETY: a copy of a pointer of a live request.
        unsafe { (*self.as_ptr()).request_body }
    }

    /// Whether it came over HTTP/2 or HTTP/3.
    pub fn is_multiplexed(self) -> bool {
        // SAFETY: a copy of a pointer, which every request has.
        !unsafe { (*self.as_ptr()).stream }.is_null() || self.is_over_quic()
    }

    #[cfg(ngx_feature = "http_v3")]
    fn is_over_quic(self) -> bool {
        // SAFETY: a copy of a pointer, which every connection has in these builds.
        !unsafe { (*self.connection().as_ptr()).quic }.is_null()
    }

    #[cfg(not(ngx_feature = "http_v3"))]
    fn is_over_quic(self) -> bool {
        false
    }

    /// Whether all of the response is with the kernel, or with nginx's own transport.
    pub fn is_done(self) -> bool {
        // SAFETY: reads a bit of a live request.
        unsafe { shim::nginx_shim_done(self.as_ptr()) != 0 }
    }

    /// Whether it has a body that says nothing of its length in advance.
    pub fn is_chunked(self) -> bool {
        // SAFETY: reads a bit of a live request.
        unsafe { shim::nginx_shim_chunked(self.as_ptr()) != 0 }
    }

    /// Whether nginx is discarding its body (HTTP/1.x).
    pub fn is_body_discarded(self) -> bool {
        // SAFETY: reads a bit of a live request.
        unsafe { shim::nginx_shim_discard_body(self.as_ptr()) != 0 }
    }

    /// Whether the connection lives on after it.
    pub fn is_kept_alive(self) -> bool {
        // SAFETY: reads a bit of a live request.
        unsafe { shim::nginx_shim_keepalive(self.as_ptr()) != 0 }
    }

    /// Has the connection closed after it.
    pub fn clear_keepalive(self) {
        // SAFETY: writes a bit of a live request.
        unsafe { shim::nginx_shim_set_keepalive(self.as_ptr(), 0) }
    }

    /// Has nginx leave alone what comes on the connection until something else is done with it.
    pub fn block_reading(self) {
        // SAFETY: writes a pointer of a live request; nginx passes one to the function.
        unsafe { (*self.as_ptr()).read_event_handler = Some(ngx_http_block_reading) }
    }

    /// Has the connection linger when it ends.
    pub fn linger(self) {
        // SAFETY: writes a bit of a live request.
        unsafe { shim::nginx_shim_set_lingering_close(self.as_ptr(), 1) }
    }

    /// Lets the connection linger no longer: when nginx closes it, it says goodbye and looks once at what there is to read.
    pub fn end_lingering(self) {
        self.linger();
        // SAFETY: a number of a live request, and nginx's own time, which it keeps in memory of its own.
        unsafe { (*self.as_ptr()).lingering_time = (*ngx_cached_time).sec };
        self.connection().read().set_ready(true);
    }

    /// How many users it has.
    pub fn users(self) -> usize {
        // SAFETY: reads a number of a live request's main request.
        unsafe { shim::nginx_shim_users(self.as_ptr()) }
    }

    /// Counts one more user, who ends with [`leave`](Self::leave).
    pub fn add_user(self) {
        // SAFETY: counts in a live request's main request.
        unsafe { shim::nginx_shim_add_user(self.as_ptr()) }
    }

    /// Has one user less, who may be the last one.
    ///
    /// # Safety
    ///
    /// The user must have been counted. The request may be gone afterwards: none of its copies may be used.
    pub unsafe fn leave(self) {
        // SAFETY: as nginx does it where it is done with what it counted a user for.
        unsafe { ngx_http_finalize_request(self.as_ptr(), NGX_DONE as ngx_int_t) }
    }

    /// Has it answered with a status, as one user, who is gone then.
    ///
    /// # Safety
    ///
    /// As for [`leave`](Self::leave).
    pub unsafe fn finalize(self, status: Status) {
        // SAFETY: as above.
        unsafe { ngx_http_finalize_request(self.as_ptr(), status.as_ngx()) }
    }
}
