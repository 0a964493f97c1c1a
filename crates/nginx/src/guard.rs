//! What stands between a request and its upstream: the output filter that nginx has for each upstream of a request
//! (`ngx_http_upstream_t.output`) is replaced, and all of it hangs on that.
//!
//! A write that fails is told to the module, which decides whether to read on. Then nothing more is written, and the
//! connection is read as if nothing had happened, but for its end.

mod frames;
mod plain;
mod reading;

use core::cell::Cell;
use core::ffi::c_void;
use core::{iter, mem, ptr};
use std::io;

use nginx_sys::{
    ngx_atomic_uint_t, ngx_chain_t, ngx_chain_update_sent, ngx_chain_writer, ngx_connection_t, ngx_handle_write_event,
    ngx_http_request_t, ngx_http_upstream_handler_pt, ngx_http_upstream_t, ngx_int_t, ngx_output_chain,
    ngx_output_chain_filter_pt, ngx_palloc, off_t, NGX_AGAIN, NGX_ERROR, NGX_OK,
};

use crate::connection::{Connection, Event};
use crate::{pool, shim, HttpModule, Request};

pub(crate) use plain::guard;
use reading::Reading;

/// What is known when nothing more can be written to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted {
    /// Whether nginx has begun to pass the response on.
    pub has_begun: bool,
    /// Whether there are bytes to read from it.
    pub has_unread: bool,
}

/// What there is to read from a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unread {
    /// Bytes.
    Bytes,
    /// The end.
    End,
    /// Nothing so far.
    Nothing,
    /// It has failed.
    Failed,
}

impl Unread {
    /// What there is to read from a socket. An error that the socket has is gone then.
    fn of(c: Connection) -> Self {
        let mut byte = 0_u8;
        // SAFETY: there is room for a byte.
        let size =
            unsafe { libc::recv(c.socket(), ptr::addr_of_mut!(byte).cast(), 1, libc::MSG_PEEK | libc::MSG_DONTWAIT) };
        match size {
            1.. => Self::Bytes,
            0 => Self::End,
            _ if io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock => Self::Nothing,
            _ => Self::Failed,
        }
    }
}

/// What stands between a request and its upstream. In the request's pool.
struct Guard {
    r: *mut ngx_http_request_t,
    /// nginx's own filter.
    filter: Filter,
    filter_ctx: *mut c_void,
    /// The connection that is written to, and which request this is there ([`Connection::turn`]); no number is 0.
    connection: Cell<(ngx_atomic_uint_t, usize)>,
    way: Cell<Way>,
    /// nginx's handler of the connection's write event.
    write_handler: Cell<ngx_http_upstream_handler_pt>,
    /// Whether the file of the body is kept open because some of it is still to be written.
    keeps_file: Cell<bool>,
    /// Whether the upstream had ended the connection before that was reset.
    has_ended: Cell<bool>,
    /// Whether the upstream takes nothing for so long that this has been logged.
    is_slow: Cell<bool>,
    /// Whether the last of the request has been given to nginx's filter; and whether all has been written.
    has_last: Cell<bool>,
    is_whole: Cell<bool>,
    /// How the response is read.
    reading: Reading,
}

type Filter = unsafe extern "C" fn(*mut c_void, *mut ngx_chain_t) -> ngx_int_t;

/// What is done with a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The request is written: with care over TLS, where that may fail without an error of the socket, and over HTTP/2, where
    /// the guard has to know when all of it is written.
    Open { with_care: bool },
    /// The same, and if that fails it fails: what there is to read was there before the request.
    Unguarded,
    /// Writing has failed, and so will the request.
    Failed,
    /// Nothing more is written, but the response is read.
    Closed,
}

impl Way {
    /// Whether the request is written, and nothing is to be done but for a write that fails. With kqueue that may not set errno.
    fn is_plain(self) -> bool {
        self == (Self::Open { with_care: false }) && cfg!(target_os = "linux")
    }
}

