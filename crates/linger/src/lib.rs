//! How a body that nobody wants is read to its end after nginx has answered, so that the client can send it and then read
//! the answer.
//!
//! The body is taken: for nginx, and for whoever else looks, the request has none any more. The response goes out as ever, but
//! one more user of the request is counted. What comes is dropped, and that user is gone when the module says so; nginx then
//! ends the request, or lets others go on that still use it. The two events of the connection and a timer come to us meanwhile.
//!
//! Over HTTP/1.x the bytes are read from the connection ([`http1`]). nginx itself would discard them, but keeps what is still
//! to come where everybody takes it for the length of a body. Over HTTP/2 and HTTP/3 nginx drops no more than what the client
//! may send anyway, and resets the stream with the end of the response (RFC 9113, section 8.1; RFC 9114, section 4.1).

#![allow(unsafe_code)]

mod http1;

use core::cell::Cell;
use core::ptr::NonNull;

use nginx_sys::{
    ngx_connection_t, ngx_event_handler_pt, ngx_event_t, ngx_http_finalize_request, ngx_http_request_t,
    ngx_http_run_posted_requests, ngx_int_t, ngx_msec_t, ngx_reusable_connection, ngx_uint_t, NGX_DONE, NGX_OK,
};

use crate::http1::Found;
use nginx::{bits, HttpModule, Input, Piece, Request, Status};

/// What came of reading a taken body, for the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// So many bytes: over HTTP/1.x as they came over the wire or, where TLS is read in the ordinary way, out of it; over
    /// HTTP/2 and HTTP/3, of the body.
    Bytes(u64),
    /// The end of the body.
    Whole,
    /// The client will send no more.
    End,
    /// The connection, or the stream, has failed.
    Failed,
    /// What is no chunk of a body in chunks (HTTP/1.x).
    Malformed,
    /// nginx needs the connection for others, or ends.
    Evicted,
}

/// How long to wait for more of a taken body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// So many milliseconds.
    Wait(u64),
    /// No longer: the body, or the client, has come to an end.
    Over,
    /// No longer, although the client may go on to send.
    Spent,
}

/// What came of reading, for us.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    /// There is more to read.
    More,
    /// There is nothing to read now.
    Wait,
    Whole,
    Closed,
    Failed,
    Malformed,
    Evicted,
}

/// The functions of `stream.c`. All take valid pointers.
mod c {
    use super::*;

    pub const MORE: ngx_uint_t = 0;
    pub const WAIT: ngx_uint_t = 1;
    pub const WHOLE: ngx_uint_t = 2;
    pub const CLOSED: ngx_uint_t = 3;
    pub const EVICTED: ngx_uint_t = 5;

    extern "C" {
        pub fn nginx_limit_conn_release(r: *mut ngx_http_request_t);

        pub fn nginx_stream_most(r: *mut ngx_http_request_t) -> ngx_uint_t;
        pub fn nginx_stream_taken(r: *mut ngx_http_request_t) -> ngx_uint_t;

        pub fn nginx_stream_reopen(r: *mut ngx_http_request_t, dropped: *mut u64) -> ngx_int_t;
        pub fn nginx_stream_drop(r: *mut ngx_http_request_t, most: u64, dropped: *mut u64) -> ngx_uint_t;
        pub fn nginx_stream_is_last(r: *mut ngx_http_request_t, dropped: *mut u64) -> ngx_uint_t;
        pub fn nginx_stream_end_response(r: *mut ngx_http_request_t);
        pub fn nginx_stream_close(r: *mut ngx_http_request_t);
        pub fn nginx_stream_grant(r: *mut ngx_http_request_t, most: u64);
        pub fn nginx_stream_release(r: *mut ngx_http_request_t, timer: *mut ngx_event_t, dropped: u64);
        pub fn nginx_stream_set_reusable(r: *mut ngx_http_request_t, handler: ngx_event_handler_pt);

        pub fn nginx_stream_handlers(
            c: *mut ngx_connection_t,
            ours: ngx_event_handler_pt,
            read: ngx_event_handler_pt,
            write: ngx_event_handler_pt,
        );
        pub fn nginx_stream_timer(r: *mut ngx_http_request_t, handler: ngx_event_handler_pt) -> *mut ngx_event_t;
        pub fn nginx_stream_set_timer(timer: *mut ngx_event_t, left: ngx_msec_t);
    }
}

