//! The body of an HTTP/2 stream that nginx has done with: what it takes to go on receiving it, and to drop it.
//!
//! nginx hands DATA frames to whoever reads the request's body, so the body is read once more, as one that nothing is known
//! of, into a buffer that nobody looks at.

use core::cell::Cell;
use core::ffi::c_void;
use core::mem;
use core::ops::RangeInclusive;
use core::ptr::{self, NonNull};

use nginx_sys::{
    ngx_alloc_chain_link, ngx_buf_t, ngx_create_temp_buf, ngx_event_handler_pt, ngx_event_t, ngx_exiting,
    ngx_http_request_t, ngx_http_v2_connection_t, ngx_http_v2_node_t, ngx_http_v2_out_frame_t,
    ngx_http_v2_send_output_queue, ngx_http_v2_state_t, ngx_http_v2_stream_t, ngx_int_t, ngx_pfree,
    ngx_pool_cleanup_add, ngx_terminate, off_t, NGX_AGAIN, NGX_HTTP_V2_FRAME_HEADER_SIZE, NGX_HTTP_V2_NO_FLAG,
    NGX_HTTP_V2_WINDOW_UPDATE_FRAME, NGX_OK,
};

use crate::multiplexed::Shared;
use crate::scratch;
use crate::Came;
use nginx::shim;
use nginx::RawRequest;
use nginx::{Connection, Event};

/// How much of a body a client may send ahead, in bytes, at most: about as much as the kernel lets it (tcp_rmem).
const WINDOW: u64 = 4 << 20;

/// How long a WINDOW_UPDATE is, in bytes, without the head that all frames have (RFC 9113, section 6.9).
const UPDATE: usize = mem::size_of::<u32>();

/// How long it is with that.
const FRAME: usize = HEAD + UPDATE;
const HEAD: usize = NGX_HTTP_V2_FRAME_HEADER_SIZE as usize;

/// The stream of a request over HTTP/2.
#[derive(Clone, Copy)]
pub(crate) struct Stream<'r> {
    r: RawRequest<'r>,
    stream: NonNull<ngx_http_v2_stream_t>,
}

/// A connection over HTTP/2, as nginx has it for its streams.
#[derive(Clone, Copy)]
struct Session(NonNull<ngx_http_v2_connection_t>);

/// Frames of a connection that are not on their way, and how many there are in all. They may outlive their stream, and what
/// nginx keeps of a connection with streams.
pub(crate) struct Frames {
    free: Cell<*mut ngx_http_v2_out_frame_t>,
    count: Cell<usize>,
}

impl Default for Frames {
    fn default() -> Self {
        Self { free: Cell::new(ptr::null_mut()), count: Cell::new(0) }
    }
}

impl<'r> Stream<'r> {
    /// The stream of a request, if it has one.
    pub(crate) fn of(r: RawRequest<'r>) -> Option<Self> {
        // SAFETY: every request has this member; where it is not NULL, the stream lives as long as the request.
        NonNull::new(unsafe { (*r.as_ptr()).stream }).map(|stream| Self { r, stream })
    }

    fn as_ptr(self) -> *mut ngx_http_v2_stream_t {
        self.stream.as_ptr()
    }

    fn session(self) -> Session {
        // SAFETY: a stream has a connection, which outlives it.
        Session(unsafe { NonNull::new_unchecked((*self.as_ptr()).connection) })
    }

    /// The connection that it is of.
    pub(crate) fn parent(self) -> Connection {
        self.session().connection()
    }

    /// How many streams that may have at once.
    pub(crate) fn most(self) -> usize {
        self.session().most()
    }

    /// Whether the client has ended its side.
    fn is_ended(self) -> bool {
        // SAFETY: reads a bit of a live stream.
        unsafe { shim::nginx_shim_v2_in_closed(self.as_ptr()) != 0 }
    }

