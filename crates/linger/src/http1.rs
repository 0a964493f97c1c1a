//! The body of an HTTP/1.x request that nobody wants: read from the connection, and dropped.
//!
//! nginx is told that there is no body, so what is still to come of it is counted here and nowhere else. Bytes that need no
//! look are dropped in the kernel, much at a time.

use core::mem;
use core::ptr;
use std::io;

use nginx_sys::{
    ngx_buf_t, ngx_http_chunked_t, ngx_http_core_loc_conf_t, ngx_http_core_module, NGX_AGAIN, NGX_DONE,
    NGX_HTTP_LINGERING_OFF, NGX_OK,
};

use crate::scratch;
use crate::Came;
use nginx::shim;
use nginx::RawRequest;
use nginx::{Connection, Received};

/// How much is dropped at once, in bytes, before other connections have their turn.
const STEP: u64 = 4 << 20;

/// How much is looked at for the syntax of chunks, in bytes, before other connections have their turn.
const LOOKS: u64 = 32 << 10;

/// How much is looked at at a time.
const LOOK: u64 = 4 << 10;

/// Room for so much, in bytes, is worth reading to; see [`Body::look`].
const ROOM: usize = 64;

/// A client that has sent so much, in bytes, since the last look is worth waiting for.
const LIVELY: u64 = 64 << 10;

/// How much of what such a client sends is dropped at a time, in bytes: every waking up costs.
const BATCH: u64 = 512 << 10;

/// How much of a body can have passed into TLS and not out of it yet: a record (RFC 8446, section 5.1).
///
/// What is encrypted is as long as the body at least. So when as much as the body but a record is gone, little is still to
/// come, and nginx goes on to linger until the client closes.
const RECORD: u64 = 1 << 14;

/// What is still to come of a body.
#[derive(Clone, Copy)]
pub(crate) struct Body {
    rest: Rest,
    /// How much there must be to read for nginx to be woken up, in bytes.
    wake_up_for: libc::c_int,
    /// Whether the system cannot drop what comes over this connection without a buffer.
    wants_buffer: bool,
}

#[derive(Clone, Copy)]
enum Rest {
    /// So many bytes.
    Length(u64),
    /// What nginx's parser says when it has seen it.
    Chunks(ngx_http_chunked_t),
}

/// What [`find`] finds.
pub(crate) struct Found {
    /// How much of the body has been read ahead, in bytes.
    pub(crate) ahead: u64,
    /// Whether that is the end of the body; else what there is of it, and more is to come.
    pub(crate) came: Came,
    /// What is still to come.
    pub(crate) body: Body,
    /// Where it has been read ahead to, and what is left there when the body is gone.
    buffer: *mut ngx_buf_t,
    left: *mut u8,
    reader: Reader,
}

/// Who reads a body that is still to come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Nobody.
    None,
    /// nginx, for itself or an upstream.
    Keeping,
    /// nginx, which discards it, and counts one user of the request for that.
    Discarding,
}

/// Finds what is to come of the body of a request, and changes nothing; `None` if it has no body, or all of it has been read.
/// For main requests over HTTP/1.x.
pub(crate) fn find(r: RawRequest<'_>) -> Option<Found> {
    let (rest, buffer, reader) = unread(r)?;
    let mut body = Body { rest, wake_up_for: 1, wants_buffer: false };
    // SAFETY: where there is a buffer, it is that of the request's header or of its body. This is a copy.
    let copy = unsafe { buffer.as_ref() }.copied();
    let (ahead, came, left) = match copy {
        // SAFETY: what is between the two pointers of one of nginx's buffers is there.
        Some(mut copy) => unsafe {
            let (ahead, came) = body.feed(r, &mut copy);
            (ahead, came, copy.pos)
        },
        None => (0, Came::Wait, ptr::null_mut()),
    };
    Some(Found { ahead, came, body, buffer, left, reader })
}

