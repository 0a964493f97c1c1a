//! Reads and drops the body of an HTTP/3 stream after nginx has done with it. Such a stream can be read like a
//! connection.

use core::mem;
use core::ptr::{self, NonNull};

use nginx_sys::{
    ngx_buf_t, ngx_event_handler_pt, ngx_http_v3_check_flood, ngx_http_v3_parse_data, ngx_http_v3_parse_data_t,
    ngx_http_v3_session_t, ngx_int_t, ngx_quic_shutdown_stream, ngx_quic_stream_t, ngx_uint_t, NGX_AGAIN, NGX_DONE,
    NGX_HTTP_V3_FRAME_DATA, NGX_OK,
};
use nginx_sys::{
    ngx_quic_stream_recv_state_e_NGX_QUIC_STREAM_RECV_RECV as RECEIVING,
    ngx_quic_stream_recv_state_e_NGX_QUIC_STREAM_RECV_SIZE_KNOWN as SIZE_KNOWN,
    ngx_quic_stream_send_state_e_NGX_QUIC_STREAM_SEND_DATA_RECVD as ACKNOWLEDGED,
};

use crate::scratch;
use crate::Came;
use nginx::shim;
use nginx::RawRequest;
use nginx::{Connection, Received};

/// The stream of a request over HTTP/3.
#[derive(Clone, Copy)]
pub(crate) struct Stream<'r> {
    r: RawRequest<'r>,
    quic: NonNull<ngx_quic_stream_t>,
}

/// What the bytes of a stream contain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Frames. The last one may be incomplete.
    Frames,
    /// The start of trailers.
    Trailers,
    /// An error.
    Error,
}

impl Found {
    /// The end of the body, if that has come: trailers end a request.
    const fn end(self) -> Option<Came> {
        match self {
            Self::Frames => None,
            Self::Trailers => Some(Came::Whole),
            Self::Error => Some(Came::Failed),
        }
    }
}

impl<'r> Stream<'r> {
    /// The stream of a request, if it has one, and HTTP/3 is spoken over that.
    pub(crate) fn of(r: RawRequest<'r>) -> Option<Self> {
        // SAFETY: in these builds every connection has this member. A stream that is not NULL lives as long as the
        // connection that nginx has made for it.
        let quic = NonNull::new(unsafe { (*r.connection().as_ptr()).quic })?;
        r.is_http3().then_some(Self { r, quic })
    }

    /// The connection of the stream.
    pub(crate) fn parent(self) -> Connection {
        // SAFETY: a stream has a connection, which outlives it.
        unsafe { Connection::new((*self.quic.as_ptr()).parent) }
    }

    /// How many streams the connection may have at once.
    pub(crate) fn most(self) -> usize {
        // SAFETY: this is the connection of a live request over HTTP/3, which has the configuration of a server.
        unsafe { shim::nginx_shim_v3_concurrent_streams(self.r.connection().as_ptr()) }
    }

    /// Returns whether the client may still send.
    pub(crate) fn is_open(self) -> bool {
        // SAFETY: reads a number of a live stream.
        matches!(unsafe { (*self.quic.as_ptr()).recv_state }, RECEIVING | SIZE_KNOWN)
    }

    /// Returns whether the client has acknowledged all of the response.
    pub(crate) fn is_acknowledged(self) -> bool {
        // SAFETY: reads a number of a live stream.
        unsafe { (*self.quic.as_ptr()).send_state == ACKNOWLEDGED }
    }

    /// Adds a user to the request, and drops what nginx has read ahead of the body. Later on, others may have put a body of
    /// their own in its place. Returns the number of bytes, and the result. It does not fail.
    pub(crate) fn take(self) -> Option<(u64, Came)> {
        self.r.add_user();
        let mut dropped = 0;
        let found = self.drop_ahead(&mut dropped);
        Some((dropped, found.end().unwrap_or(Came::Wait)))
    }

    /// Lets nginx end the request when it runs out of connections.
    pub(crate) fn set_reusable(self, _handler: ngx_event_handler_pt) {
        let c = self.r.connection();
        if !c.is_reusable() {
            c.set_reusable(true);
        }
    }

