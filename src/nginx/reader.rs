//! How nginx reads from an HTTP/1.x connection while it drops a body, and how a module may do that in its place.
//!
//! nginx drops a body in two ways: it *discards* (`ngx_http_discard_request_body`) as long as it knows where the body
//! ends, and *lingers* (`ngx_http_set_lingering_close`) when it will close the connection anyway. Both read through the
//! connection's `recv`, a few KiB at a time, and that is what is replaced here: bytes that nobody looks at are dropped in
//! the kernel. nginx's counters are kept as if it had read them itself, and everything else remains its own.

use core::ptr;

use nginx_sys::{
    ngx_connection_error, ngx_connection_t, ngx_current_msec, ngx_err_t, ngx_http_discarded_request_body_handler,
    ngx_http_request_t, ngx_reusable_connection, off_t, u_char, NGX_AGAIN, NGX_ERROR,
};

use super::bulk::{self, Bulk, Progress, BATCH, LIVELY, STEP};
use super::{bits, state, HttpModule, Request};

/// What to do when nginx is about to read from a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Read as nginx would.
    AsUsual,
    /// Read, and drop, no more than so many bytes.
    Drop(u64),
    /// Do not read now, but let nginx try again as soon as it has dealt with other connections.
    Later,
    /// Do not read now, nor until nginx tries again for another reason.
    Wait,
    /// Do not read any more: end the request, and close the connection.
    Stop,
}

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// So many bytes, as they came over the wire or, where TLS is read in the ordinary way, out of it; over HTTP/2 and HTTP/3,
    /// of the body.
    Bytes(u64),
    /// The end of the body (HTTP/2 and HTTP/3).
    Whole,
    /// The client will send no more.
    End,
    /// The connection, or the stream, has failed.
    Failed,
    /// What is no chunk of a body in chunks (HTTP/1.x).
    Malformed,
    /// nginx needs the connection for others (HTTP/2 and HTTP/3).
    Evicted,
}

/// How long it may take a lively client to send a batch, in milliseconds, before nginx looks at what has come.
const PATIENCE: u64 = 1000;

/// How often nginx looks at what it has read, up to 4 KiB, before other connections have their turn. By itself it goes on for
/// as long as there is something to read, and a client may send faster than that is looked at.
const LOOKS: u32 = 8;

impl Request {
    /// Lets the module decide how the connection is read from until the request ends (see [`HttpModule::reading`]). Says
    /// whether that could be done. For main requests over HTTP/1.x of which something is kept.
    pub fn intercept_reading<M: HttpModule>(&self) -> bool {
        let r = self.as_ptr();
        // SAFETY: live, and so is its connection.
        unsafe {
            let Some(kept) = state::find::<M>(r) else {
                return false;
            };
            let c = (*r).connection;
            kept.as_ref().recv.set((*c).recv);
            (*c).recv = Some(recv::<M>);
            true
        }
    }

    /// Has nginx try to read once it has dealt with other connections.
    pub fn post_read(&self) {
        // SAFETY: live, and so is its connection.
        unsafe { bits::nginx_bits_post_read((*self.as_ptr()).connection) }
    }

    /// Has nginx discard what is still to come of a body that it has begun to read, as it discards one that it has not.
    pub fn discard_rest(&self) {
        // SAFETY: live; called with a body.
        unsafe {
            let r = self.as_ptr();
            let body = (*r).request_body;
            let chunked = !(*body).chunked.is_null();
            // For chunks that is how much to read at once (`ngx_http_discard_request_body_filter`).
            (*r).headers_in.content_length_n = if chunked { 4096 } else { (*body).rest };
            bits::nginx_bits_set_chunked(r, chunked.into());
            bits::nginx_bits_discard_rest(r);
        }
        self.clear_keepalive();
    }

    /// Whether nginx has begun to read the body, and some of it is still to come. Not, where it is in chunks and what has come
    /// is none: where it would end is unknown then.
    pub fn is_body_partly_read(&self) -> bool {
        let r = self.as_ptr();
        // SAFETY: live, and so is its body, if it has one, with the buffer that it is read into, if there is one; `rest` is less
        // than 0 until reading has begun.
        unsafe {
            let body = (*r).request_body;
            if body.is_null() || (*body).rest <= 0 {
                return false;
            }
            let unused = (*body).buf;
            (*body).chunked.is_null()
                || unused.is_null()
                || bits::nginx_bits_can_be_chunks(r, (*unused).pos, (*unused).last) != 0
        }
    }