/// What is still to come of a body from where nginx has got to, where it has been read ahead to, and by whom it is read.
fn unread(r: RawRequest<'_>) -> Option<(Rest, *mut ngx_buf_t, Reader)> {
    // SAFETY: a number of a live request, and a buffer and a body that it has or not.
    let (length, header, read) = unsafe {
        let r = r.as_ptr();
        ((*r).headers_in.content_length_n, (*r).header_in, (*r).request_body.as_ref())
    };
    // SAFETY: while nginx reads or discards a body in chunks, the body has the state of these.
    let chunks = read.and_then(|read| unsafe { read.chunked.as_ref() }).copied().map(Rest::Chunks);
    if r.is_body_discarded() {
        let rest = if r.is_chunked() { chunks? } else { Rest::length(length) };
        return Some((rest, ptr::null_mut(), Reader::Discarding));
    }
    if let Some(read) = read {
        let rest = chunks.unwrap_or_else(|| Rest::length(read.rest));
        return (read.rest > 0).then_some((rest, read.buf, Reader::Keeping));
    }
    if r.is_chunked() {
        // SAFETY: an `ngx_http_chunked_t` that is all zeros is the parser's state at the beginning.
        return Some((Rest::Chunks(unsafe { mem::zeroed() }), header, Reader::None));
    }
    (length > 0).then_some((Rest::length(length), header, Reader::None))
}

impl Found {
    /// Whether some of the body is still to come.
    pub(crate) fn is_unfinished(&self) -> bool {
        !matches!(self.came, Came::Whole | Came::Malformed)
    }

    /// Takes it away from whoever reads or discards it. Where some is still to come, the request has a user for that. The
    /// request has to be told that there is no body ([`Request::forget_body`](nginx::Request::forget_body)).
    pub(crate) fn take(&self, r: RawRequest<'_>) {
        match self.reader {
            Reader::None => (),
            Reader::Keeping => {
                r.block_reading();
                r.connection().read().stop_timer();
                // As nginx has it where it ends a request whose body it has read in part.
                r.clear_keepalive();
            }
            Reader::Discarding => {
                // SAFETY: writes a bit of a live request. The one user whom nginx counts for this is us now.
                unsafe { shim::nginx_shim_set_discard_body(r.as_ptr(), 0) };
                r.block_reading();
            }
        }
        // SAFETY: the buffer that it was found in, if any.
        if let Some(buffer) = unsafe { self.buffer.as_mut() } {
            buffer.pos = self.left;
        }
        if self.reader != Reader::Discarding && self.is_unfinished() {
            r.add_user();
        }
    }
}

impl Rest {
    fn length(bytes: i64) -> Self {
        Self::Length(u64::try_from(bytes).unwrap_or(0))
    }
}

/// What can be dropped without looking at it.
struct Bulk {
    /// How much that is, in bytes, at least 1.
    size: u64,
    /// Whether it is dropped as it comes over the wire, in TLS records too; else as it comes out of the connection.
    is_raw: bool,
}

impl Body {
    /// Whether nginx is woken up only when there is much to read.
    pub(crate) fn is_waiting(&self) -> bool {
        self.wake_up_for > 1
    }

    /// Takes what belongs to the body out of a buffer. Returns how many bytes, and what came of it.
    ///
    /// # Safety
    ///
    /// What is between the two pointers of the buffer must be there.
    unsafe fn feed(&mut self, r: RawRequest<'_>, buffer: &mut ngx_buf_t) -> (u64, Came) {
        let mut dropped = 0_u64;
        loop {
            let inside = match &mut self.rest {
                Rest::Length(0) => return (dropped, Came::Whole),
                Rest::Length(rest) => rest,
                Rest::Chunks(chunks) => {
                    let before = buffer.pos as u64;
                    // SAFETY: a live request, and a buffer whose bytes are there, says the caller.
                    let parsed = unsafe { shim::nginx_shim_parse_chunked(r.as_ptr(), buffer, chunks) };
                    dropped = dropped.saturating_add((buffer.pos as u64).saturating_sub(before));
                    const OK: isize = NGX_OK as isize;
                    const DONE: isize = NGX_DONE as isize;
                    const AGAIN: isize = NGX_AGAIN as isize;
                    match parsed {
                        OK => {
                            let inside = take(buffer, u64::try_from(chunks.size).unwrap_or(0));
                            chunks.size = chunks.size.saturating_sub_unsigned(inside);
                            dropped = dropped.saturating_add(inside);
                            continue;
                        }
                        DONE => {
                            self.rest = Rest::Length(0);
                            return (dropped, Came::Whole);
                        }
                        AGAIN => return (dropped, Came::Wait),
                        _ => return (dropped, Came::Malformed),
                    }
                }
            };
            let taken = take(buffer, *inside);
            if taken == 0 {
                return (dropped, Came::Wait);
            }
            *inside = inside.saturating_sub(taken);
            dropped = dropped.saturating_add(taken);
        }
    }

