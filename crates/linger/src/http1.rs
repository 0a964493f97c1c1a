//! Reads the unwanted body of an HTTP/1.x request from the connection, and drops it.
//!
//! For nginx there is no body, so the bytes still to come are counted only here. The kernel drops bytes that need not
//! be looked at, many at a time.

use core::mem;
use core::ptr;

use nginx_sys::{
    ngx_buf_t, ngx_http_chunked_t, ngx_http_core_loc_conf_t, ngx_http_core_module, NGX_AGAIN, NGX_DONE,
    NGX_HTTP_LINGERING_OFF, NGX_OK,
};

use crate::bulk::recv_truncated;
use crate::scratch;
use crate::{Came, NOTICE};
use nginx::shim;
use nginx::{now, Connection, RawRequest, Received};

/// How many bytes are dropped before other connections have their turn.
const STEP: u64 = 4 << 20;

/// How many bytes are parsed for chunks before other connections have their turn.
const LOOKS: u64 = 32 << 10;

/// How many bytes are parsed for chunks at a time.
const LOOK: u64 = 4 << 10;

/// The least room in a buffer, in bytes, that is worth reading into; see [`Body::look`].
const ROOM: usize = 64;

/// The least size of a read, in bytes, after which the next read waits for much more; see [`Body::wait`].
const LIVELY: u64 = 64 << 10;

/// How many bytes that next read waits for at most: each wake-up costs time.
const BATCH: u64 = 512 << 10;

/// How long that read waits at most, in milliseconds, while it is unknown how much is still to come.
const SOON: u64 = 100;

/// How much of a body, in bytes, is decrypted to find its end, and how much of the syntax of a chunked body is parsed. If
/// there is more, that is dropped unseen, and the drain ends when the client closes.
const SEEN: u64 = 1 << 20;

/// How long, in milliseconds, a client has to be silent to have sent all of a body that is dropped unseen, when at least
/// as many bytes as were declared have come. Encrypted they are more, by how much depends on the client's records. A client
/// that has not sent all may take an end of the connection for a failure.
const SILENT: u64 = NOTICE;

/// How long, in milliseconds, a client may take to acknowledge an answer: as long as nginx lingers by default.
const OWED: u64 = 30_000;

/// The rest of a body.
#[derive(Clone, Copy)]
pub(crate) struct Body {
    rest: Rest,
    /// How many bytes have been read of a chunked body, and how many of them are not data: sizes of chunks, extensions,
    /// trailers.
    seen: u64,
    syntax: u64,
    /// How many bytes must be readable for nginx to be woken up.
    wake_up_for: libc::c_int,
    /// Whether the system needs a buffer to drop what arrives over this connection. A kernel that does TLS takes it for a
    /// failure, which ends the connection, when [`recv_truncated`] gives it none.
    wants_buffer: bool,
    /// Until when the client may take to acknowledge an answer that is sent when nothing more is read ([`now`]); 0 before that.
    owed_until: u64,
}

#[derive(Clone, Copy)]
enum Rest {
    /// The number of bytes.
    Length(u64),
    /// The state of nginx's parser: the length is known only when the parser has seen the end.
    Chunks(ngx_http_chunked_t),
    /// Nobody will know: it is dropped without being decrypted or parsed, until the client closes.
    Unseen {
        /// How many bytes are still to come at least; `None` for a chunked body.
        least: Option<u64>,
        /// When some of it came last, in milliseconds ([`now`]).
        last: u64,
        /// Whether the client has been told that nothing more will be sent.
        is_told: bool,
    },
}

/// The result of [`find`].
pub(crate) struct Found {
    /// How much of the body has been read ahead, in bytes.
    pub(crate) ahead: u64,
    /// `Whole` if the body ends with these bytes, `Malformed` if they are invalid, `Wait` if more is to come.
    pub(crate) came: Came,
    /// The rest of the body.
    pub(crate) body: Body,
    /// The buffer with the bytes read ahead, or null. `left` is the position in it behind the body.
    buffer: *mut ngx_buf_t,
    left: *mut u8,
    reader: Reader,
}

/// Who reads the rest of a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Nobody.
    None,
    /// nginx, for itself or an upstream.
    Keeping,
    /// nginx, which discards it and counts one user of the request for that.
    Discarding,
}