    /// Whether nginx has reset it.
    fn is_reset(self) -> bool {
        // SAFETY: reads a bit of a live stream.
        unsafe { shim::nginx_shim_v2_rst_sent(self.as_ptr()) != 0 }
    }

    /// Whether the client may still send.
    pub(crate) fn is_open(self) -> bool {
        !self.is_ended() && !self.is_reset() && !self.r.connection().has_failed()
    }

    /// Sets whether nginx skips what comes.
    fn skip(self, on: bool) {
        // SAFETY: writes a bit of a live stream.
        unsafe { shim::nginx_shim_set_v2_skip_data(self.as_ptr(), on.into()) }
    }

    /// How much the client may send, in bytes, as nginx has told it.
    fn window(self) -> u64 {
        // SAFETY: a copy of a number of a live stream.
        unsafe { (*self.as_ptr()).recv_window as u64 }
    }

    /// How much is still to come of the frame that nginx is reading, in bytes, if it is one of this stream.
    fn frame_rest(self) -> Option<u64> {
        let state = self.session().state();
        // SAFETY: two copies out of what a live connection is in.
        let (stream, length) = unsafe { ((*state).stream, (*state).length) };
        (stream == self.as_ptr()).then_some(length as u64)
    }

    /// Has the body read once more. Returns how many bytes had come that nobody asked for; `None` if memory is out.
    pub(crate) fn read_anew(self) -> Option<u64> {
        let r = self.r.as_ptr();
        let dropped = self.drop_preread();
        self.skip(true);

        // SAFETY: nothing of the request's body is looked at any more; its memory belongs to the pool.
        unsafe { (*r).request_body = ptr::null_mut() };
        // SAFETY: writes a bit of a live request.
        unsafe { shim::nginx_shim_set_request_body_no_buffering(r, 0) };
        // SAFETY: as above.
        unsafe { shim::nginx_shim_set_reading_body(r, 0) };
        self.r.block_reading();
        self.r.connection().read().stop_timer();

        self.begin_body()?;

        // Frames are skipped unless there is a length, or there are chunks; a length would be passed on to upstreams.
        // SAFETY: a number of a live request.
        unsafe { (*r).headers_in.content_length_n = -1 };
        // SAFETY: writes a bit of a live request.
        unsafe { shim::nginx_shim_set_chunked(r, 1) };

        // How much the client may send is not nginx's business any more: see `grant`.
        self.skip(false);
        // SAFETY: writes a bit of a live stream.
        unsafe { shim::nginx_shim_set_v2_no_flow_control(self.as_ptr(), 0) };
        Some(dropped)
    }

    /// Frees what came before anyone asked for it. Returns how many bytes that were. If someone has asked, it is memory that is
    /// no longer there.
    fn drop_preread(self) -> u64 {
        // SAFETY: a pointer of a live stream, which nobody follows from now on.
        let preread = unsafe { mem::replace(&mut (*self.as_ptr()).preread, ptr::null_mut()) };
        if preread.is_null() || !self.r.body().is_null() {
            return 0;
        }
        // SAFETY: nobody has asked for the body, so this is a buffer of the request's pool.
        let ngx_buf_t { start, pos, last, .. } = unsafe { *preread };
        // SAFETY: the beginning of memory that the pool has handed out; nginx leaves to the pool what it cannot free.
        unsafe { ngx_pfree(self.r.pool(), start.cast()) };
        (last as u64).saturating_sub(pos as u64)
    }

    /// Gives the request a body as nginx has it while it reads one, and one more user; `None` if memory is out.
    fn begin_body(self) -> Option<()> {
        // SAFETY: the pool of a live request, which fills the memory that it gives with zeros.
        let body = unsafe { shim::nginx_shim_alloc_request_body(self.r.pool()).as_mut() };
        // SAFETY: as above.
        let buffer = unsafe { shim::nginx_shim_alloc_buf(self.r.pool()).as_mut() };
        let (body, buffer) = (body?, buffer?);

        buffer.start = scratch::start();
        buffer.end = buffer.start.wrapping_add(scratch::SIZE);
        fill(buffer);

        body.rest = 1;
        body.buf = buffer;
        // What nginx counts is held against client_max_body_size.
        body.received = off_t::MIN.saturating_add(1);
        body.post_handler = Some(has_body);

        // SAFETY: what it points to lives in the request's pool.
        unsafe { (*self.r.as_ptr()).request_body = body };
        self.r.add_user();
        Some(())
    }