    /// What can be dropped without looking at it, if anything can.
    fn bulk(&self, r: RawRequest<'_>) -> Option<Bulk> {
        let is_tls = r.connection().is_tls();
        let is_raw = !is_tls && !self.wants_buffer;
        // A connection that is to be closed need not decrypt what it drops, if it may linger for what little is left.
        let is_sealed = is_tls && !self.wants_buffer && !r.is_kept_alive() && may_linger(r);
        match &self.rest {
            Rest::Length(rest) if is_sealed => {
                (*rest > RECORD).then(|| Bulk { size: rest.saturating_sub(RECORD), is_raw: true })
            }
            Rest::Length(rest) => Some(Bulk { size: *rest, is_raw }),
            Rest::Chunks(chunks) => {
                let is_inside = chunks.size > 0 && is_inside_chunk(r, *chunks);
                is_inside.then(|| Bulk { size: chunks.size.unsigned_abs(), is_raw })
            }
        }
    }

    /// Takes off what was dropped of a bulk, which is no more than there was.
    fn take_off(&mut self, dropped: u64) {
        match &mut self.rest {
            Rest::Length(rest) => *rest = rest.saturating_sub(dropped),
            Rest::Chunks(chunks) => {
                chunks.size = chunks.size.saturating_sub_unsigned(dropped);
                chunks.length = chunks.length.saturating_sub_unsigned(dropped);
            }
        }
    }

    /// Reads, and drops, no more than `most` bytes. Returns how many, and what came of it.
    pub(crate) fn drop_some(&mut self, r: RawRequest<'_>, most: u64) -> (u64, Came) {
        let c = r.connection();
        let (mut dropped, mut looked) = (0_u64, 0_u64);
        loop {
            let left = most.min(STEP).saturating_sub(dropped);
            match self.rest {
                Rest::Length(0) => return (dropped, Came::Whole),
                _ if left == 0 || looked >= LOOKS => return (dropped, Came::More),
                _ => (),
            }
            match self.bulk(r) {
                Some(Bulk { size, is_raw: true }) => match self.drop_in_kernel(c, size.min(left)) {
                    // What the system cannot do, the next turn does.
                    Ok(0) => (),
                    Ok(bytes) => {
                        self.take_off(bytes);
                        dropped = dropped.saturating_add(bytes);
                        if bytes < size.min(left) && !c.read().is_eof_pending() {
                            return (dropped, self.wait(r, bytes, most.saturating_sub(dropped)));
                        }
                    }
                    Err(came) => return (dropped, came),
                },
                Some(Bulk { size, is_raw: false }) => {
                    let size = size.min(left).min(scratch::SIZE as u64);
                    // SAFETY: there is room for so much.
                    match unsafe { read(c, scratch::start(), size) } {
                        Ok(bytes) => {
                            self.take_off(bytes);
                            dropped = dropped.saturating_add(bytes);
                        }
                        Err(came) => return (dropped, came),
                    }
                }
                None => {
                    if let Rest::Length(unseen) = self.rest {
                        // The last record of what is sealed. nginx lingers until the client closes.
                        self.rest = Rest::Length(0);
                        return (dropped.saturating_add(unseen.min(left)), Came::Whole);
                    }
                    let (bytes, taken, came) = match self.look(r, left) {
                        Ok(found) => found,
                        Err(came) => return (dropped, came),
                    };
                    looked = looked.saturating_add(bytes);
                    dropped = dropped.saturating_add(taken);
                    if matches!(came, Came::Whole | Came::Malformed) {
                        return (dropped, came);
                    }
                }
            }
        }
    }

