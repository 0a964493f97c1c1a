//! The body of an HTTP/1.x request that nobody wants: read from the connection, and dropped.
//!
//! nginx is told that there is no body, so what is still to come of it is counted here and nowhere else. Bytes that need no
//! look are dropped in the kernel, much at a time.

use core::mem;
use core::ptr;
use std::io;

use nginx_sys::{
    ngx_buf_t, ngx_connection_error, ngx_connection_t, ngx_err_t, ngx_handle_read_event, ngx_http_block_reading,
    ngx_http_chunked_t, ngx_http_request_t, NGX_AGAIN, NGX_DONE, NGX_OK,
};

use nginx::bits;

use crate::Came;

/// How much is dropped at once, in bytes, before other connections have their turn.
const STEP: u64 = 4 << 20;

/// How much is looked at for the syntax of chunks, in bytes, before other connections have their turn.
const LOOKS: u64 = 32 << 10;

/// How much is looked at at a time.
const LOOK: usize = 4 << 10;

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

/// What [`take`] found.
pub(crate) enum Found {
    /// The request has no body, or all of it has been read.
    Nothing,
    /// All of the body had been read ahead, so many bytes.
    Whole(u64),
    /// What had been read ahead is no chunk.
    Malformed(u64),
    /// So many bytes had been read ahead; this is still to come. The request has one more user.
    Rest(u64, Body),
}