/// Puts a guard between a request and its upstream, in the place of [`plain`], or of a filter that nginx has for the
/// request. Returns it; `None` if memory is out.
///
/// # Safety
///
/// `r` must be live, `u` be its upstream, and have no guard.
unsafe fn install<'a, M: HttpModule>(r: *mut ngx_http_request_t, u: *mut ngx_http_upstream_t) -> Option<&'a Guard> {
    const { assert!(pool::can_hold::<Guard>()) };
    // SAFETY: a live request has a pool.
    let place = unsafe { ngx_palloc((*r).pool, mem::size_of::<Guard>()) }.cast::<Guard>();
    if place.is_null() {
        // As nginx alone, then.
        return None;
    }
    // SAFETY: live, says the caller.
    let output = unsafe { &mut (*u).output };
    // SAFETY: as above.
    let writer = unsafe { ptr::addr_of_mut!((*u).writer) }.cast();
    let filter_ctx = output.filter_ctx;
    // The data of nginx's own filter is for no other.
    let filter = output.output_filter.filter(|_| filter_ctx != writer).unwrap_or(ngx_chain_writer);
    let guard = Guard {
        r,
        filter,
        filter_ctx,
        connection: Cell::new((0, 0)),
        way: Cell::new(Way::Unguarded),
        write_handler: Cell::new(None),
        keeps_file: Cell::new(false),
        has_ended: Cell::new(false),
        is_slow: Cell::new(false),
        has_last: Cell::new(false),
        is_whole: Cell::new(false),
        reading: Reading::default(),
    };
    // SAFETY: there is room for a guard.
    unsafe { place.write(guard) };
    output.output_filter = Some(write::<M>);
    output.filter_ctx = place.cast();
    // SAFETY: the guard is in the request's pool.
    unsafe { place.as_ref() }
}

/// Returns whether a connection that nothing has been written to has something to read. What a kept connection has to read
/// by now cannot be a response to what is still to be written.
///
/// # Safety
///
/// `u` must be the upstream of a live request, and `c` its connection.
unsafe fn is_stale(u: *mut ngx_http_upstream_t, c: Connection) -> bool {
    // SAFETY: reads a bit of the upstream.
    let is_kept = unsafe { shim::nginx_shim_upstream_kept(u) != 0 };
    is_kept && Unread::of(c) != Unread::Nothing
}

/// Whether a filter is that of a guard.
fn is_ours<M: HttpModule>(filter: ngx_output_chain_filter_pt) -> bool {
    filter.is_some_and(|filter| filter as usize == write::<M> as Filter as usize)
}

/// Writes some of a request to its upstream: `ngx_output_chain_ctx_t.output_filter`.
unsafe extern "C" fn write<M: HttpModule>(guard: *mut c_void, chain: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: the filter's data is the guard that it was set with, in the pool of a request that is live, as nginx writes for it.
    let guard = unsafe { &*guard.cast::<Guard>() };
    // SAFETY: as above.
    let (_, c) = unsafe { guard.upstream() };
    if guard.connection.get() != c.turn() || !guard.way.get().is_plain() {
        // SAFETY: as above.
        return unsafe { guard.write_with_care::<M>(chain) };
    }
    // SAFETY: nginx's own filter takes what this one got.
    let result = unsafe { guard.call_filter(chain) };
    if guard.has_written_all(result) {
        return result;
    }
    // SAFETY: as above.
    unsafe { guard.after_write::<M>(result, &io::Error::last_os_error()) }
}

impl Guard {
    /// The upstream that the request is written to, and its connection.
    ///
    /// # Safety
    ///
    /// The request must be live, and nginx be writing it.
    unsafe fn upstream(&self) -> (*mut ngx_http_upstream_t, Connection) {
        // SAFETY: live, says the caller; while nginx writes, the request has an upstream with a connection.
        unsafe { ((*self.r).upstream, Connection::new((*(*self.r).upstream).peer.connection)) }
    }