    /// Drops what has come, however much. Returns how many bytes that was, and what came of it.
    pub(crate) fn drop_some(self, _most: u64) -> (u64, Came) {
        // SAFETY: a taken body is the one that `begin_body` has made, or one that somebody made later, with a buffer or not.
        let Some(body) = (unsafe { self.r.body().as_mut() }) else {
            return (0, Came::Failed);
        };
        let rest = body.rest;
        // SAFETY: as above.
        let dropped = unsafe { body.buf.as_mut() }.map_or(0, |buffer| {
            let dropped = (buffer.last as u64).saturating_sub(buffer.pos as u64);
            fill(buffer);
            dropped
        });
        (dropped, self.came(rest))
    }

    /// What has come of the stream, of whose body so much is still to come: 0 if nothing is.
    fn came(self, rest: off_t) -> Came {
        let c = self.r.connection();
        // Set by nginx for each piece of the body.
        c.read().stop_timer();
        c.read().clear_timed_out();

        if rest == 0 {
            return Came::Whole;
        }
        if c.read().is_eof() {
            // The connection is at its end.
            let parent = self.parent().read();
            return if parent.has_failed() {
                Came::Failed
            } else if parent.is_eof() {
                Came::Closed
            } else if is_worker_ending() {
                Came::Evicted
            } else {
                Came::Failed
            };
        }
        if c.has_failed() {
            return if self.is_ended() && !self.is_reset() { Came::Closed } else { Came::Failed };
        }
        if c.is_closing() {
            Came::Evicted
        } else {
            Came::Wait
        }
    }

    /// How long the frame is that nginx is about to copy, in bytes, if it is the last one of the stream.
    pub(crate) fn last_frame(self) -> Option<u64> {
        self.frame_rest().filter(|_| self.is_ended())
    }

    /// The socket of the connection, if all of the response has been written to it.
    pub(crate) fn socket(self) -> Option<i32> {
        let parent = self.parent();
        // SAFETY: a copy of a number of a live stream.
        let queued = unsafe { (*self.as_ptr()).queued };
        (queued == 0 && !parent.is_buffered()).then(|| parent.socket())
    }

    /// Lets nginx end the connection when it runs out of them, unless a request that goes on is known; `handler` is that of the
    /// streams that may be ended.
    pub(crate) fn set_reusable(self, handler: ngx_event_handler_pt) {
        let parent = self.parent();
        let Some(shared) = Shared::find(&parent) else {
            return;
        };
        if shared.blocker.get() == self.r.as_ptr() {
            shared.blocker.set(ptr::null());
        }
        if !shared.is_unblocked() {
            // That one will tell when it ends.
            return;
        }
        if !is_ours(parent.read()) {
            if parent.is_tls_reading() {
                // Not nginx's own for a while.
                return;
            }
            let next = parent.read().replace_handler(OURS);
            // SAFETY: used on the one thread, and of all HTTP/2 connections the same.
            unsafe { (TAKEN, NEXT) = (handler, next) };
        }
        if !parent.is_reusable() {
            parent.set_reusable(true);
        }
    }