    /// Whether nothing is left of a body that nginx discards.
    pub fn is_body_discarded_whole(&self) -> bool {
        !self.is_body_discarded() && self.content_length() == Some(0)
    }

    /// Lets nginx end the request, and close the connection, when it runs out of connections.
    pub fn set_reusable<M: HttpModule>(&self) {
        if self.is_multiplexed() {
            return self.set_stream_reusable::<M>();
        }
        // SAFETY: live, and so is its connection.
        unsafe {
            let c = (*self.as_ptr()).connection;
            if bits::nginx_bits_reusable(c) == 0 {
                ngx_reusable_connection(c, 1);
            }
        }
    }

    /// How much of what was read is not used yet, in bytes.
    pub fn read_ahead(&self) -> u64 {
        // SAFETY: live, and so is the buffer of its header.
        unsafe {
            let buffer = (*self.as_ptr()).header_in;
            ((*buffer).last as u64).saturating_sub((*buffer).pos as u64)
        }
    }
}

/// How many bytes can be read from a socket; 0 where the system does not tell.
fn unread(fd: i32) -> i32 {
    let mut bytes = 0;
    // SAFETY: the call writes an int.
    unsafe { libc::ioctl(fd, libc::FIONREAD, ptr::addr_of_mut!(bytes)) };
    bytes
}

/// The time, in milliseconds of a clock that only goes forward.
pub fn now() -> u64 {
    // SAFETY: only nginx sets it, on the one thread.
    unsafe { ngx_current_msec as u64 }
}

/// Reads from a connection: `ngx_connection_t.recv`.
unsafe extern "C" fn recv<M: HttpModule>(c: *mut ngx_connection_t, buf: *mut u_char, size: usize) -> isize {
    // SAFETY: nginx passes a live connection whose data is a request: this function is in place for as long as one that
    // `intercept_reading` was called for, or a subrequest of that.
    unsafe {
        let r = (*(*c).data.cast::<ngx_http_request_t>()).main;
        let result = match M::reading(&Request::new(r)) {
            Reading::AsUsual => as_usual::<M>(r, buf, size),
            Reading::Drop(most) => drop_some::<M>(r, buf, size, most),
            Reading::Later => {
                bits::nginx_bits_post_read(c);
                NGX_AGAIN as isize
            }
            Reading::Wait => {
                bits::nginx_bits_set_ready(c, 0);
                NGX_AGAIN as isize
            }
            Reading::Stop => {
                bits::nginx_bits_set_eof(c);
                bits::nginx_bits_set_keepalive(r, 0);
                NGX_ERROR as isize
            }
        };
        keep_time::<M>(r);
        result
    }
}

/// Reads as nginx would.
///
/// # Safety
///
/// `r` must be a live main request whose connection's `recv` is replaced; `buf` must have room for `size`.
unsafe fn as_usual<M: HttpModule>(r: *mut ngx_http_request_t, buf: *mut u_char, size: usize) -> isize {
    // SAFETY: up to the caller; what was replaced takes the same.
    unsafe {
        match state::find::<M>(r).and_then(|kept| kept.as_ref().recv.get()) {
            Some(recv) => recv((*r).connection, buf, size),
            None => NGX_ERROR as isize,
        }
    }
}