    /// Writes where the connection may be another one than before, or more is to be done than nginx does.
    ///
    /// # Safety
    ///
    /// As for [`upstream`](Self::upstream); `chain` must be for nginx's own filter.
    #[inline(never)]
    unsafe fn write_with_care<M: HttpModule>(&self, chain: *mut ngx_chain_t) -> ngx_int_t {
        // SAFETY: live and being written, says the caller.
        let (u, c) = unsafe { self.upstream() };
        if self.connection.get() != c.turn() {
            // SAFETY: as above.
            unsafe { self.begin::<M>(u, c) };
        }
        if self.way.get() == Way::Closed {
            if self.is_http2(u) {
                // SAFETY: as above. What it writes is dropped.
                unsafe { self.call_filter(chain) };
            }
            return NGX_AGAIN as ngx_int_t;
        }
        // SAFETY: as above.
        unsafe { self.note_last(chain) };
        let must_read = c.is_tls_reading();
        if must_read {
            // There is room, but TLS must read before it can write on. nginx would try again at once, and again.
            c.write().set_ready(false);
        }
        // What is there afterwards has been set by the write, and not in another thread or long before.
        // SAFETY: it is this thread's own.
        unsafe { shim::nginx_shim_clear_errno() };
        // SAFETY: as above.
        let result = unsafe { self.call_filter(chain) };
        if must_read {
            // No event tells that there is still room. Where nginx writes so much at a time, it is to go on.
            match result == NGX_AGAIN as ngx_int_t && !c.is_tls_reading() {
                true => c.write().post_next(),
                false => c.write().set_ready(true),
            }
        }
        self.is_whole.set(result == NGX_OK as ngx_int_t && self.has_last.get());
        if self.has_written_all(result) {
            return result;
        }
        // SAFETY: as above.
        unsafe { self.after_write::<M>(result, &io::Error::last_os_error()) }
    }

    /// Whether a write is over that leaves nothing to do, as most do.
    fn has_written_all(&self, result: ngx_int_t) -> bool {
        result == NGX_OK as ngx_int_t && !self.keeps_file.get()
    }

    /// Does what is left to do after a write. `error` is what the system has told of the last call that failed: of the write, if
    /// that has. Returns what nginx is to be told.
    ///
    /// # Safety
    ///
    /// As for [`upstream`](Self::upstream).
    #[inline(never)]
    unsafe fn after_write<M: HttpModule>(&self, result: ngx_int_t, error: &io::Error) -> ngx_int_t {
        // SAFETY: live and being written, says the caller.
        let (u, c) = unsafe { self.upstream() };
        // SAFETY: as above.
        unsafe { self.go_on_later::<M>(u, result == NGX_AGAIN as ngx_int_t) };
        // Other errors than those of writing, as lack of memory, are nginx's.
        let is_guarded = matches!(self.way.get(), Way::Open { .. });
        if result != NGX_ERROR as ngx_int_t || !is_guarded || !c.write().has_failed() {
            return result;
        }
        // SAFETY: as above.
        unsafe { self.fail::<M>(u, c, error) }
    }

    /// The request is about to be written to another connection than before, or to the same one once more.
    ///
    /// # Safety
    ///
    /// The request must be live, `u` be its upstream and `c` the connection of that.
    unsafe fn begin<M: HttpModule>(&self, u: *mut ngx_http_upstream_t, c: Connection) {
        if matches!(self.way.get(), Way::Failed | Way::Closed) {
            // SAFETY: live, says the caller.
            M::upstream_retried(unsafe { Request::new(self.r) });
        }
        self.is_slow.set(false);
        self.has_last.set(false);
        self.is_whole.set(false);
        self.reading.reset();
        if self.is_http2(u) {
            // SAFETY: the connection is this request's until all of that is written.
            unsafe { self.watch_reads::<M>(c) };
        }
        // SAFETY: up to the caller.
        unsafe { self.open(u, c, is_stale(u, c)) };
    }

    /// The request is being written to a connection, which `is_stale` if what it has to read is no response.
    ///
    /// # Safety
    ///
    /// As for [`begin`](Self::begin).
    unsafe fn open(&self, u: *mut ngx_http_upstream_t, c: Connection, is_stale: bool) {
        self.connection.set(c.turn());
        // SAFETY: live, says the caller. nginx has set the handler when it began to connect.
        self.write_handler.set(unsafe { (*u).write_event_handler });
        let with_care = c.is_tls() || self.is_http2(u);
        self.way.set(if is_stale { Way::Unguarded } else { Way::Open { with_care } });
    }

    /// Calls nginx's own filter.
    ///
    /// # Safety
    ///
    /// The request must be live, and `chain` be NULL or what nginx writes to its upstream.
    unsafe fn call_filter(&self, chain: *mut ngx_chain_t) -> ngx_int_t {
        // SAFETY: up to the caller; the data is what nginx has set with the filter.
        unsafe { (self.filter)(self.filter_ctx, chain) }
    }