/// Finds the rest of a request's body, and changes nothing; `None` if the request has no body, or all of it has been
/// read. `r` must be a main request over HTTP/1.x.
pub(crate) fn find(r: RawRequest<'_>) -> Option<Found> {
    let (rest, buffer, reader) = unread(r)?;
    let wants_buffer = r.connection().is_decrypted_by_kernel();
    let mut body = Body { rest, seen: 0, syntax: 0, wake_up_for: 1, wants_buffer, owed_until: 0 };
    // SAFETY: `buffer` is null, or the buffer of the live request's header or body. It is copied.
    let copy = unsafe { buffer.as_ref() }.copied();
    let (ahead, came, left) = match copy {
        // SAFETY: the bytes between `pos` and `last` of one of nginx's buffers are valid.
        Some(mut copy) => unsafe {
            let (ahead, came) = body.feed(r, &mut copy);
            (ahead, came, copy.pos)
        },
        None => (0, Came::Wait, ptr::null_mut()),
    };
    Some(Found { ahead, came, body, buffer, left, reader })
}

/// The rest of a body after what nginx has read of it, the buffer with the bytes read ahead, and the reader; `None` if
/// nothing more is to come.
fn unread(r: RawRequest<'_>) -> Option<(Rest, *mut ngx_buf_t, Reader)> {
    // SAFETY: `r` is live. Its header's buffer and its body are null, or live as long as it.
    let (length, header, read) = unsafe {
        let r = r.as_ptr();
        ((*r).headers_in.content_length_n, (*r).header_in, (*r).request_body.as_ref())
    };
    // SAFETY: `chunked` is null, or the parser's state, which nginx keeps while it reads or discards a chunked body.
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
        // SAFETY: an `ngx_http_chunked_t` may be all zeros, which is the parser's initial state.
        return Some((Rest::Chunks(unsafe { mem::zeroed() }), header, Reader::None));
    }
    (length > 0).then_some((Rest::length(length), header, Reader::None))
}

impl Found {
    /// Returns whether more of the body is to come.
    pub(crate) fn is_unfinished(&self) -> bool {
        !matches!(self.came, Came::Whole | Came::Malformed)
    }

    /// Reads and drops what has arrived with the header: the rest of a body of which little is to come, for which nobody
    /// then has to wait; of any other what TLS has begun to read, for which TLS then needs no memory while the answer is
    /// made.
    pub(crate) fn drop_arrived(&mut self, r: RawRequest<'_>) {
        let (Rest::Length(rest), Reader::None) = (self.body.rest, self.reader) else {
            return;
        };
        let c = r.connection();
        let size = if rest <= LOOK { rest } else { rest.min(c.read_ahead() as u64).min(scratch::SIZE as u64) };
        if size == 0 {
            return;
        }
        // SAFETY: the scratch buffer has room for `size` bytes. Whoever reads next sees any end or error again.
        if let Received::Bytes(bytes) = unsafe { c.recv(scratch::start(), size as usize) } {
            self.body.take_off(bytes as u64);
            self.ahead = self.ahead.saturating_add(bytes as u64);
            if rest == bytes as u64 {
                self.came = Came::Whole;
            }
        }
    }

    /// Takes the body from its reader. If more of it is to come, the drain is a user of the request. The caller must
    /// call [`Request::forget_body`](nginx::Request::forget_body) afterwards.
    pub(crate) fn take(&self, r: RawRequest<'_>) {
        match self.reader {
            Reader::None => (),
            // nginx does the same when it ends a request whose body it has read in part.
            Reader::Keeping => r.clear_keepalive(),
            Reader::Discarding => {
                // SAFETY: writes a bit of a live request. The user that nginx counted for discarding becomes the
                // drain's.
                unsafe { shim::nginx_shim_set_discard_body(r.as_ptr(), 0) };
                r.block_reading();
                r.forget_lingering();
            }
        }
        // SAFETY: `buffer` is null, or the live request's buffer in which the bytes were found.
        if let Some(buffer) = unsafe { self.buffer.as_mut() } {
            buffer.pos = self.left;
        }
        if self.is_unfinished() && self.reader != Reader::Keeping {
            make_room(r);
        }
        if self.is_unfinished() && self.reader != Reader::Discarding {
            r.add_user();
        }
    }
}

/// Gives up what the buffer of the header has of the body, if all of that has been dropped and nobody has read it: the next
/// request needs room there.
fn make_room(r: RawRequest<'_>) {
    // SAFETY: a live request over HTTP/1.x has a buffer for its header.
    let (end, buffer) = unsafe { ((*r.as_ptr()).header_end, &mut *(*r.as_ptr()).header_in) };
    if buffer.pos != buffer.last || !(buffer.start..buffer.pos).contains(&end) {
        return;
    }
    // SAFETY: nginx has read the line end there, and what has been read since, to the same buffer.
    let line_end = if unsafe { *end } == b'\r' { 2 } else { 1 };
    let body = end.wrapping_add(line_end);
    if body <= buffer.pos {
        (buffer.pos, buffer.last) = (body, body);
    }
}