    /// Lets the client send so much of a body from now on, if that is much more than it may anyway.
    pub(crate) fn grant(self, most: u64) {
        // What is still to come of a frame is no part of the window any more.
        let most = most.saturating_sub(self.frame_rest().unwrap_or(0));
        let (window, old) = (most.min(WINDOW), self.window());
        if self.is_ended() || window <= old || old > window / 2 {
            return;
        }
        let Some(frame) = self.frame() else {
            return;
        };
        // SAFETY: a live stream has a node, with its number of 31 bits.
        let id = unsafe { (*(*self.as_ptr()).node).id as u32 };
        let bytes = window_update(id, window.saturating_sub(old) as u32);
        // SAFETY: the frame is ours, with a buffer for so many bytes.
        unsafe { fill_frame(frame, &bytes) };
        // SAFETY: a number of a live stream.
        unsafe { (*self.as_ptr()).recv_window = window as usize };
        self.session().queue(frame);
        if !self.session().is_blocked() {
            self.session().send();
        }
    }

    /// A frame for a WINDOW_UPDATE; `None` if memory is out, or if so many wait to be sent that the client cannot be in need of
    /// one.
    fn frame(self) -> Option<*mut ngx_http_v2_out_frame_t> {
        let parent = self.parent();
        let frames = &Shared::find(&parent)?.frames;
        let free = frames.free.get();
        if !free.is_null() {
            // SAFETY: a frame that nobody else has; `window_sent` has put it there.
            frames.free.set(unsafe { (*free).next });
            // SAFETY: writes a bit of it.
            unsafe { shim::nginx_shim_set_v2_frame_blocked(free, 0) };
            return Some(free);
        }
        if frames.count.get() > self.most().saturating_mul(2) {
            return None;
        }
        let frame = new_frame(parent)?;
        frames.count.set(frames.count.get().saturating_add(1));
        Some(frame)
    }

    /// Leaves what is still to come of the body to nginx, and has one user less of the request, which may be the last one.
    ///
    /// # Safety
    ///
    /// [`read_anew`](Self::read_anew) must have been called. The request may be gone afterwards: none of its copies may be used.
    pub(crate) unsafe fn close(self) {
        let session = self.session();
        self.skip(true);
        // SAFETY: the user that `begin_body` counted; the rest is up to the caller.
        unsafe { self.r.leave() };
        // A reset waits for something else to be sent. The connection outlives its streams.
        if !session.is_blocked() && session.has_output() {
            session.send();
        }
    }

    /// To nginx a connection is flooded when more than eight times as much has come as was of use. What was dropped has paid for
    /// itself, and for the heads of its frames, but is to pay for nothing else. What the client may have sent on the credit that
    /// it has left, before it knows that the stream is at its end, is paid for.
    pub(crate) fn settle(self, dropped: u64) {
        self.session().add_payload(|payload| {
            let paid = dropped.saturating_sub(dropped / 8).saturating_sub(dropped / 512);
            payload.saturating_sub_unsigned(paid)
        });
        if !self.is_ended() {
            self.session().add_payload(|payload| payload.saturating_add_unsigned(self.window().min(WINDOW) / 8));
        }
    }
}

/// Has nothing in a buffer, and no room: so nginx asks the body filters before it copies the next frame, and the last one can
/// end the request at once. Otherwise nginx gets to that when it has read all that has come over the connection, and a client
/// that makes new requests meanwhile is told that it has too many.
fn fill(buffer: &mut ngx_buf_t) {
    buffer.pos = buffer.end;
    buffer.last = buffer.end;
}

/// nginx calls it at the end of a body that it keeps: `ngx_http_request_body_t.post_handler`.
unsafe extern "C" fn has_body(_r: *mut ngx_http_request_t) {}

/// Whether the worker is about to end.
fn is_worker_ending() -> bool {
    // SAFETY: only nginx sets them, on the one thread or in a handler of a signal.
    unsafe { ngx_exiting != 0 || ngx_terminate != 0 }
}

/// The bytes of a WINDOW_UPDATE (RFC 9113, sections 4.1 and 6.9).
fn window_update(stream: u32, increment: u32) -> [u8; FRAME] {
    let [_, long, longer, length] = (UPDATE as u32).to_be_bytes();
    let [a, b, c, d] = stream.to_be_bytes();
    let [e, f, g, h] = increment.to_be_bytes();
    let (kind, flags) = (NGX_HTTP_V2_WINDOW_UPDATE_FRAME as u8, NGX_HTTP_V2_NO_FLAG as u8);
    [long, longer, length, kind, flags, a, b, c, d, e, f, g, h]
}