    /// Looks at the syntax of chunks, in no more than `most` bytes. Returns how many it has read, how many of them belong to the
    /// body, and what came.
    ///
    /// # Errors
    ///
    /// What came instead.
    fn look(&mut self, r: RawRequest<'_>, most: u64) -> Result<(u64, u64, Came), Came> {
        if !r.is_kept_alive() {
            return self.look_at(r, most.min(LOOK));
        }
        // What follows the body is the next request. nginx has requests that were sent ahead behind the header of this one: what
        // is read to there is not lost.
        // SAFETY: a live request over HTTP/1.x has a buffer for its header, which nobody else uses meanwhile.
        let buffer = unsafe { &mut *(*r.as_ptr()).header_in };
        let start = buffer.last;
        let room = (buffer.end as usize).saturating_sub(start as usize);
        if room < ROOM || buffer.pos != start {
            // No more than what is certain to belong to the body.
            let certain = match &self.rest {
                Rest::Chunks(chunks) => u64::try_from(chunks.length).unwrap_or(1),
                Rest::Length(rest) => *rest,
            };
            return self.look_at(r, most.min(LOOK).min(certain));
        }
        // SAFETY: there is room for so much.
        let bytes = unsafe { read(r.connection(), start, most.min(room as u64)) }?;
        buffer.last = start.wrapping_add(bytes as usize);
        // SAFETY: so many bytes were read to there.
        let (taken, came) = unsafe { self.feed(r, buffer) };
        if buffer.pos == buffer.last {
            (buffer.pos, buffer.last) = (start, start);
        }
        Ok((bytes, taken, came))
    }

    /// The same in `size` bytes, or 1, of which none is needed any more.
    ///
    /// # Errors
    ///
    /// What came instead.
    fn look_at(&mut self, r: RawRequest<'_>, size: u64) -> Result<(u64, u64, Came), Came> {
        // SAFETY: an `ngx_buf_t` may be all zeros.
        let mut buffer: ngx_buf_t = unsafe { mem::zeroed() };
        buffer.pos = scratch::start();
        // SAFETY: there is room for so much.
        let bytes = unsafe { read(r.connection(), buffer.pos, size) }?;
        buffer.last = buffer.pos.wrapping_add(bytes as usize);
        // SAFETY: so many bytes were read to there.
        let (taken, came) = unsafe { self.feed(r, &mut buffer) };
        Ok((bytes, taken, came))
    }

    /// There is nothing to read now, after so many bytes: waits for more, or for much more of a client that sends much, of which
    /// no more than `most` bytes may be read.
    fn wait(&mut self, r: RawRequest<'_>, last: u64, most: u64) -> Came {
        let c = r.connection();
        let rest = match self.rest {
            Rest::Length(rest) if last >= LIVELY && r.is_done() => rest.min(most).min(BATCH),
            _ => 1,
        };
        self.wake_up_for(c, rest);
        c.read().set_ready(false);
        listen(c)
    }

    /// Has nginx woken up only when so many bytes can be read, or when the client sends no more (SO_RCVLOWAT, socket(7)).
    pub(crate) fn wake_up_for(&mut self, c: Connection, bytes: u64) {
        let bytes = libc::c_int::try_from(bytes.max(1)).unwrap_or(libc::c_int::MAX);
        if mem::replace(&mut self.wake_up_for, bytes) != bytes {
            let size = mem::size_of_val(&bytes) as libc::socklen_t;
            let bytes = ptr::addr_of!(bytes).cast();
            // SAFETY: the call reads an int. Where it fails nginx is woken up more often, that is all.
            unsafe { libc::setsockopt(c.socket(), libc::SOL_SOCKET, libc::SO_RCVLOWAT, bytes, size) };
        }
    }