impl Rest {
    fn length(bytes: i64) -> Self {
        Self::Length(u64::try_from(bytes).unwrap_or(0))
    }
}

/// Bytes that can be dropped without looking at them.
struct Bulk {
    /// The number of bytes, at least 1.
    size: u64,
    /// Whether the bytes are dropped as they come over the wire, TLS records included. Otherwise they are dropped as
    /// they come out of the connection.
    is_raw: bool,
}

impl Body {
    /// Returns whether an answer is still to be sent, or to be acknowledged, that was being sent when nothing more was read.
    pub(crate) fn owes_answer(&mut self, is_done: bool) -> bool {
        if !is_done {
            self.owed_until = now().saturating_add(OWED);
        }
        now() < self.owed_until
    }

    /// How long the kernel may wait for more than one byte before it wakes nginx up, in milliseconds; `None` if it does
    /// not wait.
    pub(crate) fn notice(&self) -> Option<u64> {
        // The end of a chunked body may be among fewer bytes, and the client wait for what follows it.
        let notice = if matches!(self.rest, Rest::Chunks(_)) { SOON } else { NOTICE };
        (self.wake_up_for > 1).then_some(notice)
    }

    /// Takes the bytes of the body out of a buffer. Returns the number of bytes, and the result.
    ///
    /// # Safety
    ///
    /// The bytes between `pos` and `last` of the buffer must be valid.
    unsafe fn feed(&mut self, r: RawRequest<'_>, buffer: &mut ngx_buf_t) -> (u64, Came) {
        let mut dropped = 0_u64;
        loop {
            let inside = match &mut self.rest {
                Rest::Length(0) => return (dropped, Came::Whole),
                Rest::Length(rest) => rest,
                // What is dropped unseen is in no buffer.
                Rest::Unseen { .. } => return (dropped, Came::Wait),
                Rest::Chunks(chunks) => {
                    let before = buffer.pos as u64;
                    // SAFETY: `r` is live, and the buffer's bytes are valid, as the caller promises.
                    let parsed = unsafe { shim::nginx_shim_parse_chunked(r.as_ptr(), buffer, chunks) };
                    let syntax = (buffer.pos as u64).saturating_sub(before);
                    self.syntax = self.syntax.saturating_add(syntax);
                    dropped = dropped.saturating_add(syntax);
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

    /// Returns whether the rest need not be decrypted or parsed: there is much of it, and the connection will be closed and
    /// may linger for what is left.
    fn is_unseen(&self, r: RawRequest<'_>) -> bool {
        let is_tls = r.connection().is_tls();
        let is_much = match self.rest {
            Rest::Length(rest) => is_tls && rest > SEEN,
            Rest::Chunks(_) => self.syntax >= SEEN || (is_tls && self.seen >= SEEN),
            Rest::Unseen { .. } => return true,
        };
        is_much && !self.wants_buffer && !r.is_kept_alive() && may_linger(r)
    }

    /// Returns whether as much has come, unseen, as was declared.
    const fn is_enough(&self) -> bool {
        matches!(self.rest, Rest::Unseen { least: Some(0), .. })
    }

    /// How many bytes can be dropped unseen, if the rest is to be.
    const fn unseen(&self) -> u64 {
        match self.rest {
            Rest::Length(rest) | Rest::Unseen { least: Some(rest @ 1..), .. } => rest,
            Rest::Chunks(_) | Rest::Unseen { .. } => u64::MAX,
        }
    }

    /// The bytes that can be dropped without looking at them, if there are any.
    fn bulk(&self, r: RawRequest<'_>) -> Option<Bulk> {
        let is_raw = !r.connection().is_tls() && !self.wants_buffer;
        match &self.rest {
            Rest::Length(rest) => Some(Bulk { size: *rest, is_raw }),
            Rest::Chunks(chunks) => {
                let is_inside = chunks.size > 0 && is_inside_chunk(r, *chunks);
                is_inside.then(|| Bulk { size: chunks.size.unsigned_abs(), is_raw })
            }
            Rest::Unseen { .. } => Some(Bulk { size: self.unseen(), is_raw: true }),
        }
    }

    /// Subtracts `dropped` bytes of a bulk from the rest. They must be no more than the bulk.
    fn take_off(&mut self, dropped: u64) {
        match &mut self.rest {
            Rest::Length(rest) => *rest = rest.saturating_sub(dropped),
            Rest::Chunks(chunks) => {
                chunks.size = chunks.size.saturating_sub_unsigned(dropped);
                chunks.length = chunks.length.saturating_sub_unsigned(dropped);
                self.seen = self.seen.saturating_add(dropped);
            }
            Rest::Unseen { .. } => (),
        }
    }

    /// Subtracts `dropped` bytes that nobody has seen from the rest. The end of the body cannot be found any more.
    fn take_off_unseen(&mut self, dropped: u64) {
        let (least, is_told) = match self.rest {
            Rest::Length(rest) => (Some(rest), false),
            Rest::Chunks(_) => (None, false),
            Rest::Unseen { least, is_told, .. } => (least, is_told),
        };
        let least = least.map(|least| least.saturating_sub(dropped));
        self.rest = Rest::Unseen { least, last: now(), is_told };
    }

    /// Reads and drops no more than `most` bytes. Returns the number of bytes, and the result.
    pub(crate) fn drop_some(&mut self, r: RawRequest<'_>, most: u64) -> (u64, Came) {
        let c = r.connection();
        let (mut dropped, mut looked) = (0_u64, 0_u64);
        loop {
            let left = most.min(STEP).saturating_sub(dropped);
            match self.rest {
                Rest::Length(0) => return (dropped, Came::Whole),
                // Nothing of what was declared can be missing that may still be dropped.
                _ if dropped == most && self.is_enough() => return (dropped, Came::Whole),
                _ if left == 0 || looked >= LOOKS => return (dropped, Came::More),
                _ => (),
            }
            let is_unseen = self.is_unseen(r);
            // What TLS has begun to read is read to the end of its record, so that TLS needs no memory for it.
            let (bulk, left) = match is_unseen.then(|| c.read_ahead() as u64) {
                Some(0) => (Some(Bulk { size: self.unseen(), is_raw: true }), left),
                Some(ahead) => (self.bulk(r), left.min(ahead)),
                None => (self.bulk(r), left),
            };
            match bulk {
                Some(Bulk { size, is_raw: true }) => match self.drop_in_kernel(c, size.min(left)) {
                    // The system needs a buffer, which the next turn uses.
                    Ok(0) => (),
                    Ok(bytes) => {
                        if is_unseen {
                            self.take_off_unseen(bytes);
                        } else {
                            self.take_off(bytes);
                        }
                        dropped = dropped.saturating_add(bytes);
                        if bytes < size.min(left) && !c.read().is_eof_pending() {
                            return (dropped, self.wait(r, dropped, most.saturating_sub(dropped)));
                        }
                    }
                    Err(came) => return (dropped, self.unseen_end(r, came)),
                },
                Some(Bulk { size, is_raw: false }) => {
                    let size = size.min(left).min(scratch::SIZE as u64);
                    // SAFETY: the scratch buffer has room for `size` bytes.
                    match unsafe { read(c, scratch::start(), size) } {
                        Ok(bytes) => {
                            self.take_off(bytes);
                            dropped = dropped.saturating_add(bytes);
                        }
                        Err(came) => return (dropped, came),
                    }
                }
                None => {
                    let (bytes, taken, came) = match self.look(r, left) {
                        Ok(found) => found,
                        Err(Came::Wait) if !c.is_tls() && !self.wants_buffer => {
                            return (dropped, self.wait(r, dropped, most.saturating_sub(dropped)));
                        }
                        Err(came) => return (dropped, came),
                    };
                    looked = looked.saturating_add(bytes);
                    dropped = dropped.saturating_add(taken);
                    self.seen = self.seen.saturating_add(taken);
                    if matches!(came, Came::Whole | Came::Malformed) {
                        return (dropped, came);
                    }
                }
            }
        }
    }

    /// Reads no more than `most` bytes, and parses the chunks in them. Returns how many bytes were read, how many of
    /// them belong to the body, and the result.
    ///
    /// # Errors
    ///
    /// The result, if no bytes were read.
    fn look(&mut self, r: RawRequest<'_>, most: u64) -> Result<(u64, u64, Came), Came> {
        if !r.is_kept_alive() {
            return self.look_at(r, most.min(LOOK));
        }
        // The next request follows the body. nginx keeps pipelined requests in the buffer of this one's header, behind
        // the header. Bytes of the next request that are read into that buffer are not lost.
        // SAFETY: a live request over HTTP/1.x has a buffer for its header. Nobody else uses it meanwhile.
        let buffer = unsafe { &mut *(*r.as_ptr()).header_in };
        let start = buffer.last;
        let room = (buffer.end as usize).saturating_sub(start as usize);
        if room < ROOM || buffer.pos != start {
            if self.syntax >= LOOK {
                // Nearly byte by byte, one client would keep the worker busy.
                r.clear_keepalive();
                return self.look_at(r, most.min(LOOK));
            }
            // Reads only bytes that certainly belong to the body.
            let certain = match &self.rest {
                Rest::Chunks(chunks) => u64::try_from(chunks.length).unwrap_or(1),
                Rest::Length(rest) => *rest,
                Rest::Unseen { .. } => 1,
            };
            return self.look_at(r, most.min(LOOK).min(certain));
        }
        // SAFETY: the buffer has `room` bytes of room at `start`.
        let bytes = unsafe { read(r.connection(), start, most.min(room as u64)) }?;
        buffer.last = start.wrapping_add(bytes as usize);
        // SAFETY: `bytes` bytes have been read to `start`.
        let (taken, came) = unsafe { self.feed(r, buffer) };
        if buffer.pos == buffer.last {
            (buffer.pos, buffer.last) = (start, start);
        }
        Ok((bytes, taken, came))
    }

    /// As [`look`](Self::look), but reads up to `size` bytes, at least 1, into the scratch buffer. Nobody may need
    /// these bytes afterwards.
    ///
    /// # Errors
    ///
    /// The result, if no bytes were read.
    fn look_at(&mut self, r: RawRequest<'_>, size: u64) -> Result<(u64, u64, Came), Came> {
        // SAFETY: an `ngx_buf_t` may be all zeros.
        let mut buffer: ngx_buf_t = unsafe { mem::zeroed() };
        buffer.pos = scratch::start();
        // SAFETY: the scratch buffer has room for `size` bytes, which is at most [`LOOK`].
        let bytes = unsafe { read(r.connection(), buffer.pos, size) }?;
        buffer.last = buffer.pos.wrapping_add(bytes as usize);
        // SAFETY: `bytes` bytes have been read to `pos`.
        let (taken, came) = unsafe { self.feed(r, &mut buffer) };
        Ok((bytes, taken, came))
    }

    /// Waits for more, when there is nothing to read now. If at least [`LIVELY`] bytes have just come (`last`), it waits for
    /// many bytes at once, but for no more than `most`.
    fn wait(&mut self, r: RawRequest<'_>, last: u64, most: u64) -> Came {
        let c = r.connection();
        let certain = match &self.rest {
            Rest::Length(rest) => *rest,
            // The next request may follow.
            Rest::Chunks(chunks) if r.is_kept_alive() => u64::try_from(chunks.length).unwrap_or(1),
            Rest::Unseen { least: Some(least), .. } => *least,
            Rest::Unseen { least: None, .. } | Rest::Chunks(_) => u64::MAX,
        };
        let is_lively = last >= LIVELY && r.is_done();
        self.wake_up_for(c, if is_lively { certain.min(most).min(BATCH) } else { 1 });
        c.read().set_ready(false);
        listen(c)
    }

    /// After how long to look whether something has come, the client has been silent for long enough, or
    /// [`tell`](Self::tell) has something to tell, in milliseconds; `None` if it is enough to wait for the client.
    pub(crate) fn next_look(&self, r: RawRequest<'_>) -> Option<u64> {
        let until_silent = self.until_silent(r).map(|until| if until == 0 { NOTICE } else { until });
        [self.notice(), until_silent].into_iter().flatten().min()
    }

    /// How long the client has to be silent still, in milliseconds, for all to have come, or to be told that nothing more
    /// will be sent; `None` if its silence means nothing.
    fn until_silent(&self, r: RawRequest<'_>) -> Option<u64> {
        let (last, silent) = match self.rest {
            Rest::Unseen { least: Some(0), last, .. } => (last, SILENT),
            Rest::Unseen { least: None, last, is_told: false } => (last, lingering_timeout(r)),
            _ => return None,
        };
        Some(silent.saturating_sub(now().saturating_sub(last)))
    }

    /// The result for a body that is dropped unseen, where `came` is the result of reading: when as much has come as was
    /// declared, the client's silence or its end is the end of the body.
    fn unseen_end(&mut self, r: RawRequest<'_>, came: Came) -> Came {
        if !self.is_enough() {
            return came;
        }
        match came {
            Came::Closed | Came::Failed => Came::Whole,
            Came::Wait if self.until_silent(r) == Some(0) => Came::Whole,
            Came::Wait => {
                self.wake_up_for(r.connection(), 1);
                came
            }
            _ => came,
        }
    }

    /// Tells a client whose end nobody will see that nothing more will be sent, once it has been silent for
    /// `lingering_timeout`: it may be waiting for that. It must have acknowledged the answer.
    pub(crate) fn tell(&mut self, r: RawRequest<'_>) {
        if let (Some(0), Rest::Unseen { least: None, is_told, .. }) = (self.until_silent(r), &mut self.rest) {
            *is_told = true;
            r.connection().end_sending();
        }
    }

    /// Makes the kernel wake nginx up only when `bytes` bytes can be read, or when the client sends no more
    /// (SO_RCVLOWAT, socket(7)).
    pub(crate) fn wake_up_for(&mut self, c: Connection, bytes: u64) {
        let bytes = libc::c_int::try_from(bytes.max(1)).unwrap_or(libc::c_int::MAX);
        if mem::replace(&mut self.wake_up_for, bytes) != bytes {
            let size = mem::size_of_val(&bytes) as libc::socklen_t;
            let bytes = ptr::addr_of!(bytes).cast();
            // SAFETY: the call reads an int. If it fails, nginx is merely woken up more often.
            unsafe { libc::setsockopt(c.socket(), libc::SOL_SOCKET, libc::SO_RCVLOWAT, bytes, size) };
        }
    }

    /// Makes the kernel drop up to `most` bytes, at least 1, of what has arrived over a connection. Returns how many; 0
    /// if the kernel turns out to need a buffer ([`wants_buffer`](Self::wants_buffer)).
    ///
    /// # Errors
    ///
    /// The result, if no bytes were dropped.
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
            // The socket is not TCP.
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

/// Returns whether the next byte of a chunked body is data within a chunk. The states of nginx's parser have no public
/// names. But given a byte that is not part of the syntax, the parser returns NGX_OK only within a chunk.
fn is_inside_chunk(r: RawRequest<'_>, mut chunks: ngx_http_chunked_t) -> bool {
    let mut byte = b'x';
    // SAFETY: an `ngx_buf_t` may be all zeros.
    let mut buffer: ngx_buf_t = unsafe { mem::zeroed() };
    buffer.pos = &mut byte;
    buffer.last = buffer.pos.wrapping_add(1);
    // SAFETY: `r` is live, the buffer has one byte, and `chunks` is a copy of the parser's state.
    unsafe { shim::nginx_shim_parse_chunked(r.as_ptr(), &mut buffer, &mut chunks) == NGX_OK as isize }
}

/// Returns whether the connection may linger when the request has ended.
fn may_linger(r: RawRequest<'_>) -> bool {
    core_conf(r).lingering_close != NGX_HTTP_LINGERING_OFF as usize
}

/// nginx's `lingering_timeout`, in milliseconds.
fn lingering_timeout(r: RawRequest<'_>) -> u64 {
    core_conf(r).lingering_timeout as u64
}

/// The core module's configuration of the request's location.
fn core_conf<'r>(r: RawRequest<'r>) -> &'r ngx_http_core_loc_conf_t {
    // SAFETY: the core module has a configuration in each location, at the index that nginx has set.
    unsafe { &*(*(*r.as_ptr()).loc_conf.add((*ptr::addr_of!(ngx_http_core_module)).ctx_index)).cast() }
}

/// Reads up to `size` bytes, at least 1, with nginx's function for the connection. Returns how many.
///
/// # Errors
///
/// The result, if no bytes were read.
///
/// # Safety
///
/// `to` must have room for `size` bytes, at least 1.
unsafe fn read(c: Connection, to: *mut u8, size: u64) -> Result<u64, Came> {
    // SAFETY: `to` has room for as many bytes, as the caller promises.
    match unsafe { c.recv(to, size.max(1) as usize) } {
        Received::Bytes(bytes) => Ok(bytes as u64),
        Received::Again => Err(listen(c)),
        Received::Eof => Err(Came::Closed),
        Received::Failed => Err(Came::Failed),
    }
}

/// Makes nginx tell when there is something to read again. Returns [`Came::Wait`], or [`Came::Failed`] if nginx cannot.
fn listen(c: Connection) -> Came {
    if c.listen() {
        Came::Wait
    } else {
        Came::Failed
    }
}
