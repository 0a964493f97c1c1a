//! How the body of an HTTP/2 or HTTP/3 stream is dropped after nginx has done with it, so that the client can send to its
//! end and then read the answer.
//!
//! nginx itself drops no more than what the client may send anyway, and resets the stream with the end of the response
//! (RFC 9113, section 8.1; RFC 9114, section 4.1). Here the response goes out as ever, but one more user of the request
//! is counted. What comes is dropped, and the request ends when the module says so.

use core::ptr::NonNull;

use nginx_sys::{
    ngx_connection_t, ngx_event_handler_pt, ngx_event_t, ngx_http_request_t, ngx_int_t, ngx_msec_t, ngx_uint_t, NGX_OK,
};

use super::{bits, state, Got, HttpModule, Request};

/// The functions of `stream.c`. All take valid pointers.
mod c {
    use super::*;

    pub const MORE: ngx_uint_t = 0;
    pub const WAIT: ngx_uint_t = 1;
    pub const WHOLE: ngx_uint_t = 2;
    pub const CLOSED: ngx_uint_t = 3;
    pub const EVICTED: ngx_uint_t = 5;

    extern "C" {
        pub fn nginx_stream_exists(r: *mut ngx_http_request_t) -> ngx_uint_t;
        pub fn nginx_stream_is_acknowledged(r: *mut ngx_http_request_t) -> ngx_uint_t;
        pub fn nginx_stream_is_open(r: *mut ngx_http_request_t) -> ngx_uint_t;
        pub fn nginx_stream_socket(r: *mut ngx_http_request_t) -> i32;

        pub fn nginx_stream_reopen(r: *mut ngx_http_request_t, dropped: *mut u64) -> ngx_int_t;
        pub fn nginx_stream_drop(r: *mut ngx_http_request_t, most: u64, dropped: *mut u64) -> ngx_uint_t;
        pub fn nginx_stream_is_last(r: *mut ngx_http_request_t, dropped: *mut u64) -> ngx_uint_t;
        pub fn nginx_stream_end_response(r: *mut ngx_http_request_t);
        pub fn nginx_stream_close(r: *mut ngx_http_request_t);
        pub fn nginx_stream_set_reusable(r: *mut ngx_http_request_t, handler: ngx_event_handler_pt);

        pub fn nginx_stream_timer(r: *mut ngx_http_request_t, handler: ngx_event_handler_pt) -> *mut ngx_event_t;
        pub fn nginx_stream_set_timer(timer: *mut ngx_event_t, left: ngx_msec_t);
        pub fn nginx_stream_delete_timer(timer: *mut ngx_event_t);
    }
}

/// How much is dropped at once over HTTP/3, in bytes, before other connections have their turn.
const STEP: u64 = 1 << 20;

/// How long it may take to notice that a response is over, in milliseconds, where nothing tells.
const RESPONSE: ngx_msec_t = 1000;

/// What is kept of a request whose stream is taken over.
#[derive(Clone, Copy)]
pub(super) struct Watch {
    /// When the module is asked next.
    timer: NonNull<ngx_event_t>,
    /// What nginx has called when there is something to read, and when something can be written.
    read: ngx_event_handler_pt,
    write: ngx_event_handler_pt,
}

impl Request {
    /// Whether the request came over HTTP/2 or HTTP/3.
    pub fn is_multiplexed(&self) -> bool {
        // SAFETY: live.
        unsafe { c::nginx_stream_exists(self.as_ptr()) != 0 }
    }

    /// Whether the client may still send (over HTTP/2 or HTTP/3): it has neither ended its side nor reset the stream.
    pub fn is_stream_open(&self) -> bool {
        // SAFETY: live.
        unsafe { c::nginx_stream_is_open(self.as_ptr()) != 0 }
    }