    /// Lets nginx end the request no more: it may be about to be freed, where something needs a connection.
    pub(crate) fn clear_reusable(self) {
        self.r.connection().set_reusable(false);
    }

    /// Tells the client that the response is over. If that fails, the stream ends with the request, as usual.
    pub(crate) fn end_response(self) {
        // SAFETY: this is the connection of a live stream.
        unsafe { ngx_quic_shutdown_stream(self.r.connection().as_ptr(), shim::NGINX_SHIM_WRITE_SHUTDOWN) };
    }

    /// Drops what has arrived of the body, until at least `most` bytes are dropped. Returns the number of bytes, and
    /// the result.
    pub(crate) fn drop_some(self, most: u64) -> (u64, Came) {
        let c = self.r.connection();
        if c.is_closing() && !c.read().has_failed() {
            if self.r.is_done() && self.r.users() == 1 {
                // Otherwise nginx would take the answer back.
                c.set_closing(false);
            }
            return (0, Came::Evicted);
        }
        if most == 0 {
            // The budget is spent, and the answer still to come: it has an event of its own.
            return (0, Came::Wait);
        }
        let mut dropped = 0;
        while dropped < most {
            let size = usize::try_from(most.saturating_sub(dropped)).unwrap_or(scratch::SIZE).min(scratch::SIZE);
            // SAFETY: the scratch buffer has room for `size` bytes.
            let bytes = match unsafe { c.recv(scratch::start(), size) } {
                Received::Bytes(bytes) => bytes,
                Received::Again if c.listen() => return (dropped, Came::Wait),
                Received::Again => return (dropped, Came::Failed),
                // An incomplete frame is an error, whatever its type (RFC 9114, section 7.1).
                Received::Eof if self.is_within_frame() => return (dropped, Came::Failed),
                Received::Eof => return (dropped, Came::Whole),
                Received::Failed => return (dropped, Came::Closed),
            };
            // SAFETY: an `ngx_buf_t` may be all zeros.
            let mut buffer: ngx_buf_t = unsafe { mem::zeroed() };
            buffer.pos = scratch::start();
            buffer.last = buffer.pos.wrapping_add(bytes);
            if let Some(end) = self.drop_frames(&mut buffer, &mut dropped).end() {
                return (dropped, end);
            }
        }
        (dropped, Came::More)
    }

    /// Gives up one user of the request, perhaps the last.
    ///
    /// # Safety
    ///
    /// The user must have been counted. The call may end the request: no copy of it may be used afterwards.
    pub(crate) unsafe fn close(self) {
        let parent = self.parent();
        // SAFETY: the user was counted. No copy of the request is used afterwards, as the caller promises.
        unsafe { self.r.leave() };
        // nginx is reading a datagram. If it has ended this stream for one that begins there, it does not know that one yet, and
        // may take the connection for one without requests. Then it could end the connection within a call for the new request,
        // and crash. The connection outlives its streams.
        if parent.read().is_ready() {
            parent.set_reusable(false);
        }
    }

    /// Drops the bytes that nginx has read and not used.
    fn drop_ahead(self, dropped: &mut u64) -> Found {
        let r = self.r.as_ptr();
        // SAFETY: `r` is live. Its header's buffer, its body and the body's buffer are null, or live as long as it.
        let ahead = unsafe { [(*r).header_in, (*r).request_body.as_ref().map_or(ptr::null_mut(), |body| body.buf)] };
        let mut found = Found::Frames;
        for buffer in ahead {
            // SAFETY: the buffer is null, or belongs to the live request.
            match unsafe { buffer.as_mut() } {
                Some(buffer) if found == Found::Frames => found = self.drop_frames(buffer, dropped),
                _ => (),
            }
        }
        found
    }