    /// Notes whether `chain` ends the request.
    ///
    /// # Safety
    ///
    /// It must be NULL or what nginx writes to an upstream.
    unsafe fn note_last(&self, chain: *mut ngx_chain_t) {
        // SAFETY: up to the caller. Chains end in NULL, and each link has a buffer.
        let mut links = iter::successors(unsafe { chain.as_ref() }, |link| unsafe { link.next.as_ref() });
        // SAFETY: reads a bit of the buffer.
        if links.any(|link| unsafe { shim::nginx_shim_last_buf(link.buf) != 0 }) {
            self.has_last.set(true);
        }
    }

    /// Some of the request has been written, and `is_blocked` if the rest has to wait for the upstream.
    ///
    /// # Safety
    ///
    /// The request must be live, and `u` be its upstream.
    unsafe fn go_on_later<M: HttpModule>(&self, u: *mut ngx_http_upstream_t, is_blocked: bool) {
        if is_blocked {
            // SAFETY: live, says the caller. nginx sets its own handler again when all is written, and for each connection.
            unsafe { (*u).write_event_handler = Some(write_on::<M>) };
        }
        // nginx closes the file when the response begins, unless somebody says that it is still used.
        // SAFETY: reads a bit of the request.
        let is_kept = unsafe { shim::nginx_shim_preserve_body(self.r) != 0 };
        if is_blocked != is_kept && is_kept == self.keeps_file.get() {
            self.keeps_file.set(is_blocked);
            // SAFETY: writes the same bit.
            unsafe { shim::nginx_shim_set_preserve_body(self.r, is_blocked.into()) };
        }
    }

    /// Whether the upstream speaks HTTP/2, for gRPC or with `proxy_http_version 2`: the response only ends when nginx has
    /// written the frames that answer those of the upstream (SETTINGS, PING).
    fn is_http2(&self, u: *mut ngx_http_upstream_t) -> bool {
        // SAFETY: the upstream is that of a live request. Reads a bit of its configuration.
        unsafe { shim::nginx_shim_preserve_output((*u).conf) != 0 }
    }

    /// Nothing more is written, although it could be, and nginx reads on.
    ///
    /// # Safety
    ///
    /// As for [`begin`](Self::begin).
    unsafe fn stop(&self, u: *mut ngx_http_upstream_t, c: Connection) {
        self.close(c);
        c.write().stop_timer();
        // SAFETY: live, says the caller.
        unsafe { (*u).write_event_handler = Some(leave_alone) };
    }

    /// From now on nothing is written to the connection, so no write has to wait until TLS has read.
    fn close(&self, c: Connection) {
        self.way.set(Way::Closed);
        c.resume_reading();
    }

    /// Nothing more is written over HTTP/2, whatever nginx writes.
    ///
    /// # Safety
    ///
    /// As for [`begin`](Self::begin).
    unsafe fn drop_rest<M: HttpModule>(&self, u: *mut ngx_http_upstream_t, c: Connection) {
        self.close(c);
        // nginx does not keep such a connection.
        c.write().set_failed();
        // SAFETY: nobody else changes the upstream or the connection meanwhile.
        unsafe {
            (*u).write_event_handler = Some(drop_output::<M>);
            (*c.as_ptr()).send_chain = Some(drop_chain);
            // When a write has failed, nginx uses those of the buffers again that had been written.
            (*u).writer.out = ptr::null_mut();
            (*u).writer.last = ptr::addr_of_mut!((*u).writer.out);
        }
    }

    /// Nothing more can be written. Returns what nginx is to be told.
    ///
    /// # Safety
    ///
    /// As for [`begin`](Self::begin).
    #[cold]
    unsafe fn fail<M: HttpModule>(&self, u: *mut ngx_http_upstream_t, c: Connection, error: &io::Error) -> ngx_int_t {
        let unread = Unread::of(c);
        // SAFETY: reads a bit of the upstream.
        let has_begun = unsafe { shim::nginx_shim_upstream_header_sent(u) != 0 };
        // SAFETY: live, says the caller.
        let request = unsafe { Request::<M>::new(self.r) };
        let has_unread = unread == Unread::Bytes;
        if !M::upstream_interrupted(request, Interrupted { has_begun, has_unread }) {
            self.way.set(Way::Failed);
            return NGX_ERROR as ngx_int_t;
        }
        self.close(c);
        c.write().set_ready(false);

        // The kernel tells of a reset once. The write was told, so what is read ends as if the upstream had ended it, whether
        // it has or not. It has where the reset came later than that (EPIPE), and then there is no other end.
        let has_ended = error.raw_os_error() == Some(libc::EPIPE) && unread != Unread::Failed;
        // sendfile() may have been told and have kept it to itself: it returns what it has written. And nginx has logged the
        // error meanwhile: a log that cannot be written to may have put its own error in the place of that.
        self.has_ended.set(has_ended && !c.uses_sendfile() && !is_log_broken(c));
        let is_http2 = self.is_http2(u);
        // SAFETY: nobody else changes the connection meanwhile.
        unsafe {
            if !self.has_ended.get() || is_http2 {
                self.watch_reads::<M>(c);
            }
            (*u).write_event_handler = Some(leave_alone);
            if is_http2 {
                self.drop_rest::<M>(u, c);
            }
            if !has_begun {
                // nginx would wait for a response when the request is sent.
                c.read().start_timer((*(*u).conf).read_timeout as u64);
            }
        }
        c.read().post_next();
        NGX_AGAIN as ngx_int_t
    }
}