/// A new frame with a buffer for a WINDOW_UPDATE; `None` if memory is out.
fn new_frame(c: Connection) -> Option<*mut ngx_http_v2_out_frame_t> {
    // SAFETY: the pool of a live connection, which fills the memory that it gives with zeros.
    let frame = unsafe { shim::nginx_shim_v2_alloc_frame(c.pool()).as_mut() }?;
    // SAFETY: as above, but not with zeros.
    let link = unsafe { ngx_alloc_chain_link(c.pool()).as_mut() }?;
    // SAFETY: as above.
    let buffer = NonNull::new(unsafe { ngx_create_temp_buf(c.pool(), FRAME) })?;
    // Over TLS nothing is sent before such a buffer.
    // SAFETY: writes a bit of the new buffer.
    unsafe { shim::nginx_shim_set_last_buf(buffer.as_ptr(), 1) };
    link.buf = buffer.as_ptr();
    frame.first = link;
    frame.last = link;
    frame.length = UPDATE;
    frame.handler = Some(window_sent);
    Some(frame)
}

/// Has a frame consist of these bytes.
///
/// # Safety
///
/// `frame` must be one of [`new_frame`], and not be on its way.
unsafe fn fill_frame(frame: *mut ngx_http_v2_out_frame_t, bytes: &[u8; FRAME]) {
    // SAFETY: such a frame has a link with a buffer.
    let buffer = unsafe { &mut *(*(*frame).first).buf };
    buffer.pos = buffer.start;
    buffer.last = buffer.pos.wrapping_add(bytes.len());
    // SAFETY: the buffer was made for as many bytes.
    unsafe { buffer.pos.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
}

/// A WINDOW_UPDATE has been sent, or not all of it yet: `ngx_http_v2_out_frame_t.handler`.
unsafe extern "C" fn window_sent(h2c: *mut ngx_http_v2_connection_t, frame: *mut ngx_http_v2_out_frame_t) -> ngx_int_t {
    // SAFETY: nginx passes a live connection.
    let session = Session(unsafe { NonNull::new_unchecked(h2c) });
    // SAFETY: nginx passes one of our frames, each of which has a link with a buffer.
    let frame = unsafe { &mut *frame };
    // SAFETY: as above.
    let buffer = unsafe { *(*frame.first).buf };
    if buffer.pos != buffer.last {
        return NGX_AGAIN as ngx_int_t;
    }
    let length = frame.length;
    if let Some(shared) = Shared::find(&session.connection()) {
        frame.next = shared.frames.free.replace(frame);
    }
    session.add_bytes(HEAD.saturating_add(length));
    NGX_OK as ngx_int_t
}

impl Session {
    fn as_ptr(self) -> *mut ngx_http_v2_connection_t {
        self.0.as_ptr()
    }

    fn connection(self) -> Connection {
        // SAFETY: nginx keeps this for a connection, which outlives it.
        unsafe { Connection::new((*self.as_ptr()).connection) }
    }

    /// What nginx is reading.
    fn state(self) -> *const ngx_http_v2_state_t {
        // SAFETY: only the place of a member is taken.
        unsafe { ptr::addr_of!((*self.as_ptr()).state) }
    }

    fn most(self) -> usize {
        // SAFETY: a live connection has the configuration of a server.
        unsafe { shim::nginx_shim_v2_concurrent_streams(self.as_ptr()) }
    }

    /// Whether nginx, or [`read`], is at work further up the stack, and sends what there is when that is done.
    fn is_blocked(self) -> bool {
        // SAFETY: reads a bit of a live connection.
        unsafe { shim::nginx_shim_v2_blocked(self.as_ptr()) != 0 }
    }

    fn set_blocked(self, on: bool) {
        // SAFETY: writes a bit of a live connection.
        unsafe { shim::nginx_shim_set_v2_blocked(self.as_ptr(), on.into()) }
    }

    /// Puts a frame before those with the bodies of responses.
    fn queue(self, frame: *mut ngx_http_v2_out_frame_t) {
        // SAFETY: the frame is in no queue, and lives as long as the connection.
        unsafe { shim::nginx_shim_v2_queue_frame(self.as_ptr(), frame) }
    }

    /// Whether there is something to send.
    fn has_output(self) -> bool {
        // SAFETY: a copy of a pointer of a live connection.
        unsafe { !(*self.as_ptr()).last_out.is_null() }
    }

    /// Sends what there is. An error is not lost: nginx finds it when it reads or writes next.
    fn send(self) {
        // SAFETY: a live connection, for which nginx is not at work further up the stack.
        unsafe { ngx_http_v2_send_output_queue(self.as_ptr()) };
    }

    /// Counts bytes that have been sent.
    fn add_bytes(self, bytes: usize) {
        // SAFETY: a number of a live connection.
        let total = unsafe { &mut (*self.as_ptr()).total_bytes };
        *total = total.saturating_add_unsigned(bytes as u64);
    }

    /// Changes how many bytes nginx takes for those that were of use.
    fn add_payload(self, change: impl FnOnce(off_t) -> off_t) {
        // SAFETY: a number of a live connection.
        let payload = unsafe { &mut (*self.as_ptr()).payload_bytes };
        *payload = change(*payload);
    }

    /// Its requests that have a stream.
    fn requests(self) -> impl Iterator<Item = *mut ngx_http_request_t> {
        // SAFETY: a live connection has the configuration of a server.
        let last = unsafe { shim::nginx_shim_v2_streams_index_mask(self.as_ptr()) };
        // SAFETY: a copy of a pointer of a live connection.
        let index = unsafe { (*self.as_ptr()).streams_index };
        Nodes { index, buckets: 0..=last, node: ptr::null_mut() }.filter_map(|node| {
            // SAFETY: a node of a live connection, with a stream or not.
            let stream = unsafe { (*node).stream.as_ref() }?;
            Some(stream.request)
        })
    }

    /// The first of the requests that goes on, or whose stream is not taken; `None` if there is none.
    fn blocker(self) -> Option<*mut ngx_http_request_t> {
        self.requests().find(|&r| {
            // SAFETY: nginx has a stream for a live request only.
            let request = unsafe { RawRequest::new(r) };
            !is_taken(request.connection().read()) || !request.is_done()
        })
    }

    /// Tells all streams, each of which is taken, that they are to end.
    fn evict(self) {
        for r in self.requests() {
            // SAFETY: nginx has a stream for a live request only, and a request a connection.
            let c = unsafe { Connection::new((*r).connection) };
            c.set_closing(true);
            call(c.read());
        }
    }
}

/// The nodes of a connection's streams, bucket by bucket. The next one is looked for when it is asked for: what is done with one
/// may end its stream, but leaves the node where it is.
struct Nodes {
    index: *mut *mut ngx_http_v2_node_t,
    buckets: RangeInclusive<usize>,
    node: *mut ngx_http_v2_node_t,
}

impl Iterator for Nodes {
    type Item = *mut ngx_http_v2_node_t;

    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: a node of a live connection, which nginx gives back together with it.
        self.node = unsafe { self.node.as_ref() }.map_or(ptr::null_mut(), |node| node.index);
        while self.node.is_null() {
            let bucket = self.buckets.next()?;
            // SAFETY: the index has as many buckets.
            self.node = unsafe { *self.index.add(bucket) };
        }
        Some(self.node)
    }
}