    /// Drops the DATA frames in a buffer, and the frames of unknown types (RFC 9114, section 9). Stops where trailers
    /// begin. Only the frame headers go to nginx's parser, a byte at a time. It would skip the payload of a frame of
    /// unknown type, too, but it would keep that length as if it were the length of a body.
    fn drop_frames(self, buffer: &mut ngx_buf_t, dropped: &mut u64) -> Found {
        while buffer.pos < buffer.last {
            let (rest, is_data) = self.frame();
            if rest > 0 {
                let unread = (buffer.last as usize).saturating_sub(buffer.pos as usize);
                let size = unread.min(rest);
                buffer.pos = buffer.pos.wrapping_add(size);
                self.count(size, if is_data { size } else { 0 });
                self.take_off(size);
                if is_data {
                    *dropped = dropped.saturating_add(size as u64);
                } else if self.is_flooded() {
                    return Found::Error;
                }
                continue;
            }
            // SAFETY: `pos` is before `last`, so it points to a byte.
            let parsed = unsafe { self.parse_byte(buffer.pos) };
            buffer.pos = buffer.pos.wrapping_add(1);
            self.count(1, 0);
            if self.is_flooded() {
                return Found::Error;
            }
            const DONE: ngx_int_t = NGX_DONE as ngx_int_t;
            const OK: ngx_int_t = NGX_OK as ngx_int_t;
            const AGAIN: ngx_int_t = NGX_AGAIN as ngx_int_t;
            match parsed {
                DONE => {
                    buffer.pos = buffer.last;
                    return Found::Trailers;
                }
                OK | AGAIN => (),
                _ => return Found::Error,
            }
        }
        Found::Frames
    }

    /// Passes one byte of a frame header to nginx's parser. Returns the parser's result.
    ///
    /// # Safety
    ///
    /// `byte` must point to a valid byte.
    unsafe fn parse_byte(self, byte: *mut u8) -> ngx_int_t {
        // SAFETY: an `ngx_buf_t` may be all zeros.
        let mut head: ngx_buf_t = unsafe { mem::zeroed() };
        head.pos = byte;
        head.last = byte.wrapping_add(1);
        // SAFETY: connection and parser are those of a live request over HTTP/3. `byte` points to a valid byte, as the
        // caller promises.
        unsafe { ngx_http_v3_parse_data(self.r.connection().as_ptr(), self.parser(), &mut head) }
    }

    /// The state of nginx's parser of the body.
    fn parser(self) -> *mut ngx_http_v3_parse_data_t {
        // SAFETY: nginx gives each request over HTTP/3 a parser. Only the address of a member is taken.
        unsafe { ptr::addr_of_mut!((*(*self.r.as_ptr()).v3_parse).body) }
    }

    /// How many bytes are still to come of the frame whose header was parsed last, and whether it is a DATA frame.
    fn frame(self) -> (usize, bool) {
        // SAFETY: reads two members of the parser of a live request.
        let (length, kind) = unsafe { ((*self.parser()).length, (*self.parser()).type_) };
        (length, kind == NGX_HTTP_V3_FRAME_DATA as ngx_uint_t)
    }

    /// Returns whether the payload of a frame is incomplete.
    fn is_within_frame(self) -> bool {
        self.frame().0 > 0
    }

    /// Subtracts `size` bytes from what is still to come of a frame. They must be no more than that.
    fn take_off(self, size: usize) {
        // SAFETY: borrows a number of the parser of a live request.
        let length = unsafe { &mut (*self.parser()).length };
        *length = length.saturating_sub(size);
    }

    /// Counts bytes that have arrived (`size`), and the useful ones among them (`payload`), as nginx does.
    fn count(self, size: usize, payload: usize) {
        // SAFETY: borrows a number of a live request.
        let length = unsafe { &mut (*self.r.as_ptr()).request_length };
        *length = length.saturating_add_unsigned(size as u64);
        // SAFETY: the data of a connection over HTTP/3 is its `ngx_http_v3_session_t`. The connection outlives its
        // streams.
        let session = unsafe { &mut *(*self.parent().as_ptr()).data.cast::<ngx_http_v3_session_t>() };
        session.total_bytes = session.total_bytes.saturating_add_unsigned(size as u64);
        session.payload_bytes = session.payload_bytes.saturating_add_unsigned(payload as u64);
    }

    /// Returns whether so many useless bytes have arrived that nginx ends the connection.
    fn is_flooded(self) -> bool {
        // SAFETY: this is the connection of a live request over HTTP/3.
        unsafe { ngx_http_v3_check_flood(self.r.connection().as_ptr()) != NGX_OK as ngx_int_t }
    }
}