    /// Has the kernel drop up to `most` bytes, at least 1, of what has come over a connection. Returns how many; 0 if it
    /// turns out that it cannot ([`wants_buffer`](Self::wants_buffer)).
    ///
    /// # Errors
    ///
    /// What came instead.
    fn drop_in_kernel(&mut self, c: Connection, most: u64) -> Result<u64, Came> {
        match recv_truncated(c.socket(), most) {
            Ok(0) => {
                c.read().set_eof();
                Err(Came::Closed)
            }
            Ok(bytes) => {
                c.read().forget_available();
                Ok(bytes)
            }
            Err(libc::EAGAIN) => {
                c.read().set_ready(false);
                Err(listen(c))
            }
            // Not TCP, or TLS in the kernel.
            Err(libc::EFAULT | libc::EINVAL | libc::EOPNOTSUPP) => {
                self.wants_buffer = true;
                Ok(0)
            }
            Err(error) => {
                c.read().set_eof();
                c.report(error, c"recv() failed");
                Err(Came::Failed)
            }
        }
    }
}

/// Takes up to `most` bytes out of a buffer. Returns how many.
fn take(buffer: &mut ngx_buf_t, most: u64) -> u64 {
    let taken = (buffer.last as u64).saturating_sub(buffer.pos as u64).min(most);
    buffer.pos = buffer.pos.wrapping_add(taken as usize);
    taken
}

/// Whether the next byte of a body in chunks belongs to the inside of a chunk. The states of nginx's parser have no public names;
/// but it has only then an answer when it is given one byte that is no part of the syntax.
fn is_inside_chunk(r: RawRequest<'_>, mut chunks: ngx_http_chunked_t) -> bool {
    let mut byte = b'x';
    // SAFETY: an `ngx_buf_t` may be all zeros.
    let mut buffer: ngx_buf_t = unsafe { mem::zeroed() };
    buffer.pos = &mut byte;
    buffer.last = buffer.pos.wrapping_add(1);
    // SAFETY: a live request, a buffer of one byte, and a copy of the parser's state.
    unsafe { shim::nginx_shim_parse_chunked(r.as_ptr(), &mut buffer, &mut chunks) == NGX_OK as isize }
}

/// Whether the connection may linger when the request has ended.
fn may_linger(r: RawRequest<'_>) -> bool {
    // SAFETY: the core module has a configuration in each location, and nginx has set its place.
    let conf = unsafe { *(*r.as_ptr()).loc_conf.add((*ptr::addr_of!(ngx_http_core_module)).ctx_index) };
    // SAFETY: a number of that configuration.
    unsafe { (*conf.cast::<ngx_http_core_loc_conf_t>()).lingering_close != NGX_HTTP_LINGERING_OFF as usize }
}

/// Reads up to `size` bytes, at least 1, as nginx reads from the connection. Returns how many.
///
/// # Errors
///
/// What came instead.
///
/// # Safety
///
/// There must be room for them.
unsafe fn read(c: Connection, to: *mut u8, size: u64) -> Result<u64, Came> {
    // SAFETY: up to the caller.
    match unsafe { c.recv(to, size.max(1) as usize) } {
        Received::Bytes(bytes) => Ok(bytes as u64),
        Received::Again => Err(listen(c)),
        Received::Eof => Err(Came::Closed),
        Received::Failed => Err(Came::Failed),
    }
}

/// Has nginx tell when there is something to read again.
fn listen(c: Connection) -> Came {
    if c.listen() {
        Came::Wait
    } else {
        Came::Failed
    }
}

/// Reads up to `most` bytes from a socket without copying them anywhere. Returns how many.
///
/// # Errors
///
/// The system's.
#[cfg(target_os = "linux")]
fn recv_truncated(fd: i32, most: u64) -> Result<u64, i32> {
    loop {
        // SAFETY: with MSG_TRUNC a TCP socket drops what it reads and needs no buffer; others answer with EFAULT.
        let result = unsafe { libc::recv(fd, ptr::null_mut(), most as usize, libc::MSG_TRUNC) };
        if let Ok(dropped) = u64::try_from(result) {
            return Ok(dropped);
        }
        match io::Error::last_os_error().raw_os_error() {
            Some(libc::EINTR) => (),
            error => return Err(error.unwrap_or(libc::EINVAL)),
        }
    }
}

/// Elsewhere there is no such thing.
#[cfg(not(target_os = "linux"))]
fn recv_truncated(_fd: i32, _most: u64) -> Result<u64, i32> {
    Err(libc::EOPNOTSUPP)
}