/// How much is dropped at once over HTTP/3, in bytes, before other connections have their turn.
const STEP: u64 = 1 << 20;

/// How long it may take to notice that a response is over, or that a client that is waited for has become slow, in
/// milliseconds, where nothing tells.
const NOTICE: u64 = 1000;

/// A module that takes bodies ([`take_body`]), and what it has to say about them.
pub trait Linger: HttpModule {
    /// What is remembered of a taken body, which is a part of the request's state.
    fn taken<'r>(state: &'r Self::State<'r>) -> &'r Taken;

    /// How much of a taken body may be read and dropped now, in bytes; 0 if it is not to be read.
    fn may_drop(r: Request<'_, Self>) -> u64;

    /// The answer to a request whose body is taken, when nobody is left to make one; `None` if it is being made already.
    fn abandoned(r: Request<'_, Self>) -> Option<Status>;

    /// Called with what came of reading a taken body.
    fn has_read(r: Request<'_, Self>, got: Got);

    /// How long to wait for more of a taken body.
    fn patience(r: Request<'_, Self>) -> Patience;

    /// How much more of a stream that is taken may be dropped, in bytes: the client is let send no more.
    fn credit(r: Request<'_, Self>) -> u64;

    /// How much of a stream that is taken has been dropped, in bytes.
    fn dropped(r: Request<'_, Self>) -> u64;
}

/// What is remembered of a taken body; nothing before it is taken.
#[derive(Default)]
pub struct Taken {
    /// What is still to come of it (HTTP/1.x).
    http1: Cell<Option<http1::Body>>,
    /// The connection.
    watch: Cell<Option<Watch>>,
}

/// The connection of a request whose body is taken.
#[derive(Clone, Copy)]
struct Watch {
    /// When the module is asked next.
    timer: NonNull<ngx_event_t>,
    /// What nginx has called when there is something to read, and when something can be written.
    read: ngx_event_handler_pt,
    write: ngx_event_handler_pt,
}

/// How many streams of the connection that the request came over are taken, and how many it may have at once.
pub fn streams<M: HttpModule>(r: Request<'_, M>) -> (usize, usize) {
    // SAFETY: live.
    unsafe { (c::nginx_stream_taken(r.as_ptr()), c::nginx_stream_most(r.as_ptr())) }
}

/// Has `limit_conn` count the request no longer.
pub fn leave_limit_conn<M: HttpModule>(r: Request<'_, M>) {
    // SAFETY: live.
    unsafe { c::nginx_limit_conn_release(r.as_ptr()) }
}

/// Takes what is still to come of the body away from nginx, for which the request has no body any more, nor for anybody
/// else. Tells the module what had come, and whether that was all ([`Linger::has_read`]). Returns whether the rest will
/// be read until the request ends, or until the module has had enough ([`Linger::patience`]). For main requests of
/// which something is kept.
pub fn take_body<M: Linger>(request: Request<'_, M>) -> bool {
    let r = request.as_ptr();
    // SAFETY: live; what is kept lives as long.
    unsafe {
        let Some(taken) = request.state().map(M::taken) else {
            return false;
        };
        let Some(timer) = NonNull::new(c::nginx_stream_timer(r, Some(look::<M>))) else {
            return false;
        };
        if request.is_multiplexed() {
            request.forget_body();
            let mut dropped = 0;
            if c::nginx_stream_reopen(r, &mut dropped) != NGX_OK as ngx_int_t {
                return false;
            }
            M::has_read(request, Got::Bytes(dropped));
        } else {
            let found = http1::take(r);
            request.forget_body();
            match found {
                Found::Nothing => return false,
                Found::Whole(dropped) => {
                    M::has_read(request, Got::Bytes(dropped));
                    M::has_read(request, Got::Whole);
                    return false;
                }
                Found::Malformed(dropped) => {
                    bits::nginx_bits_set_keepalive(r, 0);
                    M::has_read(request, Got::Bytes(dropped));
                    M::has_read(request, Got::Malformed);
                    return false;
                }
                Found::Rest(dropped, body) => {
                    taken.http1.set(Some(body));
                    M::has_read(request, Got::Bytes(dropped));
                }
            }
        }
        taken.watch.set(Some(Watch { timer, read: None, write: None }));
        c::nginx_stream_set_timer(timer.as_ptr(), NOTICE as ngx_msec_t);
        if request.is_multiplexed() {
            c::nginx_stream_grant(r, M::credit(request));
        }
        true
    }
}

/// From now on drops what comes of the body, if that is taken, and asks the module when to stop
/// ([`Linger::patience`]). To be called when a response is being made.
pub fn watch_body<M: Linger>(request: Request<'_, M>) {
    // SAFETY: live.
    unsafe {
        if watched::<M>(request.as_ptr()).is_some() {
            watch::<M>(request.as_ptr());
            // The client may have sent as much as it can while nobody read: nothing new would wake nginx up.
            bits::nginx_bits_post_read((*request.as_ptr()).connection);
        }
    }
}

/// Drops a piece of a taken body (HTTP/2 and HTTP/3).
pub fn drop_piece<M: Linger>(request: Request<'_, M>, input: &mut Input<'_>) -> Piece {
    // Where there is no piece, a frame is about to become one.
    let last = if input.is_none() && request.is_done() { last_frame(request) } else { None };
    let dropped = last.unwrap_or_else(|| input.discard());
    if dropped > 0 {
        M::has_read(request, Got::Bytes(dropped));
    }
    if last.is_some() {
        M::has_read(request, Got::Whole);
    }
    // nginx may go on reading for as long as the client sends, and finalizes the request with what is not NGX_OK. That need
    // not be its end: a subrequest in the background may be left, as that of a mirror.
    if request.is_done() && !matches!(M::patience(request), Patience::Wait(_)) {
        release(request);
        return Piece::Over;
    }
    Piece::Taken
}

/// Gives the connection back to nginx, if the body is taken. To be called when the request ends.
pub fn release<M: Linger>(request: Request<'_, M>) {
    // SAFETY: live.
    unsafe { give_back::<M>(request.as_ptr()) }
}

/// How long the frame is that nginx is about to read, in bytes, if it is the last one of a stream that is taken (HTTP/2).
fn last_frame<M: Linger>(request: Request<'_, M>) -> Option<u64> {
    let mut bytes = 0;
    // SAFETY: live.
    let is_last = unsafe { c::nginx_stream_is_last(request.as_ptr(), &mut bytes) != 0 };
    is_last.then_some(bytes)
}

/// Lets nginx end the request when it runs out of connections; over HTTP/2, together with others of the same connection
/// that may be ended. Not while somebody else uses it.
pub fn set_reusable<M: Linger>(request: Request<'_, M>) {
    // SAFETY: live, and so is its connection.
    unsafe {
        let r = request.as_ptr();
        let c = (*r).connection;
        if bits::nginx_bits_users(r) != 1 {
            return;
        }
        if request.is_multiplexed() {
            c::nginx_stream_set_reusable(r, Some(event::<M>));
        } else if bits::nginx_bits_reusable(c) == 0 {
            ngx_reusable_connection(c, 1);
        }
    }
}

/// Sees to it that what happens to the connection of a request is noticed here. nginx sets its own handlers anew where it
/// ends a request with an error.
///
/// # Safety
///
/// `r` must be a live main request.
unsafe fn watch<M: Linger>(r: *mut ngx_http_request_t) {
    // SAFETY: live, says the caller, and so is its connection, which has two events.
    unsafe {
        let Some(taken) = taken::<M>(r) else {
            return;
        };
        let Some(mut watch) = taken.watch.get() else {
            return;
        };
        let c = (*r).connection;
        if bits::nginx_bits_is_tls_waiting(c) != 0 {
            // These are TLS's handlers for a while.
            return;
        }
        for (place, nginx) in [((*c).read, &mut watch.read), ((*c).write, &mut watch.write)] {
            if !is_ours::<M>((*place).handler) {
                *nginx = (*place).handler.replace(event::<M>);
            }
        }
        taken.watch.set(Some(watch));
    }
}

/// Something has happened to the connection of a request: `ngx_event_t.handler`.
unsafe extern "C" fn event<M: Linger>(event: *mut ngx_event_t) {
    // SAFETY: nginx passes an event of a live connection. This function is its handler for as long as the body of the request
    // that is the connection's data, or of that one's main request, is taken. nginx marks the connection of a request that it
    // has freed.
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
unsafe extern "C" fn look<M: Linger>(timer: *mut ngx_event_t) {
    // SAFETY: the timer is deleted before its request ends, and has as its data the connection of that.
    unsafe {
        let c = (*timer).data.cast::<ngx_connection_t>();
        let r = (*(*c).data.cast::<ngx_http_request_t>()).main;
        if bits::nginx_bits_done(r) == 0 && bits::nginx_bits_users(r) == 1 {
            // Nobody but us uses the request, so nobody else will answer it.
            if let Some(status) = M::abandoned(Request::new(r)) {
                bits::nginx_bits_add_user(r);
                ngx_http_finalize_request(r, status.as_ngx());
                return ngx_http_run_posted_requests(c);
            }
        }
        if let Some(taken) = taken::<M>(r) {
            if let Some(mut body) = taken.http1.get() {
                // A client that has become slow is not a silent one.
                if body.is_waiting() {
                    body.wake_up_for(c, 1);
                    bits::nginx_bits_set_ready(c, 1);
                    taken.http1.set(Some(body));
                }
            }
        }
        let came = drop_some::<M>(r);
        go_on::<M>(r, came);
    }
}

/// Drops what has come of a body, or much of it, and tells the module. Returns what came.
///
/// # Safety
///
/// `r` must be a live main request whose body is taken.
unsafe fn drop_some<M: Linger>(r: *mut ngx_http_request_t) -> Came {
    // SAFETY: live, says the caller.
    unsafe {
        let request = Request::<M>::new(r);
        let (dropped, came) = match taken::<M>(r).and_then(|taken| taken.http1.get()) {
            Some(_) if bits::nginx_bits_close((*r).connection) != 0 => (0, Came::Evicted),
            Some(mut body) => match M::may_drop(request) {
                0 => (0, Came::Wait),
                most => {
                    let result = body.drop_some(r, most);
                    keep::<M>(r, body);
                    result
                }
            },
            None => {
                let mut dropped = 0;
                let came = match c::nginx_stream_drop(r, M::credit(request).min(STEP), &mut dropped) {
                    c::MORE => Came::More,
                    c::WAIT => Came::Wait,
                    c::WHOLE => Came::Whole,
                    c::CLOSED => Came::Closed,
                    c::EVICTED => Came::Evicted,
                    _ => Came::Failed,
                };
                (dropped, came)
            }
        };
        if dropped > 0 {
            M::has_read(request, Got::Bytes(dropped));
        }
        match came {
            Came::More | Came::Wait => (),
            Came::Whole => M::has_read(request, Got::Whole),
            Came::Closed => M::has_read(request, Got::End),
            Came::Failed => M::has_read(request, Got::Failed),
            Came::Malformed => M::has_read(request, Got::Malformed),
            Came::Evicted => M::has_read(request, Got::Evicted),
        }
        if came == Came::Malformed {
            bits::nginx_bits_set_keepalive(r, 0);
        }
        came
    }
}

/// Remembers what is still to come of a body over HTTP/1.x.
///
/// # Safety
///
/// `r` must be a live main request of which something is kept.
unsafe fn keep<M: Linger>(r: *mut ngx_http_request_t, body: http1::Body) {
    // SAFETY: live, says the caller.
    if let Some(taken) = unsafe { taken::<M>(r) } {
        taken.http1.set(Some(body));
    }
}

/// Waits for more, or ends what [`take_body`] has begun, and with it perhaps the request.
///
/// # Safety
///
/// `r` must be a live main request whose body is taken; it may be gone afterwards.
unsafe fn go_on<M: Linger>(r: *mut ngx_http_request_t, came: Came) {
    // SAFETY: live, says the caller.
    unsafe {
        let is_done = bits::nginx_bits_done(r) != 0;
        if is_done {
            c::nginx_stream_end_response(r);
        }
        let request = Request::<M>::new(r);
        let patience = M::patience(request);
        let (Patience::Wait(left), Some(watching)) = (patience, watched::<M>(r)) else {
            give_back::<M>(r);
            return close(r, patience);
        };
        watch::<M>(r);
        if request.is_multiplexed() {
            c::nginx_stream_grant(r, M::credit(request));
        }
        if came == Came::More {
            bits::nginx_bits_post_read((*r).connection);
        }
        let is_waiting = taken::<M>(r).and_then(|taken| taken.http1.get()).is_some_and(|body| body.is_waiting());
        // Somebody who uses the request as well may have nginx's handlers set anew.
        let is_alone = is_done && bits::nginx_bits_users(r) == 1 && !is_waiting;
        let left = if is_alone { left } else { left.min(NOTICE) };
        c::nginx_stream_set_timer(watching.timer.as_ptr(), left as ngx_msec_t);
    }
}

/// Has one user less of a request, which may be the last one: what is still to come is nginx's again.
///
/// # Safety
///
/// `r` must be a live main request whose body was taken; it may be gone afterwards.
unsafe fn close(r: *mut ngx_http_request_t, patience: Patience) {
    // SAFETY: live, says the caller.
    unsafe {
        if bits::nginx_stream_exists(r) != 0 {
            return c::nginx_stream_close(r);
        }
        if patience != Patience::Over {
            bits::nginx_bits_set_keepalive(r, 0);
            bits::nginx_bits_end_lingering(r);
        } else if bits::nginx_bits_keepalive(r) == 0 {
            // More may be on its way all the same, as requests that the client has sent ahead.
            bits::nginx_bits_set_lingering_close(r, 1);
        }
        ngx_http_finalize_request(r, NGX_DONE as ngx_int_t);
    }
}

/// What is remembered of the body of a request.
///
/// # Safety
///
/// `r` must be a live main request.
unsafe fn taken<'r, M: Linger>(r: *mut ngx_http_request_t) -> Option<&'r Taken> {
    // SAFETY: live, says the caller.
    unsafe { Request::<M>::new(r) }.state().map(M::taken)
}

/// The connection of a request if its body is taken.
///
/// # Safety
///
/// `r` must be a live main request.
unsafe fn watched<M: Linger>(r: *mut ngx_http_request_t) -> Option<Watch> {
    // SAFETY: live, says the caller.
    unsafe { taken::<M>(r)?.watch.get() }
}

/// Gives the connection of a request back to nginx, if its body is taken.
///
/// # Safety
///
/// `r` must be a live main request.
unsafe fn give_back<M: Linger>(r: *mut ngx_http_request_t) {
    // SAFETY: live, says the caller, and so is its connection; the timer lives in the request's pool.
    unsafe {
        let Some(taken) = taken::<M>(r) else {
            return;
        };
        let Some(watch) = taken.watch.take() else {
            return;
        };
        c::nginx_stream_release(r, watch.timer.as_ptr(), M::dropped(Request::new(r)));
        let c = (*r).connection;
        c::nginx_stream_handlers(c, Some(event::<M>), watch.read, watch.write);
        if let Some(mut body) = taken.http1.take() {
            body.wake_up_for(c, 1);
            ngx_reusable_connection(c, 0);
        }
    }
}

fn is_ours<M: Linger>(handler: ngx_event_handler_pt) -> bool {
    let ours = event::<M> as unsafe extern "C" fn(*mut ngx_event_t) as usize;
    handler.is_some_and(|handler| handler as usize == ours)
}
