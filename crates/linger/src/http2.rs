//! Receives and drops the body of an HTTP/2 stream after nginx has done with it.
//!
//! nginx hands DATA frames to whoever reads the request's body. So the body is read once more, as a body of undeclared
//! length, into a buffer that nobody looks at.
//!
//! nginx would add the frames to a body that the request is given meanwhile. Where a module may do that, nginx skips them
//! instead, until nobody uses the request any more, and the flow-control window tells how much has come.

use core::cell::Cell;
use core::ffi::c_void;
use core::mem;
use core::ops::RangeInclusive;
use core::ptr::{self, NonNull};

use nginx_sys::{
    ngx_alloc_chain_link, ngx_buf_t, ngx_create_temp_buf, ngx_event_handler_pt, ngx_event_t, ngx_exiting,
    ngx_http_request_body_t, ngx_http_request_t, ngx_http_v2_connection_t, ngx_http_v2_node_t, ngx_http_v2_out_frame_t,
    ngx_http_v2_send_output_queue, ngx_http_v2_state_t, ngx_http_v2_stream_t, ngx_int_t, ngx_pfree,
    ngx_pool_cleanup_add, ngx_terminate, off_t, NGX_AGAIN, NGX_HTTP_V2_END_STREAM_FLAG, NGX_HTTP_V2_FRAME_HEADER_SIZE,
    NGX_HTTP_V2_NO_FLAG, NGX_HTTP_V2_WINDOW_UPDATE_FRAME, NGX_OK,
};

use crate::multiplexed::{Shared, Skipped};
use crate::scratch;
use crate::Came;
use nginx::shim;
use nginx::RawRequest;
use nginx::{Connection, Event};

/// The largest flow-control window of a drained stream, in bytes: about as much as the kernel lets a client send ahead
/// (tcp_rmem).
const WINDOW: u64 = 4 << 20;

/// The length of a WINDOW_UPDATE, in bytes, without the frame header (RFC 9113, section 6.9).
const UPDATE: usize = mem::size_of::<u32>();

/// The length of a WINDOW_UPDATE, in bytes, with the frame header.
const FRAME: usize = HEAD + UPDATE;
const HEAD: usize = NGX_HTTP_V2_FRAME_HEADER_SIZE as usize;

/// The stream of a request over HTTP/2.
#[derive(Clone, Copy)]
pub(crate) struct Stream<'r> {
    r: RawRequest<'r>,
    stream: NonNull<ngx_http_v2_stream_t>,
}

/// What nginx keeps of an HTTP/2 connection.
#[derive(Clone, Copy)]
struct Session(NonNull<ngx_http_v2_connection_t>);