    /// Takes what is still to come of the body away from nginx, for which the request has no body any more. Until the
    /// request ends all of it is dropped, and the module told ([`HttpModule::has_read`]). Says whether that could be done.
    /// For main requests over HTTP/2 and HTTP/3 of which something is kept.
    pub fn take_stream<M: HttpModule>(&self) -> bool {
        let r = self.as_ptr();
        self.forget_body();
        // SAFETY: live; what is kept lives as long.
        unsafe {
            let Some(kept) = state::find::<M>(r) else {
                return false;
            };
            let Some(timer) = NonNull::new(c::nginx_stream_timer(r, Some(look::<M>))) else {
                return false;
            };
            let mut dropped = 0;
            if c::nginx_stream_reopen(r, &mut dropped) != NGX_OK as ngx_int_t {
                return false;
            }
            kept.as_ref().watch.set(Some(Watch { timer, read: None, write: None }));
            c::nginx_stream_set_timer(timer.as_ptr(), RESPONSE);
            M::has_read(self, Got::Bytes(dropped));
            true
        }
    }

    /// From now on drops what comes, and asks the module when to stop ([`HttpModule::patience`]). For requests whose stream
    /// is taken, when nginx has made the last of the response.
    pub fn watch_stream<M: HttpModule>(&self) {
        // SAFETY: live.
        unsafe {
            watch::<M>(self.as_ptr());
            bits::nginx_bits_post_read((*self.as_ptr()).connection);
        }
    }

    /// How long the frame is that nginx is about to read, in bytes, if it is the last one of a stream that is taken (HTTP/2).
    pub(super) fn last_frame(&self) -> Option<u64> {
        let mut bytes = 0;
        // SAFETY: live.
        let is_last = unsafe { c::nginx_stream_is_last(self.as_ptr(), &mut bytes) != 0 };
        is_last.then_some(bytes)
    }

    /// The socket that all of the response has been written to, if there is one.
    pub(super) fn socket(&self) -> Option<i32> {
        // SAFETY: live.
        let fd = unsafe { c::nginx_stream_socket(self.as_ptr()) };
        (fd >= 0).then_some(fd)
    }

    /// Whether the client has acknowledged all of the response, over HTTP/3.
    pub(super) fn is_acknowledged_by_quic(&self) -> bool {
        // SAFETY: live.
        unsafe { c::nginx_stream_is_acknowledged(self.as_ptr()) != 0 }
    }

    /// Lets nginx end the request when it runs out of connections, together with others of the same connection that may be
    /// ended.
    pub(super) fn set_stream_reusable<M: HttpModule>(&self) {
        // SAFETY: live.
        unsafe { c::nginx_stream_set_reusable(self.as_ptr(), Some(event::<M>)) }
    }
}

/// Sees to it that what happens to a stream is noticed here. nginx sets its own handlers anew where it ends a request with
/// an error.
///
/// # Safety
///
/// `r` must be a live main request.
unsafe fn watch<M: HttpModule>(r: *mut ngx_http_request_t) {
    // SAFETY: live, says the caller, and so is its connection, which has two events.
    unsafe {
        let Some(kept) = state::find::<M>(r) else {
            return;
        };
        let Some(mut watch) = kept.as_ref().watch.get() else {
            return;
        };
        let c = (*r).connection;
        for (place, nginx) in [((*c).read, &mut watch.read), ((*c).write, &mut watch.write)] {
            if !is_ours::<M>((*place).handler) {
                *nginx = (*place).handler.replace(event::<M>);
            }
        }
        kept.as_ref().watch.set(Some(watch));
    }
}

/// Something has happened to a stream: `ngx_event_t.handler`.
unsafe extern "C" fn event<M: HttpModule>(event: *mut ngx_event_t) {
    // SAFETY: nginx passes an event of a live connection. This function is its handler for as long as the stream of the
    // request that is the connection's data, or of that one's main request, is taken. nginx marks the connection of a
    // request that it has freed.
    unsafe {
        let c = (*event).data.cast::<ngx_connection_t>();
        let r = (*(*c).data.cast::<ngx_http_request_t>()).main;
        let Some(watch) = watched::<M>(r) else {
            return;
        };
        let came = drop_some::<M>(r);

        if bits::nginx_bits_done(r) == 0 {
            let nginx = if event == (*c).read { watch.read } else { watch.write };
            if let Some(nginx) = nginx {
                nginx(event);
            }
            if bits::nginx_bits_destroyed(c) != 0 || watched::<M>(r).is_none() {
                return;
            }
        }
        go_on::<M>(r, came);
    }
}