/// Reads, and drops as much as can be without looking at it, but no more than `most`.
///
/// # Safety
///
/// As for [`as_usual`].
unsafe fn drop_some<M: HttpModule>(r: *mut ngx_http_request_t, buf: *mut u_char, size: usize, most: u64) -> isize {
    // SAFETY: up to the caller.
    unsafe {
        let c = (*r).connection;
        let request = Request::new(r);
        let mut most = most;
        let mut turn = STEP;
        while let Some(bulk) = Bulk::at_hand(r) {
            let asked = most.min(bulk.rest()).min(turn);
            let (dropped, is_all) = match drop_bulk::<M>(r, &bulk, asked) {
                Ok(dropped) => dropped,
                Err(result) => return result,
            };
            let progress = bulk.take(dropped);
            let unseen = if let Progress::BodyEnds(unseen) = progress { unseen } else { 0 };
            M::has_read(&request, Got::Bytes(dropped.saturating_add(unseen)));
            most = most.saturating_sub(dropped);
            turn = turn.saturating_sub(dropped);

            match progress {
                Progress::BodyEnds(_) => {
                    bulk::wake_up_for::<M>(r, 1);
                    return 1;
                }
                Progress::ChunkEnds if most > 0 => (),
                _ if most == 0 || turn == 0 => {
                    bits::nginx_bits_post_read(c);
                    return NGX_AGAIN as isize;
                }
                _ if is_all && bits::nginx_bits_pending_eof(c) == 0 => {
                    let is_lively = dropped >= LIVELY && bulk.is_body() && request.is_done();
                    bulk::wake_up_for::<M>(r, if is_lively { bulk.rest().min(most).min(BATCH) } else { 1 });
                    bits::nginx_bits_set_ready(c, 0);
                    return NGX_AGAIN as isize;
                }
                _ => (),
            }
        }

        if let Some(kept) = state::find::<M>(r) {
            let looks = &kept.as_ref().looks;
            if looks.replace(looks.get().saturating_add(1)) >= LOOKS {
                bits::nginx_bits_post_read(c);
                return NGX_AGAIN as isize;
            }
        }
        let result = as_usual::<M>(r, buf, usize::try_from(most).unwrap_or(usize::MAX).min(size));
        tell::<M>(r, result);
        if result > 0 {
            M::has_read(&request, Got::Bytes(result.unsigned_abs() as u64));
            if bits::nginx_bits_keepalive(r) == 0 {
                let in_chunks = bits::nginx_bits_discard_body(r) != 0 && bits::nginx_bits_chunked(r) != 0;
                if in_chunks && bits::nginx_bits_can_be_chunks(r, buf, buf.add(result.unsigned_abs())) == 0 {
                    // No chunk: nginx would reset the connection. That is the end of the body instead, and nginx lingers.
                    M::has_read(&request, Got::Malformed);
                    bits::nginx_bits_set_chunked(r, 0);
                    (*r).headers_in.content_length_n = result as off_t;
                }
                // If that was all of the body, nginx lingers only on a connection that is ready to be read; and there may
                // be more to come, as requests that the client has sent ahead.
                bits::nginx_bits_set_ready(c, 1);
            }
        }
        result
    }
}

/// Drops up to `asked` bytes: how many, and whether there are certainly no more at the moment.
///
/// # Errors
///
/// What to tell nginx instead: there is nothing, there is nothing more to come, or the connection has failed.
///
/// # Safety
///
/// As for [`as_usual`]; `bulk` must be at hand.
unsafe fn drop_bulk<M: HttpModule>(r: *mut ngx_http_request_t, bulk: &Bulk, asked: u64) -> Result<(u64, bool), isize> {
    // SAFETY: up to the caller; the buffer is used by nobody else, on the one thread.
    unsafe {
        let c = (*r).connection;
        let kept = state::find::<M>(r).ok_or(NGX_ERROR as isize)?;
        if !bulk.is_encrypted() && !kept.as_ref().wants_buffer.get() {
            match bulk::drop_in_kernel((*c).fd, asked) {
                Ok(0) => {
                    bits::nginx_bits_set_eof(c);
                    tell::<M>(r, 0);
                    return Err(0);
                }
                Ok(dropped) => {
                    // nginx's own idea of how much there is to read.
                    (*(*c).read).available = -1;
                    return Ok((dropped, dropped < asked));
                }
                Err(libc::EAGAIN) => {
                    bits::nginx_bits_set_ready(c, 0);
                    return Err(NGX_AGAIN as isize);
                }
                // Not TCP, or TLS in the kernel.
                Err(libc::EFAULT | libc::EINVAL | libc::EOPNOTSUPP) => kept.as_ref().wants_buffer.set(true),
                Err(error) => {
                    bits::nginx_bits_set_eof(c);
                    let text = c"recv() failed".as_ptr().cast_mut().cast();
                    let result = ngx_connection_error(c, error as ngx_err_t, text) as isize;
                    tell::<M>(r, result);
                    return Err(result);
                }
            }
        }

        let size = usize::try_from(asked).unwrap_or(usize::MAX).min(SCRATCH_SIZE);
        let result = as_usual::<M>(r, ptr::addr_of_mut!(SCRATCH).cast(), size);
        tell::<M>(r, result);
        match u64::try_from(result) {
            Ok(dropped @ 1..) => Ok((dropped, false)),
            _ => Err(result),
        }
    }
}

