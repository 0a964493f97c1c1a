//! A request, for code that takes bodies and knows nothing of modules. Safe code outside this crate cannot make one.

use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use nginx_sys::{
    ngx_cached_time, ngx_http_block_reading, ngx_http_core_content_phase, ngx_http_core_main_conf_t,
    ngx_http_core_module, ngx_http_finalize_request, ngx_http_request_body_t, ngx_http_request_empty_handler,
    ngx_http_request_t, ngx_http_run_posted_requests, ngx_http_special_response_handler, ngx_http_test_reading,
    ngx_int_t, ngx_pool_t, NGX_DONE,
};

use crate::connection::Connection;
use crate::{shim, HttpModule, Request, Status};

/// A request that is live for `'r`. Its connection and its pool are live as long.
#[derive(Clone, Copy)]
pub struct RawRequest<'r>(NonNull<ngx_http_request_t>, PhantomData<&'r ngx_http_request_t>);

impl<'r, M: HttpModule> Request<'r, M> {
    /// The request without the type of its module.
    pub(crate) fn raw(self) -> RawRequest<'r> {
        // SAFETY: `Request` is only made for a live request, and is live for `'r`.
        unsafe { RawRequest::new(self.as_ptr()) }
    }
}

impl RawRequest<'_> {
    /// The request at `r`.
    ///
    /// # Safety
    ///
    /// `r` must be live for `'r`.
    pub const unsafe fn new(r: *mut ngx_http_request_t) -> Self {
        // SAFETY: a live request has an address.
        Self(unsafe { NonNull::new_unchecked(r) }, PhantomData)
    }

    /// The address of the request. To dereference it is unsafe as usual.
    pub const fn as_ptr(self) -> *mut ngx_http_request_t {
        self.0.as_ptr()
    }

    /// The connection of the request. Over HTTP/2 and HTTP/3 it is the one that nginx has made for the request's
    /// stream.
    pub fn connection(self) -> Connection {
        // SAFETY: a live request has a connection, which outlives it.
        unsafe { Connection::new((*self.as_ptr()).connection) }
    }

    /// The request's memory pool.
    pub fn pool(self) -> *mut ngx_pool_t {
        // SAFETY: reads a pointer of a live request.
        unsafe { (*self.as_ptr()).pool }
    }

    /// The request's body; NULL if nginx has not begun to read one.
    pub fn body(self) -> *mut ngx_http_request_body_t {
        // SAFETY: reads a pointer of a live request.
        unsafe { (*self.as_ptr()).request_body }
    }

    /// Returns whether the request has no body, or one with nothing in it of which nothing is to come.
    pub(crate) fn is_bodiless(self) -> bool {
        // SAFETY: null, or a body that lives as long as the request.
        unsafe { self.body().as_ref() }.is_none_or(|body| body.rest == 0 && body.bufs.is_null())
    }

    /// Returns whether the request came over HTTP/2 or HTTP/3.
    pub fn is_multiplexed(self) -> bool {
        // SAFETY: reads a pointer that every request has.
        !unsafe { (*self.as_ptr()).stream }.is_null() || self.is_http3()
    }

    /// Returns whether nginx is discarding the body (HTTP/2).
    pub fn is_body_skipped(self) -> bool {
        // SAFETY: a request's stream is null, or lives as long.
        #[cfg(ngx_feature = "http_v2")]
        return unsafe {
            !(*self.as_ptr()).stream.is_null() && shim::nginx_shim_v2_skip_data((*self.as_ptr()).stream) != 0
        };
        #[cfg(not(ngx_feature = "http_v2"))]
        false
    }

    /// Returns whether the request came over HTTP/3.
    #[cfg(ngx_feature = "http_v3")]
    pub fn is_http3(self) -> bool {
        // The version of HTTP says less: a post_action sets another.
        // SAFETY: reads a pointer that every request has in these builds. A live request's main request is live.
        !unsafe { (*(*self.as_ptr()).main).v3_parse }.is_null()
    }

    /// This nginx is built without HTTP/3.
    #[cfg(not(ngx_feature = "http_v3"))]
    pub fn is_http3(self) -> bool {
        false
    }

    /// Returns whether the request came over QUIC, in HTTP/3 or, with nginx's `http3_hq`, in HTTP/1.x.
    #[cfg(ngx_feature = "http_v3")]
    pub fn is_over_quic(self) -> bool {
        // SAFETY: reads a pointer that every connection has in these builds.
        !unsafe { (*self.connection().as_ptr()).quic }.is_null()
    }

    /// This nginx is built without HTTP/3.
    #[cfg(not(ngx_feature = "http_v3"))]
    pub fn is_over_quic(self) -> bool {
        false
    }

    /// The core module's main configuration.
    pub(crate) fn core_main_conf(self) -> *const ngx_http_core_main_conf_t {
        // SAFETY: a live request has the main configuration of each module, at the index that nginx has set.
        unsafe { (*(*self.as_ptr()).main_conf.add((*ptr::addr_of!(ngx_http_core_module)).ctx_index)).cast() }
    }

    /// Returns whether the request has come to the handler of its location.
    pub(crate) fn is_in_content_phase(self) -> bool {
        // SAFETY: the core module's main configuration lives as long as the request. The request is at one of its steps.
        let step = unsafe { (*self.core_main_conf()).phase_engine.handlers.offset((*self.as_ptr()).phase_handler) };
        // SAFETY: as above.
        let checker = unsafe { (*step).checker };
        checker.is_some_and(|checker| checker as usize == ngx_http_core_content_phase as *const () as usize)
    }

    /// Returns whether all of the response is with the kernel or with nginx's own transport.
    pub fn is_done(self) -> bool {
        // SAFETY: reads a bit of a live request.
        unsafe { shim::nginx_shim_done(self.as_ptr()) != 0 }
    }

    /// Returns whether nginx alone deals with what is left of the response: whoever made it is at its end. A `post_action` is
    /// until nobody else uses the request.
    pub fn is_left_to_nginx(self) -> bool {
        // SAFETY: reads a few bits of a live request.
        let (is_writing, is_post_action) =
            unsafe { (shim::nginx_shim_writing(self.as_ptr()) != 0, shim::nginx_shim_post_action(self.as_ptr()) != 0) };
        self.users() == 1 || (!is_post_action && (is_writing || self.is_done()))
    }

    /// Returns whether the request has a body of undeclared length.
    pub fn is_chunked(self) -> bool {
        // SAFETY: reads a bit of a live request.
        unsafe { shim::nginx_shim_chunked(self.as_ptr()) != 0 }
    }

    /// Returns whether nginx is discarding the body (HTTP/1.x).
    pub fn is_body_discarded(self) -> bool {
        // SAFETY: reads a bit of a live request.
        unsafe { shim::nginx_shim_discard_body(self.as_ptr()) != 0 }
    }

    /// Returns whether the connection stays open after the request.
    pub fn is_kept_alive(self) -> bool {
        // SAFETY: reads a bit of a live request.
        unsafe { shim::nginx_shim_keepalive(self.as_ptr()) != 0 }
    }

    /// Returns whether some of the response has been made and is held back, until more of it is worth a write
    /// (`postpone_output`).
    pub fn is_held_back(self) -> bool {
        // SAFETY: reads a pointer of a live request.
        unsafe { !(*self.as_ptr()).out.is_null() }
    }

    /// Has the connection closed after the request.
    pub fn clear_keepalive(self) {
        // SAFETY: writes a bit of a live request.
        unsafe { shim::nginx_shim_set_keepalive(self.as_ptr(), 0) }
    }

    /// Makes nginx ignore what arrives on the connection, until something else is done with it. Where nginx only notices that a
    /// stream is gone, it still does (HTTP/2 and HTTP/3): it reads nothing there.
    pub fn block_reading(self) {
        if !(self.is_multiplexed() && self.is_reading_tested()) {
            // SAFETY: writes a pointer of a live request. nginx calls the function with a live request.
            unsafe { (*self.as_ptr()).read_event_handler = Some(ngx_http_block_reading) }
        }
    }

    /// Returns whether nginx only looks whether the client is still there, while it sends the answer or waits.
    fn is_reading_tested(self) -> bool {
        // SAFETY: reads a pointer of a live request.
        let handler = unsafe { (*self.as_ptr()).read_event_handler };
        handler.is_some_and(|handler| handler as usize == ngx_http_test_reading as *const () as usize)
    }

    /// Makes nginx write on when the client has ended its side (HTTP/1.x), as where it discards a body itself.
    pub fn outlive_half_close(self) {
        if self.is_reading_tested() {
            self.block_reading();
        }
    }

    /// Has the connection linger when the request ends.
    pub fn linger(self) {
        // SAFETY: writes a bit of a live request.
        unsafe { shim::nginx_shim_set_lingering_close(self.as_ptr(), 1) }
    }

    /// Ends the lingering time. When nginx closes the connection, it shuts down its own side, and reads no more.
    pub fn end_lingering(self) {
        self.linger();
        // SAFETY: writes a number of a live request. nginx's own time is in memory of its own.
        unsafe { (*self.as_ptr()).lingering_time = (*ngx_cached_time).sec };
        self.connection().read().set_ready(true);
    }

    /// Forgets when nginx wanted to stop discarding the body.
    pub fn forget_lingering(self) {
        self.connection().read().stop_timer();
        // SAFETY: writes a number of a live request.
        unsafe { (*self.as_ptr()).lingering_time = 0 };
    }

    /// How many users the request has.
    pub fn users(self) -> usize {
        // SAFETY: reads a number of a live request's main request.
        unsafe { shim::nginx_shim_users(self.as_ptr()) }
    }

    /// Adds a user, who ends with [`leave`](Self::leave).
    pub fn add_user(self) {
        // SAFETY: writes a number of a live request's main request.
        unsafe { shim::nginx_shim_add_user(self.as_ptr()) }
    }

    /// Has nginx free the request when it gives it up, however many users it has. Before nginx has begun to process a request,
    /// which it may then answer already, it only gives up a user, and expects no other.
    pub fn end_with_its_users(self) {
        // SAFETY: borrows a pointer of a live request. nginx calls the function with a live request.
        let handler = unsafe { &mut (*self.as_ptr()).write_event_handler };
        if handler.is_none() {
            *handler = Some(ngx_http_request_empty_handler);
        }
    }

    /// Gives up a user, perhaps the last.
    ///
    /// # Safety
    ///
    /// The user must have been counted. The call may end the request: no copy of it may be used afterwards.
    pub unsafe fn leave(self) {
        // SAFETY: nginx calls this, too, to give up a user that it has counted. No copy of the request is used
        // afterwards, as the caller promises.
        unsafe { ngx_http_finalize_request(self.as_ptr(), NGX_DONE as ngx_int_t) }
    }

    /// Answers the request with a status when a timer has expired, and gives up a user, perhaps the last. Unlike
    /// `ngx_http_finalize_request`, this answers with 408, too.
    ///
    /// # Safety
    ///
    /// As for [`leave`](Self::leave).
    pub unsafe fn answer(self, status: Status) {
        let c = self.connection();
        c.read().stop_timer();
        c.write().stop_timer();
        // SAFETY: the user was counted, and no copy of the request is used afterwards, as the caller promises. nginx makes
        // the response of an error in the same way.
        unsafe {
            let result = ngx_http_special_response_handler(self.as_ptr(), status.as_ngx());
            ngx_http_finalize_request(self.as_ptr(), result);
        }
        run_posted_requests(c);
    }

    /// Ends the request when a timer has expired, whoever uses it, and without an answer, as nginx does at
    /// `client_body_timeout`.
    ///
    /// # Safety
    ///
    /// As for [`leave`](Self::leave).
    pub unsafe fn time_out(self) {
        let c = self.connection();
        c.read().stop_timer();
        c.write().stop_timer();
        c.set_timed_out();
        // A thread may still work for the request, which ends when that is over. What comes of the body meanwhile is too late.
        self.block_reading();
        // SAFETY: the user was counted, and no copy of the request is used afterwards, as the caller promises.
        unsafe { ngx_http_finalize_request(self.as_ptr(), Status::REQUEST_TIMEOUT.as_ngx()) };
        run_posted_requests(c);
    }
}

/// Does what nginx does after its own events of a connection, for those of a timer.
fn run_posted_requests(c: Connection) {
    // SAFETY: nginx first checks whether the connection is marked as destroyed, that is, whether its request has been freed.
    unsafe { ngx_http_run_posted_requests(c.as_ptr()) };
}