/// Time has passed: `ngx_event_t.handler`.
unsafe extern "C" fn look<M: HttpModule>(timer: *mut ngx_event_t) {
    // SAFETY: the timer is deleted before its request ends, and has as its data the connection of that.
    unsafe {
        let c = (*timer).data.cast::<ngx_connection_t>();
        let r = (*(*c).data.cast::<ngx_http_request_t>()).main;
        let came = drop_some::<M>(r);
        go_on::<M>(r, came);
    }
}

/// Drops what has come of a stream, or much of it, and tells the module; what came of that.
///
/// # Safety
///
/// `r` must be a live main request whose stream is taken.
unsafe fn drop_some<M: HttpModule>(r: *mut ngx_http_request_t) -> ngx_uint_t {
    // SAFETY: live, says the caller.
    unsafe {
        let request = Request::new(r);
        let mut dropped = 0;
        let came = c::nginx_stream_drop(r, STEP, &mut dropped);
        if dropped > 0 {
            M::has_read(&request, Got::Bytes(dropped));
        }
        match came {
            c::MORE | c::WAIT => (),
            c::WHOLE => M::has_read(&request, Got::Whole),
            c::CLOSED => M::has_read(&request, Got::End),
            c::EVICTED => M::has_read(&request, Got::Evicted),
            _ => M::has_read(&request, Got::Failed),
        }
        came
    }
}

/// Waits for more, or ends what [`Request::take_stream`] has begun, and with it perhaps the request.
///
/// # Safety
///
/// `r` must be a live main request whose stream is taken; it may be gone afterwards.
unsafe fn go_on<M: HttpModule>(r: *mut ngx_http_request_t, came: ngx_uint_t) {
    // SAFETY: live, says the caller.
    unsafe {
        let is_done = bits::nginx_bits_done(r) != 0;
        if is_done {
            c::nginx_stream_end_response(r);
        }
        match (M::patience(&Request::new(r)), watched::<M>(r)) {
            (Some(left), Some(watching)) => {
                watch::<M>(r);
                if came == c::MORE {
                    bits::nginx_bits_post_read((*r).connection);
                }
                let left = left as ngx_msec_t;
                c::nginx_stream_set_timer(watching.timer.as_ptr(), if is_done { left } else { left.min(RESPONSE) });
            }
            _ => {
                release::<M>(r);
                c::nginx_stream_close(r);
            }
        }
    }
}

/// What is kept of a request if its stream is taken.
///
/// # Safety
///
/// `r` must be a live main request.
unsafe fn watched<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<Watch> {
    // SAFETY: live, says the caller.
    unsafe { state::find::<M>(r)?.as_ref().watch.get() }
}

/// Gives the stream of a request back to nginx, if it is taken.
///
/// # Safety
///
/// `r` must be a live main request.
pub(super) unsafe fn release<M: HttpModule>(r: *mut ngx_http_request_t) {
    // SAFETY: live, says the caller, and so is its connection; the timer lives in the request's pool.
    unsafe {
        let Some(watch) = state::find::<M>(r).and_then(|kept| kept.as_ref().watch.take()) else {
            return;
        };
        c::nginx_stream_delete_timer(watch.timer.as_ptr());
        let c = (*r).connection;
        for (event, nginx) in [((*c).read, watch.read), ((*c).write, watch.write)] {
            if is_ours::<M>((*event).handler) {
                (*event).handler = nginx;
            }
        }
    }
}

fn is_ours<M: HttpModule>(handler: ngx_event_handler_pt) -> bool {
    let ours = event::<M> as unsafe extern "C" fn(*mut ngx_event_t) as usize;
    handler.is_some_and(|handler| handler as usize == ours)
}