/// The handler of the read events of streams that are taken, and nginx's own of HTTP/2 connections.
static mut TAKEN: ngx_event_handler_pt = None;
static mut NEXT: ngx_event_handler_pt = None;

/// Ours of HTTP/2 connections: a static, which has one address where the function itself may have several.
static OURS: ngx_event_handler_pt = Some(read);

fn is_same(handler: ngx_event_handler_pt, other: ngx_event_handler_pt) -> bool {
    handler.map(|handler| handler as usize) == other.map(|other| other as usize)
}

/// Whether a connection's read event is handled here.
fn is_ours(event: Event) -> bool {
    is_same(event.handler(), OURS)
}

/// Whether a stream's read event is handled by those who take bodies.
fn is_taken(event: Event) -> bool {
    // SAFETY: used on the one thread.
    is_same(event.handler(), unsafe { TAKEN })
}

/// Does what nginx does when an event has happened.
fn call(event: Event) {
    if let Some(handler) = event.handler() {
        // SAFETY: the handler of the event, which may end what the event is of.
        unsafe { handler(event.as_ptr()) }
    }
}

/// Something has happened to an HTTP/2 connection: perhaps nginx wants to have it for others (`ngx_event_t.handler`). To nginx a
/// connection with streams is in use, so they have to end first. When nginx exits, it waits for them.
unsafe extern "C" fn read(event: *mut ngx_event_t) {
    // SAFETY: nginx passes the read event of a connection; the memory of both is that of the worker's connections.
    let (event, c) = unsafe { (Event::new(event), Event::new(event).connection()) };
    // SAFETY: this is the handler of HTTP/2 connections with streams, whose data is nginx's side of that.
    let session = Session(unsafe { NonNull::new_unchecked((*c.as_ptr()).data.cast()) });

    if c.is_closing() && !is_worker_ending() {
        if let Some(blocker) = session.blocker() {
            c.set_closing(false);
            c.set_reusable(false);
            // SAFETY: the request of a stream is live.
            unsafe { wait_for(blocker, c) };
            return;
        }
        session.set_blocked(true);
        session.evict();
        session.set_blocked(false);
    }

    let number = c.number();
    // SAFETY: used on the one thread, and set before this became a handler.
    if let Some(next) = unsafe { NEXT } {
        // SAFETY: nginx's own handler of the event, which may close the connection.
        unsafe { next(event.as_ptr()) };
    }
    if c.socket() == -1 || c.number() != number || !is_ours(event) {
        // It is closed, and perhaps another one by now, or idle.
        return;
    }
    // With each request nginx takes the connection for one in use (1.22.1).
    let is_ready = Shared::find(&c).is_some_and(|shared| shared.is_any_taken() && shared.is_unblocked());
    if is_ready && !c.is_reusable() {
        c.set_reusable(true);
    }
}