/// Returns whether one of the logs of a connection is a pipe that nobody reads.
fn is_log_broken(c: Connection) -> bool {
    // SAFETY: a connection has a log. Logs are a list that ends in NULL, and live as long as the configuration.
    let mut logs = iter::successors(unsafe { (*c.as_ptr()).log.as_ref() }, |log| unsafe { log.next.as_ref() });
    logs.any(|log| {
        // SAFETY: the file of a log is NULL, or lives as long as the log.
        let Some(file) = (unsafe { log.file.as_ref() }) else {
            return false;
        };
        let mut state = libc::pollfd { fd: file.fd, events: libc::POLLOUT, revents: 0 };
        // SAFETY: passes one descriptor, and does not wait.
        let ready = unsafe { libc::poll(&mut state, 1, 0) };
        ready != 1 || state.revents != libc::POLLOUT
    })
}

/// The connection can be written to, or has been waiting for that for too long: `ngx_http_upstream_t.write_event_handler`.
unsafe extern "C" fn leave_alone(_r: *mut ngx_http_request_t, u: *mut ngx_http_upstream_t) {
    // SAFETY: nginx calls it with a live upstream and its connection.
    let c = unsafe { Connection::new((*u).peer.connection) };
    // SAFETY: nginx takes the event of any connection. It is not told again and again by methods that would do so (poll, select).
    unsafe { ngx_handle_write_event(c.write().as_ptr(), 0) };
}

/// The same for HTTP/2, which is also called to write the frames that a response waits for.
unsafe extern "C" fn drop_output<M: HttpModule>(r: *mut ngx_http_request_t, u: *mut ngx_http_upstream_t) {
    // SAFETY: nginx calls it with a live upstream.
    if let Some(guard) = unsafe { guard_of::<M>(u) } {
        // What is left of the body stays where it is.
        // SAFETY: as above. What is written is dropped.
        unsafe { guard.call_filter(ptr::null_mut()) };
    }
    // SAFETY: as above.
    unsafe { leave_alone(r, u) };
}

/// Drops what nothing will read: `ngx_connection_t.send_chain` of a connection that has failed.
unsafe extern "C" fn drop_chain(_c: *mut ngx_connection_t, chain: *mut ngx_chain_t, _limit: off_t) -> *mut ngx_chain_t {
    // SAFETY: nginx passes a chain, and marks all of its buffers as written.
    unsafe { ngx_chain_update_sent(chain, off_t::MAX) }
}