/// The frames of a connection for WINDOW_UPDATEs: the free ones, and the number of all. They may outlive their stream,
/// and what nginx keeps of a connection only while it has streams.
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
        // SAFETY: `r` is live, and every request has this member. A stream that is not NULL lives as long as the
        // request.
        NonNull::new(unsafe { (*r.as_ptr()).stream }).map(|stream| Self { r, stream })
    }

    fn as_ptr(self) -> *mut ngx_http_v2_stream_t {
        self.stream.as_ptr()
    }

    fn session(self) -> Session {
        // SAFETY: a stream has a connection, which outlives it.
        Session(unsafe { NonNull::new_unchecked((*self.as_ptr()).connection) })
    }

    /// The connection of the stream.
    pub(crate) fn parent(self) -> Connection {
        self.session().connection()
    }

    /// How many streams the connection may have at once.
    pub(crate) fn most(self) -> usize {
        self.session().most()
    }

    /// Returns whether the client has ended its side.
    fn is_ended(self) -> bool {
        // SAFETY: reads a bit of a live stream.
        unsafe { shim::nginx_shim_v2_in_closed(self.as_ptr()) != 0 }
    }

    /// Returns whether nginx has reset the stream.
    fn is_reset(self) -> bool {
        // SAFETY: reads a bit of a live stream.
        unsafe { shim::nginx_shim_v2_rst_sent(self.as_ptr()) != 0 }
    }

    /// Returns whether the client may still send.
    pub(crate) fn is_open(self) -> bool {
        !self.is_ended() && !self.is_reset() && !self.r.connection().has_failed()
    }

    /// Sets whether nginx skips the frames that arrive.
    pub(crate) fn skip(self, on: bool) {
        // SAFETY: writes a bit of a live stream.
        unsafe { shim::nginx_shim_set_v2_skip_data(self.as_ptr(), on.into()) }
    }

    /// How many bytes the client may send, as nginx has told it.
    fn window(self) -> u64 {
        // SAFETY: reads a number of a live stream.
        unsafe { (*self.as_ptr()).recv_window as u64 }
    }

    /// How many bytes the client may send before it is granted more. nginx takes all of a frame off the window when the frame
    /// begins, so the client may, and must, also send the rest of a frame.
    fn unsent(self) -> u64 {
        self.window().saturating_add(self.frame_rest().unwrap_or(0))
    }

    /// Returns whether the client may send.
    pub(crate) fn may_send(self) -> bool {
        self.unsent() > 0
    }

    /// How many bytes are still to come of the frame that nginx is reading, if it is a frame of this stream. When the frame
    /// is complete, `stream` is NULL; the other members keep what they had.
    fn frame_rest(self) -> Option<u64> {
        let state = self.session().state();
        // SAFETY: reads two members of a live connection's parser state.
        let (stream, length) = unsafe { ((*state).stream, (*state).length) };
        (stream == self.as_ptr()).then_some(length as u64)
    }

    /// Makes nginx read the body once more, and adds a user to the request. Returns how many bytes had arrived before anyone
    /// read the body, and that there is more; `None` if memory is out.
    pub(crate) fn take(self) -> Option<(u64, Came)> {
        let r = self.r.as_ptr();
        let dropped = self.drop_preread();
        self.skip(true);

        // SAFETY: writes a bit of a live request.
        unsafe { shim::nginx_shim_set_request_body_no_buffering(r, 0) };
        // SAFETY: writes a bit of a live request.
        unsafe { shim::nginx_shim_set_reading_body(r, 0) };
        self.r.block_reading();
        self.r.connection().read().stop_timer();

        self.read_anew()?;
        self.r.add_user();
        // From now on `grant` extends the window, not nginx.
        // SAFETY: writes a bit of a live stream.
        unsafe { shim::nginx_shim_set_v2_no_flow_control(self.as_ptr(), 0) };
        Some((dropped, Came::Wait))
    }

    /// Makes nginx read the body, as one of undeclared length, into a buffer that nobody looks at; `None` if memory is out.
    fn read_anew(self) -> Option<()> {
        let r = self.r.as_ptr();
        // Nobody uses the old body any more; its memory belongs to the pool.
        let body = self.new_body()?;
        // SAFETY: writes a pointer of a live request. `body` lives in the request's pool.
        unsafe { (*r).request_body = body };
        // nginx skips the frames of a request that has neither a length nor chunks. A length would be passed on to
        // upstreams.
        // SAFETY: writes a number of a live request.
        unsafe { (*r).headers_in.content_length_n = -1 };
        // SAFETY: writes a bit of a live request.
        unsafe { shim::nginx_shim_set_chunked(r, 1) };
        self.skip(false);
        Some(())
    }

    /// Has nginx skip what comes, and hides the body from those who may give the request another one. `left` is how many bytes
    /// are to come, if the client keeps to its Content-Length; `None` if nothing is known.
    pub(crate) fn step_aside(self, left: Option<u64>) -> Skipped {
        let r = self.r.as_ptr();
        self.skip(true);
        // SAFETY: writes a pointer of a live request. The body was made by `new_body`, and its memory belongs to the pool.
        unsafe { (*r).request_body = self.empty_body() };
        // SAFETY: writes a bit of a live request.
        unsafe { shim::nginx_shim_set_chunked(r, 0) };
        self.pay_ahead(Skipped { unsent: 0, left, is_over: self.is_over() })
    }

    /// Makes nginx read the body again, in the place of any that the request was given. Returns whether it does: not if the
    /// body has ended, in the middle of a frame, the rest of which nginx skips in any case, or if memory is out.
    pub(crate) fn step_back(self, skipped: Skipped) -> bool {
        let is_read = !skipped.is_over && self.frame_rest().is_none() && self.read_anew().is_some();
        if is_read {
            self.take_back(skipped);
        }
        is_read
    }

    /// Counts what nginx has skipped. Returns what is known now, the number of bytes, and the result.
    pub(crate) fn count_skipped(self, skipped: Skipped) -> (Skipped, u64, Came) {
        let bytes = skipped.unsent.saturating_sub(self.unsent());
        // As nginx counts what it does not skip.
        self.session().add_payload(|payload| payload.saturating_add_unsigned(bytes));
        let left = skipped.left.map(|left| left.saturating_sub(bytes));
        // Padding counts as bytes, too.
        let has_all = left == Some(0) && self.frame_rest().is_none();
        let is_over = skipped.is_over || self.is_over() || has_all;
        let skipped = self.pay_ahead(Skipped { left, is_over, ..skipped });
        (skipped, bytes, self.came(if is_over { 0 } else { 1 }))
    }

    /// Pays for what nginx may skip before that is counted, in the place of what was paid before: nginx would take the
    /// connection for flooded ([`settle`](Self::settle)).
    pub(crate) fn pay_ahead(self, skipped: Skipped) -> Skipped {
        self.take_back(skipped);
        let unsent = self.unsent();
        self.session().add_payload(|payload| payload.saturating_add_unsigned(ahead(unsent)));
        Skipped { unsent, ..skipped }
    }

    /// Takes back what was paid ahead.
    fn take_back(self, skipped: Skipped) {
        self.session().add_payload(|payload| payload.saturating_sub_unsigned(ahead(skipped.unsent)));
    }

    /// Returns whether the client has ended its side while nginx skips, as far as can be told: whether the last frame that nginx
    /// has read is the stream's last one. nginx itself takes note of the end of what it does not skip, and of a reset.
    fn is_over(self) -> bool {
        let session = self.session();
        // SAFETY: reads two members of a live connection's parser state.
        let (stream, flags) = unsafe { ((*session.state()).sid, shim::nginx_shim_v2_frame_flags(session.as_ptr())) };
        let is_last = stream == self.id() as usize && flags & NGX_HTTP_V2_END_STREAM_FLAG as usize != 0;
        is_last && !session.is_within_frame()
    }

    /// The number of the stream.
    fn id(self) -> u32 {
        // SAFETY: a live stream has a node, whose id has 31 bits.
        unsafe { (*(*self.as_ptr()).node).id as u32 }
    }

    /// Frees the bytes that arrived before anyone read the body. Returns how many they were. Once someone has read the
    /// body, `preread` points to memory that is gone.
    fn drop_preread(self) -> u64 {
        // SAFETY: takes a pointer of a live stream. Nobody follows it from now on.
        let preread = unsafe { mem::replace(&mut (*self.as_ptr()).preread, ptr::null_mut()) };
        if preread.is_null() || !self.r.body().is_null() {
            return 0;
        }
        // SAFETY: nobody has read the body, so `preread` is a buffer of the request's pool.
        let ngx_buf_t { start, pos, last, .. } = unsafe { *preread };
        // SAFETY: the pool has handed out the memory that begins at `start`. `ngx_pfree` leaves alone what it cannot
        // free.
        unsafe { ngx_pfree(self.r.pool(), start.cast()) };
        (last as u64).saturating_sub(pos as u64)
    }

    /// A body in the state of one that nginx is reading; `None` if memory is out.
    fn new_body(self) -> Option<*mut ngx_http_request_body_t> {
        // SAFETY: the body is null, or lives in the request's pool, and nobody else knows of it yet.
        let body = unsafe { self.empty_body().as_mut() }?;
        // SAFETY: the same of its buffer.
        let buffer = unsafe { body.buf.as_mut() }?;

        buffer.start = scratch::start();
        buffer.end = buffer.start.wrapping_add(scratch::SIZE);
        fill(buffer);

        body.rest = 1;
        // nginx compares this count with client_max_body_size, so it starts as low as possible.
        body.received = off_t::MIN.saturating_add(1);
        body.post_handler = Some(has_body);
        Some(body)
    }

    /// A body that has been read and is empty, with a buffer, because some modules look at both whatever there is (uploadprogress);
    /// null if memory is out.
    fn empty_body(self) -> *mut ngx_http_request_body_t {
        // SAFETY: the request is live, and so is its pool. The memory is zeroed.
        let body = unsafe { shim::nginx_shim_alloc_request_body(self.r.pool()) };
        // SAFETY: the body is null, or lives in the request's pool, and so does the buffer.
        if let Some(body) = unsafe { body.as_mut() } {
            // SAFETY: as above. The memory is zeroed.
            body.buf = unsafe { shim::nginx_shim_alloc_buf(self.r.pool()) };
        }
        body
    }

    /// Drops all that has arrived. Returns the number of bytes, and the result.
    pub(crate) fn drop_some(self, _most: u64) -> (u64, Came) {
        // SAFETY: the request's body is null, or was made in its pool by `take` or, later, by somebody else.
        let Some(body) = (unsafe { self.r.body().as_mut() }) else {
            return (0, Came::Failed);
        };
        let rest = body.rest;
        // SAFETY: the body's buffer is null, or lives in the request's pool.
        let dropped = unsafe { body.buf.as_mut() }.map_or(0, |buffer| {
            let dropped = (buffer.last as u64).saturating_sub(buffer.pos as u64);
            fill(buffer);
            dropped
        });
        (dropped, self.came(rest))
    }

    /// The result for a stream, where `rest` is the rest of its body: 0 if nothing more is to come.
    fn came(self, rest: off_t) -> Came {
        let c = self.r.connection();
        // nginx sets this timer for each piece of the body.
        c.read().stop_timer();
        c.read().clear_timed_out();

        if rest == 0 {
            return Came::Whole;
        }
        if c.read().is_eof() {
            // The connection has ended.
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

    /// The length of the frame that nginx is about to copy, in bytes, if it is the last frame of the stream.
    pub(crate) fn last_frame(self) -> Option<u64> {
        self.frame_rest().filter(|_| self.is_ended())
    }

    /// The connection's socket; `None` if some of the response has not been written to it.
    pub(crate) fn socket(self) -> Option<i32> {
        let parent = self.parent();
        // SAFETY: reads a number of a live stream.
        let queued = unsafe { (*self.as_ptr()).queued };
        (queued == 0 && !parent.is_buffered()).then(|| parent.socket())
    }

    /// Lets nginx end the connection when it runs out of connections, unless a request is known that goes on. `handler`
    /// is the read event handler of streams that may be ended.
    pub(crate) fn set_reusable(self, handler: ngx_event_handler_pt) {
        let parent = self.parent();
        let Some(shared) = Shared::find(&parent) else {
            return;
        };
        if shared.blocker.get() == self.r.as_ptr() {
            shared.blocker.set(ptr::null());
        }
        if !shared.is_unblocked() {
            // The blocker does this when it ends.
            return;
        }
        if !is_ours(parent.read()) {
            if parent.is_tls_reading() {
                // TLS has set its own handler for now.
                return;
            }
            shared.of_stream.set(handler);
            shared.of_nginx.set(parent.read().replace_handler(OURS));
            // If the worker is about to end, nginx has told the connection already.
            shared.is_end_told.set(is_worker_ending());
        }
        if !parent.is_reusable() {
            parent.set_reusable(true);
        }
    }

    /// Lets the client send `most` bytes of the body from now on, if that is at least twice what it may send already, and
    /// if it may not send the `declared` bytes already; 0 means that nothing is known of them. With a WINDOW_UPDATE before
    /// the answer, nginx writes the answer in two TLS records in the place of one.
    pub(crate) fn grant(self, most: u64, declared: u64) {
        // The rest of the frame being read is no part of the window any more.
        let begun = self.frame_rest().unwrap_or(0);
        let (window, old) = (most.saturating_sub(begun).min(WINDOW), self.window());
        let is_enough = (1..=old.saturating_add(begun)).contains(&declared);
        if self.is_ended() || is_enough || window <= old || old > window / 2 {
            return;
        }
        let Some(frame) = self.frame() else {
            return;
        };
        let bytes = window_update(self.id(), window.saturating_sub(old) as u32);
        // SAFETY: the frame was made by `new_frame`, and is not being sent.
        unsafe { fill_frame(frame, &bytes) };
        // SAFETY: writes a number of a live stream.
        unsafe { (*self.as_ptr()).recv_window = window as usize };
        self.session().queue(frame);
        if !self.session().is_blocked() {
            self.session().send();
        }
    }

    /// A frame for a WINDOW_UPDATE. `None` if memory is out, or if so many wait to be sent that the client cannot need
    /// another.
    fn frame(self) -> Option<*mut ngx_http_v2_out_frame_t> {
        let parent = self.parent();
        let frames = &Shared::find(&parent)?.frames;
        let free = frames.free.get();
        if !free.is_null() {
            // SAFETY: `window_sent` has put the frame on the list, and nobody else uses it.
            frames.free.set(unsafe { (*free).next });
            // SAFETY: writes a bit of that frame.
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

    /// Leaves the rest of the body to nginx, and gives up one user of the request, perhaps the last.
    ///
    /// # Safety
    ///
    /// The user must have been counted. The call may end the request: no copy of it may be used afterwards.
    pub(crate) unsafe fn close(self) {
        let session = self.session();
        self.skip(true);
        // SAFETY: the user was counted. No copy of the request is used afterwards, as the caller promises.
        unsafe { self.r.leave() };
        // A queued RST_STREAM waits until something else is sent. The connection outlives its streams.
        if !session.is_blocked() && session.has_output() {
            session.send();
        }
    }

    /// Corrects nginx's count of useful bytes, after `dropped` bytes were dropped. nginx takes a connection for flooded
    /// when more than eight times as many bytes have arrived as were useful, and a mebibyte more. The dropped bytes pay for
    /// themselves and for their frame headers, and must pay for nothing else. The headers of small frames are more than what
    /// is left to pay for them, and nobody has counted them: so the count does not fall below an eighth of all bytes, or other
    /// streams would pay. At worst that forgives the client as much as the same bytes of an accepted body would. If the client
    /// has not ended its side, it may use up its remaining credit before it learns that the stream has ended. That is paid for
    /// too.
    pub(crate) fn settle(self, dropped: u64, skipped: Option<Skipped>) {
        if let Some(skipped) = skipped {
            self.take_back(skipped);
        }
        let due = self.session().total_bytes() / 8;
        self.session().add_payload(|payload| {
            let paid = dropped.saturating_sub(dropped / 8).saturating_sub(dropped / 512);
            payload.saturating_sub_unsigned(paid).max(payload.min(due))
        });
        if !self.is_ended() {
            self.session().add_payload(|payload| payload.saturating_add_unsigned(self.window().min(WINDOW) / 8));
        }
    }
}

/// What is paid for bytes that nginx may skip before they are counted: an eighth of them is enough. A fast client may send
/// all of them before any timer fires.
fn ahead(unsent: u64) -> u64 {
    unsent / 8
}

/// Makes a buffer empty, and without room. So nginx calls the body filters before it copies the next frame, and the
/// last frame can end the request at once. Otherwise nginx would first read all that has arrived over the connection. A
/// client that makes new requests meanwhile would be told that it has too many.
fn fill(buffer: &mut ngx_buf_t) {
    buffer.pos = buffer.end;
    buffer.last = buffer.end;
}

/// Called at the end of a body that nginx keeps: `ngx_http_request_body_t.post_handler`.
unsafe extern "C" fn has_body(_r: *mut ngx_http_request_t) {}

/// Returns whether the worker is about to end.
fn is_worker_ending() -> bool {
    // SAFETY: only nginx sets these flags, on the one thread or in a signal handler.
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
    // SAFETY: the connection is live, and so is its pool. The memory is zeroed.
    let frame = unsafe { shim::nginx_shim_v2_alloc_frame(c.pool()).as_mut() }?;
    // SAFETY: the connection is live, and so is its pool. The link's buffer is set below.
    let link = unsafe { ngx_alloc_chain_link(c.pool()).as_mut() }?;
    // SAFETY: the connection is live, and so is its pool.
    let buffer = NonNull::new(unsafe { ngx_create_temp_buf(c.pool(), FRAME) })?;
    // Over TLS nothing is sent before a buffer with this flag.
    // SAFETY: writes a bit of the new buffer.
    unsafe { shim::nginx_shim_set_last_buf(buffer.as_ptr(), 1) };
    link.buf = buffer.as_ptr();
    frame.first = link;
    frame.last = link;
    frame.length = UPDATE;
    frame.handler = Some(window_sent);
    Some(frame)
}

/// Makes `bytes` the content of a frame.
///
/// # Safety
///
/// `frame` must be made by [`new_frame`], and must not be waiting to be sent.
unsafe fn fill_frame(frame: *mut ngx_http_v2_out_frame_t, bytes: &[u8; FRAME]) {
    // SAFETY: a frame made by `new_frame` has a link with a buffer.
    let buffer = unsafe { &mut *(*(*frame).first).buf };
    buffer.pos = buffer.start;
    buffer.last = buffer.pos.wrapping_add(bytes.len());
    // SAFETY: the buffer was made for as many bytes.
    unsafe { buffer.pos.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
}

/// Called when nginx has sent a WINDOW_UPDATE or a part of it: `ngx_http_v2_out_frame_t.handler`.
unsafe extern "C" fn window_sent(h2c: *mut ngx_http_v2_connection_t, frame: *mut ngx_http_v2_out_frame_t) -> ngx_int_t {
    // SAFETY: nginx passes a live connection.
    let session = Session(unsafe { NonNull::new_unchecked(h2c) });
    // SAFETY: nginx passes a frame made by `new_frame`, which has a link with a buffer.
    let frame = unsafe { &mut *frame };
    // SAFETY: the frame's link has a buffer.
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
        // SAFETY: the connection outlives what nginx keeps of it.
        unsafe { Connection::new((*self.as_ptr()).connection) }
    }

    /// The state of nginx's parser of frames.
    fn state(self) -> *const ngx_http_v2_state_t {
        // SAFETY: only the address of a member is taken.
        unsafe { ptr::addr_of!((*self.as_ptr()).state) }
    }

    /// Returns whether a frame is still coming whose header has come. Of a header that is incomplete nginx keeps the bytes; of
    /// a frame it keeps none, and waits for more.
    fn is_within_frame(self) -> bool {
        let state = self.state();
        // SAFETY: reads two members of a live connection's parser state.
        let (stream, kept) = unsafe { ((*state).stream, (*state).buffer_used) };
        // SAFETY: reads a bit of a live connection.
        let is_incomplete = unsafe { shim::nginx_shim_v2_frame_incomplete(self.as_ptr()) != 0 };
        !stream.is_null() || (is_incomplete && kept == 0)
    }

    fn most(self) -> usize {
        // SAFETY: a live connection has the configuration of a server.
        unsafe { shim::nginx_shim_v2_concurrent_streams(self.as_ptr()) }
    }

    /// Returns whether nginx, or [`read`], is at work further up the call stack. That one sends what is queued when it
    /// is done.
    fn is_blocked(self) -> bool {
        // SAFETY: reads a bit of a live connection.
        unsafe { shim::nginx_shim_v2_blocked(self.as_ptr()) != 0 }
    }

    fn set_blocked(self, on: bool) {
        // SAFETY: writes a bit of a live connection.
        unsafe { shim::nginx_shim_set_v2_blocked(self.as_ptr(), on.into()) }
    }

    /// Queues a frame ahead of those with the bodies of responses.
    fn queue(self, frame: *mut ngx_http_v2_out_frame_t) {
        // SAFETY: the frame is in no queue, and lives as long as the connection.
        unsafe { shim::nginx_shim_v2_queue_frame(self.as_ptr(), frame) }
    }

    /// Returns whether something is queued to be sent.
    fn has_output(self) -> bool {
        // SAFETY: reads a pointer of a live connection.
        unsafe { !(*self.as_ptr()).last_out.is_null() }
    }

    /// Sends what is queued. An error is not lost: nginx finds it at its next read or write.
    fn send(self) {
        // SAFETY: the connection is live, and nginx is not at work on it further up the call stack.
        unsafe { ngx_http_v2_send_output_queue(self.as_ptr()) };
    }

    /// Counts bytes that have been sent.
    fn add_bytes(self, bytes: usize) {
        // SAFETY: borrows a number of a live connection.
        let total = unsafe { &mut (*self.as_ptr()).total_bytes };
        *total = total.saturating_add_unsigned(bytes as u64);
    }

    /// nginx's count of all bytes.
    fn total_bytes(self) -> off_t {
        // SAFETY: reads a number of a live connection.
        unsafe { (*self.as_ptr()).total_bytes }
    }

    /// Changes nginx's count of useful bytes.
    fn add_payload(self, change: impl FnOnce(off_t) -> off_t) {
        // SAFETY: borrows a number of a live connection.
        let payload = unsafe { &mut (*self.as_ptr()).payload_bytes };
        *payload = change(*payload);
    }

    /// The requests of the connection that have a stream.
    fn requests(self) -> impl Iterator<Item = *mut ngx_http_request_t> {
        // SAFETY: a live connection has the configuration of a server.
        let last = unsafe { shim::nginx_shim_v2_streams_index_mask(self.as_ptr()) };
        // SAFETY: reads a pointer of a live connection.
        let index = unsafe { (*self.as_ptr()).streams_index };
        Nodes { index, buckets: 0..=last, node: ptr::null_mut() }.filter_map(|node| {
            // SAFETY: the node belongs to a live connection. Its stream is null or live.
            let stream = unsafe { (*node).stream.as_ref() }?;
            Some(stream.request)
        })
    }

    /// The first request that goes on, that has another user than its drain, or whose stream is not taken: one has `taken` as its
    /// read event's handler. `None` if there is none.
    fn blocker(self, taken: ngx_event_handler_pt) -> Option<*mut ngx_http_request_t> {
        self.requests().find(|&r| {
            // SAFETY: the request of a stream is live.
            let request = unsafe { RawRequest::new(r) };
            let is_taken = is_same(request.connection().read().handler(), taken);
            !is_taken || !request.is_done() || request.users() != 1
        })
    }

    /// Tells all streams to end. All of them must be taken.
    fn evict(self) {
        for r in self.requests() {
            // SAFETY: the request of a stream is live, and has a connection.
            let c = unsafe { Connection::new((*r).connection) };
            c.set_closing(true);
            call(c.read());
        }
    }
}

/// The nodes of a connection's streams, bucket by bucket. The next node is looked up only when it is asked for:
/// meanwhile the stream of this one may end, but the node stays where it is.
struct Nodes {
    index: *mut *mut ngx_http_v2_node_t,
    buckets: RangeInclusive<usize>,
    node: *mut ngx_http_v2_node_t,
}

impl Iterator for Nodes {
    type Item = *mut ngx_http_v2_node_t;

    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: `node` is null, or a node of a live connection. nginx frees nodes only together with the connection.
        self.node = unsafe { self.node.as_ref() }.map_or(ptr::null_mut(), |node| node.index);
        while self.node.is_null() {
            let bucket = self.buckets.next()?;
            // SAFETY: the index has as many buckets.
            self.node = unsafe { *self.index.add(bucket) };
        }
        Some(self.node)
    }
}

/// This module's handler of the read events of HTTP/2 connections. It is compared by its address: the static has one,
/// while the function itself may have several.
static OURS: ngx_event_handler_pt = Some(read);

fn is_same(handler: ngx_event_handler_pt, other: ngx_event_handler_pt) -> bool {
    handler.map(|handler| handler as usize) == other.map(|other| other as usize)
}

/// Returns whether a connection's read event is handled here.
fn is_ours(event: Event) -> bool {
    is_same(event.handler(), OURS)
}

/// Calls an event's handler, as nginx does.
fn call(event: Event) {
    if let Some(handler) = event.handler() {
        // SAFETY: the handler is the event's own. It may end what the event belongs to.
        unsafe { handler(event.as_ptr()) }
    }
}

/// Handles the read event of an HTTP/2 connection: `ngx_event_t.handler`. nginx may need the connection for others. To
/// nginx a connection with streams is in use, so they have to end first.
unsafe extern "C" fn read(event: *mut ngx_event_t) {
    // SAFETY: nginx passes the read event of a connection. Both are in the worker's memory for connections.
    let (event, c) = unsafe { (Event::new(event), Event::new(event).connection()) };
    // SAFETY: only HTTP/2 connections with streams have this handler. Their data is an `ngx_http_v2_connection_t`.
    let session = Session(unsafe { NonNull::new_unchecked((*c.as_ptr()).data.cast()) });
    let Some(shared) = Shared::find(&c) else {
        return;
    };

    if c.is_closing() && is_needed(c, shared) {
        if let Some(blocker) = session.blocker(shared.of_stream.get()) {
            c.set_closing(false);
            c.set_reusable(false);
            // SAFETY: `blocker` is the request of a stream of this connection, and so is live.
            unsafe { wait_for(blocker, shared) };
            return;
        }
        session.set_blocked(true);
        session.evict();
        session.set_blocked(false);
    }

    let number = c.number();
    if let Some(nginx) = shared.of_nginx.get() {
        // SAFETY: this is nginx's own handler of the event. It may close the connection.
        unsafe { nginx(event.as_ptr()) };
    }
    if c.socket() == -1 || c.number() != number || !is_ours(event) {
        // The connection is closed and perhaps a new one by now, or it is idle. `shared` may be gone.
        return;
    }
    // nginx marks the connection as in use at each request (1.22.1).
    let is_ready = Shared::find(&c).is_some_and(|shared| shared.is_any_taken() && shared.is_unblocked());
    if is_ready && !c.is_reusable() {
        c.set_reusable(true);
    }
}

/// Returns whether nginx needs a connection for others, when it closes that. If the worker is about to end, nginx first closes
/// each connection once, which lets the streams go on, and in the end (`worker_shutdown_timeout`) with an error, which ends
/// them all.
fn is_needed(c: Connection, shared: &Shared) -> bool {
    !is_worker_ending() || (shared.is_end_told.replace(true) && !c.has_failed())
}

/// Remembers the request that keeps nginx from ending a connection. [`unblock`] is called when that request ends.
///
/// # Safety
///
/// `r` must be the live request of a stream of the connection.
unsafe fn wait_for(r: *mut ngx_http_request_t, shared: &Shared) {
    // SAFETY: `r` is live, as the caller promises, and so is its pool.
    if let Some(cleanup) = unsafe { ngx_pool_cleanup_add((*r).pool, 0).as_mut() } {
        cleanup.handler = Some(unblock);
        cleanup.data = r.cast();
        shared.blocker.set(r);
    }
}

/// Called when a blocker ends: perhaps nginx can have its connection now (`ngx_pool_cleanup_t.handler`).
unsafe extern "C" fn unblock(r: *mut c_void) {
    let r = r.cast::<ngx_http_request_t>();
    // SAFETY: nginx calls this when it destroys the pool of a request over HTTP/2. The request's stream lives until
    // that is done.
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