/// Remembers the request because of which a connection cannot be had, and has it tell when it ends.
///
/// # Safety
///
/// `r` must be the live request of a stream of the connection.
unsafe fn wait_for(r: *mut ngx_http_request_t, c: Connection) {
    let Some(shared) = Shared::find(&c) else {
        return;
    };
    // SAFETY: live, says the caller, and so is its pool.
    if let Some(cleanup) = unsafe { ngx_pool_cleanup_add((*r).pool, 0).as_mut() } {
        cleanup.handler = Some(unblock);
        cleanup.data = r.cast();
        shared.blocker.set(r);
    }
}

/// A request ends that went on when nginx needed its connection: perhaps it can have that now (`ngx_pool_cleanup_t.handler`).
unsafe extern "C" fn unblock(r: *mut c_void) {
    let r = r.cast::<ngx_http_request_t>();
    // SAFETY: nginx calls this when it destroys the pool of a request over HTTP/2; its stream is there until that is done.
    let c = unsafe { Connection::new((*(*(*r).stream).connection).connection) };
    let Some(shared) = Shared::find(&c) else {
        return;
    };
    if shared.blocker.get() != r.cast_const() {
        return;
    }
    shared.blocker.set(ptr::null());
    if shared.is_any_taken() && is_ours(c.read()) {
        c.set_reusable(true);
    }
}