/// Where bytes go that cannot be dropped in the kernel.
static mut SCRATCH: [u8; SCRATCH_SIZE] = [0; SCRATCH_SIZE];
const SCRATCH_SIZE: usize = 64 << 10;

/// Tells the module of the end of what can be read, if a result says so.
///
/// # Safety
///
/// `r` must be a live main request over HTTP/1.x.
unsafe fn tell<M: HttpModule>(r: *mut ngx_http_request_t, result: isize) {
    // SAFETY: live, says the caller.
    let request = unsafe { Request::new(r) };
    if result == 0 {
        M::has_read(&request, Got::End);
    } else if result < 0 && result != NGX_AGAIN as isize {
        M::has_read(&request, Got::Failed);
    }
}

/// Brings nginx's deadline, which goes by the time of day, in line with the module's, which does not; and sees to it that
/// this is done before nginx looks at it the next time.
///
/// # Safety
///
/// `r` must be a live main request over HTTP/1.x.
unsafe fn keep_time<M: HttpModule>(r: *mut ngx_http_request_t) {
    // SAFETY: live, says the caller.
    unsafe {
        let Some(left) = M::time_left(&Request::new(r)) else {
            return;
        };
        let left = if bulk::is_waiting::<M>(r) { left.min(PATIENCE) } else { left };
        if (*r).lingering_time != 0 {
            bits::nginx_bits_set_lingering(r, left as usize);
        }
        let nginx = ngx_http_discarded_request_body_handler as unsafe extern "C" fn(*mut ngx_http_request_t) as usize;
        if (*r).read_event_handler.is_some_and(|handler| handler as usize == nginx) {
            (*r).read_event_handler = Some(discard::<M>);
        }
    }
}

/// Discards a part of the body: `ngx_http_request_t.read_event_handler`.
unsafe extern "C" fn discard<M: HttpModule>(r: *mut ngx_http_request_t) {
    // SAFETY: nginx passes a live request, of which this function is the handler because it discards the body.
    unsafe {
        let c = (*r).connection;
        if bits::nginx_bits_timedout(c) != 0 && (bulk::is_waiting::<M>(r) || unread((*c).fd) > 0) {
            // A client that has become slow is not a silent one, nor is one that nginx had no time for.
            bulk::wake_up_for::<M>(r, 1);
            bits::nginx_bits_set_awake(c);
        }
        if let Some(kept) = state::find::<M>(r) {
            kept.as_ref().looks.set(0);
        }
        keep_time::<M>(r);
        ngx_http_discarded_request_body_handler(r);
    }
}

/// Has the connection of a request read from as nginx would, if that was intercepted: it may live on.
///
/// # Safety
///
/// `r` must be a live main request.
pub(super) unsafe fn release<M: HttpModule>(r: *mut ngx_http_request_t) {
    // SAFETY: live, says the caller, and so is its connection.
    unsafe {
        let Some(recv) = state::find::<M>(r).and_then(|kept| kept.as_ref().recv.take()) else {
            return;
        };
        let c = (*r).connection;
        bulk::wake_up_for::<M>(r, 1);
        ngx_reusable_connection(c, 0);
        let ours = self::recv::<M> as unsafe extern "C" fn(*mut ngx_connection_t, *mut u_char, usize) -> isize as usize;
        // nginx's TLS may have set its own.
        if (*c).recv.is_some_and(|recv| recv as usize == ours) {
            (*c).recv = Some(recv);
        }
    }
}