/// The connection can be written to, or has been waiting for that for too long, and there is something to write:
/// `ngx_http_upstream_t.write_event_handler`.
///
/// nginx writes no more once it has begun to pass the response on. Then the upstream may wait for the rest of the request
/// before it ends its response, and nginx for that end.
unsafe extern "C" fn write_on<M: HttpModule>(r: *mut ngx_http_request_t, u: *mut ngx_http_upstream_t) {
    // SAFETY: nginx calls it with a live upstream, on which the handler was set by its guard.
    let Some(guard) = (unsafe { guard_of::<M>(u) }) else {
        return;
    };
    // SAFETY: reads a bit of the upstream.
    let has_begun = unsafe { shim::nginx_shim_upstream_header_sent(u) != 0 };
    // SAFETY: as above; an upstream has a connection while there is an event of that.
    let c = unsafe { Connection::new((*u).peer.connection) };
    let is_late = has_begun && c.write().is_timed_out();
    if is_late && !guard.is_slow.replace(true) {
        // nginx would ask the next upstream, and answer a second time; or end the answer.
        c.report(libc::ETIMEDOUT, c"upstream takes no more of the request");
    }
    let is_http2 = guard.is_http2(u);
    if is_late && is_http2 {
        // It may grant a window yet, and has a right to answers to its frames.
        c.write().clear_timed_out();
    }
    if let Some(handler) = guard.write_handler.get().filter(|_| !has_begun || is_http2) {
        // SAFETY: nginx's own handler takes what this one got.
        return unsafe { handler(r, u) };
    }
    if is_late {
        // SAFETY: as above.
        return unsafe { guard.stop(u, c) };
    }
    // SAFETY: as above.
    let result = unsafe { write_rest(u) };
    if guard.way.get() == Way::Closed {
        return;
    }
    if result == NGX_ERROR as ngx_int_t {
        // As above: what nginx does with errors is for responses that have not begun.
        // SAFETY: as above.
        return unsafe { guard.stop(u, c) };
    }
    // SAFETY: as above.
    unsafe { written(r, u, c, result == NGX_AGAIN as ngx_int_t) };
}

/// Writes the rest of what nginx was given to write before.
///
/// # Safety
///
/// The upstream must be that of a live request, with a connection.
unsafe fn write_rest(u: *mut ngx_http_upstream_t) -> ngx_int_t {
    // SAFETY: live, says the caller. Nothing is added to what is to be written.
    unsafe { ngx_output_chain(ptr::addr_of_mut!((*u).output), ptr::null_mut()) }
}

/// What nginx does when some of a request has been written, and `is_blocked` if the rest has to wait.
///
/// # Safety
///
/// `r` must be live, `u` be its upstream and `c` the connection of that. The request may be gone afterwards.
unsafe fn written(r: *mut ngx_http_request_t, u: *mut ngx_http_upstream_t, c: Connection, is_blocked: bool) {
    if is_blocked {
        // SAFETY: live, says the caller; the configuration lives longer.
        c.write().start_timer(unsafe { (*(*u).conf).send_timeout } as u64);
    } else {
        c.write().stop_timer();
        c.push();
        // SAFETY: live, says the caller.
        unsafe { (*u).write_event_handler = Some(leave_alone) };
    }
    // SAFETY: nginx takes the event of any connection.
    unsafe { ngx_handle_write_event(c.write().as_ptr(), 0) };
    // SAFETY: writes a bit of the upstream, and reads one of the request.
    let is_coming = unsafe {
        shim::nginx_shim_set_upstream_blocked(u, is_blocked.into());
        shim::nginx_shim_reading_body(r) != 0
    };
    // There is room for more of a body that is not buffered.
    // SAFETY: live, says the caller.
    if let Some(read) = unsafe { (*r).read_event_handler }.filter(|_| is_coming && !is_blocked) {
        // SAFETY: nginx's handler of the client's read event may be called at any time.
        unsafe { read(r) };
    }
}

/// The guard of an upstream.
///
/// # Safety
///
/// The upstream must be that of a live request.
unsafe fn guard_of<'a, M: HttpModule>(u: *mut ngx_http_upstream_t) -> Option<&'a Guard> {
    // SAFETY: live, says the caller.
    let output = unsafe { &(*u).output };
    // SAFETY: our filter's data is the guard that it was set with, in the request's pool.
    is_ours::<M>(output.output_filter).then(|| unsafe { &*output.filter_ctx.cast::<Guard>() })
}

impl Connection {
    /// Has the kernel send what it holds back until there is more (`tcp_nopush`).
    fn push(self) {
        // SAFETY: reads a bit of the connection.
        if unsafe { shim::nginx_shim_nopush(self.as_ptr()) != 0 } {
            // SAFETY: sets an option of the connection's socket.
            unsafe { shim::nginx_shim_push(self.as_ptr()) };
            // SAFETY: writes the same bit.
            unsafe { shim::nginx_shim_unset_nopush(self.as_ptr()) };
        }
    }
}

impl Event {
    /// Reading from the connection, or writing to it, has failed.
    fn set_failed(self) {
        self.set_ready(false);
        // SAFETY: writes bits of the event.
        unsafe {
            shim::nginx_shim_set_event_eof(self.as_ptr(), 0);
            shim::nginx_shim_set_event_failed(self.as_ptr(), 1);
        }
    }
}