/// Takes the body of a request away from whoever reads or discards it. The request has to be told that there is none
/// ([`Request::forget_body`](nginx::Request::forget_body)).
///
/// # Safety
///
/// `r` must be a live main request over HTTP/1.x.
pub(crate) unsafe fn take(r: *mut ngx_http_request_t) -> Found {
    // SAFETY: live, says the caller, and so are its connection, the buffer of its header, and its body with that one's buffer,
    // where it has one. While nginx discards or reads a body in chunks, that has the state of these.
    unsafe {
        let read = (*r).request_body;
        let (rest, ahead) = if bits::nginx_bits_discard_body(r) != 0 {
            let in_chunks = bits::nginx_bits_chunked(r) != 0;
            let rest =
                if in_chunks { Rest::Chunks(*(*read).chunked) } else { Rest::length((*r).headers_in.content_length_n) };
            // nginx counts one user who discards: that is us now.
            bits::nginx_bits_set_discard_body(r, 0);
            (*r).read_event_handler = Some(ngx_http_block_reading);
            return Found::Rest(0, Body::new(rest));
        } else if !read.is_null() {
            if (*read).rest <= 0 {
                return Found::Nothing;
            }
            (*r).read_event_handler = Some(ngx_http_block_reading);
            bits::nginx_bits_delete_read_timer((*r).connection);
            // As nginx has it where it ends a request whose body it has read in part.
            bits::nginx_bits_set_keepalive(r, 0);
            let rest =
                if (*read).chunked.is_null() { Rest::length((*read).rest) } else { Rest::Chunks(*(*read).chunked) };
            (rest, (*read).buf)
        } else if bits::nginx_bits_chunked(r) != 0 {
            (Rest::Chunks(mem::zeroed()), (*r).header_in)
        } else if (*r).headers_in.content_length_n > 0 {
            (Rest::length((*r).headers_in.content_length_n), (*r).header_in)
        } else {
            return Found::Nothing;
        };

        let mut body = Body::new(rest);
        let (dropped, came) = if ahead.is_null() { (0, Came::Wait) } else { body.feed(r, &mut *ahead) };
        match came {
            Came::Whole => Found::Whole(dropped),
            Came::Malformed => Found::Malformed(dropped),
            _ => {
                bits::nginx_bits_add_user(r);
                Found::Rest(dropped, body)
            }
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
    const fn new(rest: Rest) -> Self {
        Self { rest, wake_up_for: 1, wants_buffer: false }
    }

    /// Whether nginx is woken up only when there is much to read.
    pub(crate) fn is_waiting(&self) -> bool {
        self.wake_up_for > 1
    }

    /// Takes what belongs to the body out of a buffer.
    ///
    /// # Safety
    ///
    /// `r` must be the live request that the body is of.
    unsafe fn feed(&mut self, r: *mut ngx_http_request_t, buffer: &mut ngx_buf_t) -> (u64, Came) {
        let mut dropped = 0_u64;
        loop {
            let unread = (buffer.last as u64).saturating_sub(buffer.pos as u64);
            let inside = match &mut self.rest {
                Rest::Length(0) => return (dropped, Came::Whole),
                Rest::Length(rest) => rest,
                Rest::Chunks(chunks) => {
                    let before = buffer.pos as u64;
                    // SAFETY: the request is live, says the caller.
                    let parsed = unsafe { bits::nginx_bits_parse_chunked(r, buffer, chunks) };
                    dropped = dropped.saturating_add((buffer.pos as u64).saturating_sub(before));
                    const OK: isize = NGX_OK as isize;
                    const DONE: isize = NGX_DONE as isize;
                    const AGAIN: isize = NGX_AGAIN as isize;
                    match parsed {
                        OK => {
                            let unread = (buffer.last as u64).saturating_sub(buffer.pos as u64);
                            let inside = unread.min(u64::try_from(chunks.size).unwrap_or(0));
                            chunks.size = chunks.size.saturating_sub_unsigned(inside);
                            buffer.pos = buffer.pos.wrapping_add(inside as usize);
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
            if unread == 0 {
                return (dropped, Came::Wait);
            }
            let taken = unread.min(*inside);
            *inside = inside.saturating_sub(taken);
            buffer.pos = buffer.pos.wrapping_add(taken as usize);
            dropped = dropped.saturating_add(taken);
        }
    }

    /// What can be dropped without looking at it, if anything can.
    ///
    /// # Safety
    ///
    /// As for [`feed`](Self::feed).
    unsafe fn bulk(&mut self, r: *mut ngx_http_request_t) -> Option<Bulk> {
        // SAFETY: the request is live, says the caller, and so is its connection.
        unsafe {
            let is_tls = bits::nginx_bits_tls((*r).connection) != 0;
            // A connection that is to be closed need not decrypt what it drops, if it may linger for what little is left.
            let is_sealed = is_tls
                && !self.wants_buffer
                && bits::nginx_bits_keepalive(r) == 0
                && bits::nginx_bits_may_linger(r) != 0;
            match &mut self.rest {
                Rest::Length(rest) if is_sealed => {
                    (*rest > RECORD).then(|| Bulk { size: rest.saturating_sub(RECORD), is_raw: true })
                }
                Rest::Length(rest) => Some(Bulk { size: *rest, is_raw: !is_tls && !self.wants_buffer }),
                Rest::Chunks(chunks) => {
                    let is_inside = chunks.size > 0 && bits::nginx_bits_is_inside_chunk(r, chunks) != 0;
                    is_inside.then(|| Bulk { size: chunks.size.unsigned_abs(), is_raw: !is_tls && !self.wants_buffer })
                }
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
    ///
    /// # Safety
    ///
    /// As for [`feed`](Self::feed).
    pub(crate) unsafe fn drop_some(&mut self, r: *mut ngx_http_request_t, most: u64) -> (u64, Came) {
        let (mut dropped, mut looked) = (0_u64, 0_u64);
        // SAFETY: the request is live, says the caller, and so is its connection; the buffer is used by nobody else, on the one
        // thread.
        unsafe {
            let c = (*r).connection;
            loop {
                let left = most.min(STEP).saturating_sub(dropped);
                match self.rest {
                    Rest::Length(0) => return (dropped, Came::Whole),
                    _ if left == 0 || looked >= LOOKS => return (dropped, Came::More),
                    _ => (),
                }
                let bulk = self.bulk(r);
                if bulk.is_none() && matches!(self.rest, Rest::Length(_)) {
                    // The last record of what is sealed. nginx lingers until the client closes.
                    let Rest::Length(unseen) = mem::replace(&mut self.rest, Rest::Length(0)) else {
                        return (dropped, Came::Failed);
                    };
                    return (dropped.saturating_add(unseen.min(left)), Came::Whole);
                }

                match bulk {
                    Some(Bulk { size, is_raw: true }) => match self.drop_in_kernel(c, size.min(left)) {
                        // What the system cannot do, the next turn does.
                        Ok(0) => (),
                        Ok(bytes) => {
                            self.take_off(bytes);
                            dropped = dropped.saturating_add(bytes);
                            if bytes < size.min(left) && bits::nginx_bits_pending_eof(c) == 0 {
                                return self.wait(r, dropped, bytes, most);
                            }
                        }
                        Err(came) => return (dropped, came),
                    },
                    Some(Bulk { size, is_raw: false }) => {
                        match read(c, size.min(left).min(SCRATCH_SIZE as u64) as usize) {
                            Ok(bytes) => {
                                self.take_off(bytes);
                                dropped = dropped.saturating_add(bytes);
                            }
                            Err(came) => return (dropped, came),
                        }
                    }
                    None => {
                        // What follows the body on a connection that lives on is not ours to read.
                        let size = match &self.rest {
                            Rest::Chunks(chunks) if bits::nginx_bits_keepalive(r) != 0 => {
                                usize::try_from(chunks.length.max(1)).unwrap_or(1).min(LOOK)
                            }
                            _ => LOOK,
                        };
                        let bytes = match read(c, size.min(usize::try_from(left).unwrap_or(size))) {
                            Ok(bytes) => bytes,
                            Err(came) => return (dropped, came),
                        };
                        looked = looked.saturating_add(bytes);
                        let mut buffer: ngx_buf_t = mem::zeroed();
                        buffer.pos = ptr::addr_of_mut!(SCRATCH).cast();
                        buffer.last = buffer.pos.add(bytes as usize);
                        let (taken, came) = self.feed(r, &mut buffer);
                        dropped = dropped.saturating_add(taken);
                        if matches!(came, Came::Whole | Came::Malformed) {
                            return (dropped, came);
                        }
                    }
                }
            }
        }
    }

    /// There is nothing to read now: waits for more, or for much more of a client that sends much.
    ///
    /// # Safety
    ///
    /// As for [`feed`](Self::feed).
    unsafe fn wait(&mut self, r: *mut ngx_http_request_t, dropped: u64, last: u64, most: u64) -> (u64, Came) {
        // SAFETY: the request is live, says the caller, and so is its connection.
        unsafe {
            let c = (*r).connection;
            let is_lively = last >= LIVELY && bits::nginx_bits_done(r) != 0;
            let rest = match self.rest {
                Rest::Length(rest) if is_lively => rest.min(most.saturating_sub(dropped)).min(BATCH),
                _ => 1,
            };
            self.wake_up_for(c, rest);
            bits::nginx_bits_set_ready(c, 0);
            (dropped, listen(c))
        }
    }

    /// Has nginx woken up only when so many bytes can be read, or when the client sends no more (SO_RCVLOWAT, socket(7)).
    ///
    /// # Safety
    ///
    /// `c` must be the live connection of the request that the body is of.
    pub(crate) unsafe fn wake_up_for(&mut self, c: *mut ngx_connection_t, bytes: u64) {
        let bytes = libc::c_int::try_from(bytes.max(1)).unwrap_or(libc::c_int::MAX);
        if mem::replace(&mut self.wake_up_for, bytes) != bytes {
            let size = mem::size_of_val(&bytes) as libc::socklen_t;
            let bytes = ptr::addr_of!(bytes).cast();
            // SAFETY: live, says the caller; the call reads an int. Where it fails nginx is woken up more often, that is all.
            unsafe { libc::setsockopt((*c).fd, libc::SOL_SOCKET, libc::SO_RCVLOWAT, bytes, size) };
        }
    }

    /// Has the kernel drop up to `most` bytes, at least 1, of what has come over a connection. Returns how many; 0 if it
    /// turns out that it cannot ([`wants_buffer`](Self::wants_buffer)).
    ///
    /// # Errors
    ///
    /// What came instead.
    ///
    /// # Safety
    ///
    /// As for [`wake_up_for`](Self::wake_up_for).
    unsafe fn drop_in_kernel(&mut self, c: *mut ngx_connection_t, most: u64) -> Result<u64, Came> {
        // SAFETY: live, says the caller, and so are its events.
        unsafe {
            match recv_truncated((*c).fd, most) {
                Ok(0) => {
                    bits::nginx_bits_set_eof(c);
                    Err(Came::Closed)
                }
                Ok(bytes) => {
                    // nginx's own idea of how much there is to read.
                    (*(*c).read).available = -1;
                    Ok(bytes)
                }
                Err(libc::EAGAIN) => {
                    bits::nginx_bits_set_ready(c, 0);
                    Err(listen(c))
                }
                // Not TCP, or TLS in the kernel.
                Err(libc::EFAULT | libc::EINVAL | libc::EOPNOTSUPP) => {
                    self.wants_buffer = true;
                    Ok(0)
                }
                Err(error) => {
                    bits::nginx_bits_set_eof(c);
                    let text = c"recv() failed".as_ptr().cast_mut().cast();
                    ngx_connection_error(c, error as ngx_err_t, text);
                    Err(Came::Failed)
                }
            }
        }
    }
}

/// Where bytes go that are looked at, or cannot be dropped in the kernel.
static mut SCRATCH: [u8; SCRATCH_SIZE] = [0; SCRATCH_SIZE];
const SCRATCH_SIZE: usize = 64 << 10;

/// Reads up to `size` bytes, of which there is room for in [`SCRATCH`], as nginx reads from the connection. Returns how many.
///
/// # Errors
///
/// What came instead.
///
/// # Safety
///
/// `c` must be the live connection of a request over HTTP/1.x.
unsafe fn read(c: *mut ngx_connection_t, size: usize) -> Result<u64, Came> {
    // SAFETY: live, says the caller; the buffer is used by nobody else, on the one thread.
    unsafe {
        let Some(recv) = (*c).recv else {
            return Err(Came::Failed);
        };
        match recv(c, ptr::addr_of_mut!(SCRATCH).cast(), size.clamp(1, SCRATCH_SIZE)) {
            0 => Err(Came::Closed),
            again if again == NGX_AGAIN as isize => Err(listen(c)),
            bytes => u64::try_from(bytes).map_err(|_| Came::Failed),
        }
    }
}

/// Has nginx tell when there is something to read again.
///
/// # Safety
///
/// `c` must be a live connection.
unsafe fn listen(c: *mut ngx_connection_t) -> Came {
    // SAFETY: live, says the caller.
    if unsafe { ngx_handle_read_event((*c).read, 0) } == NGX_OK as isize {
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
