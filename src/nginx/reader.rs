//! How nginx reads from an HTTP/1.x connection while it drops a body, and how a module may do that in its place.
//!
//! nginx drops a body in two ways: it *discards* (`ngx_http_discard_request_body`) as long as it knows where the body
//! ends, and *lingers* (`ngx_http_set_lingering_close`) when it will close the connection anyway. Both read through the
//! connection's `recv`, a few KiB at a time, and that is what is replaced here: bytes that nobody looks at are dropped in
//! the kernel. nginx's counters are kept as if it had read them itself, and everything else remains its own.

use core::ffi::c_void;
use core::ptr;

use nginx_sys::{
    ngx_connection_error, ngx_connection_t, ngx_current_msec, ngx_err_t, ngx_http_cleanup_add,
    ngx_http_discarded_request_body_handler, ngx_http_request_t, ngx_reusable_connection, off_t, u_char, NGX_AGAIN,
    NGX_ERROR,
};

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
    /// So many bytes, as they came over the wire or, where TLS is read in the ordinary way, out of it.
    Bytes(u64),
    /// The client will send no more.
    End,
    /// The connection has failed.
    Failed,
}

/// How much is dropped at once, in bytes, before other connections have their turn.
const STEP: u64 = 4 << 20;

/// A client that has sent so much, in bytes, since nginx looked the last time is worth waiting for.
const LIVELY: u64 = 64 << 10;

/// How much of what such a client sends is dropped at a time, in bytes: every waking up costs.
const BATCH: u64 = 512 << 10;

/// How long that may take, in milliseconds, before nginx looks at what has come.
const PATIENCE: u64 = 1000;

impl Request {
    /// Lets the module decide how the connection is read from until the request ends (see [`HttpModule::reading`]), and
    /// tells it when that is ([`HttpModule::end`]). Says whether that could be done. For main requests over HTTP/1.x of
    /// which something is kept.
    pub fn intercept_reading<M: HttpModule>(&self) -> bool {
        let r = self.as_ptr();
        // SAFETY: live, and so is its connection; a cleanup that nginx adds is ours to fill in.
        unsafe {
            let Some(kept) = state::find::<M>(r) else {
                return false;
            };
            let cleanup = ngx_http_cleanup_add(r, 0);
            if cleanup.is_null() {
                return false;
            }
            (*cleanup).handler = Some(end::<M>);
            (*cleanup).data = r.cast();

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

    /// Whether nginx has begun to read the body, and some of it is still to come.
    pub fn is_body_partly_read(&self) -> bool {
        // SAFETY: live, and so is its body, if it has one; `rest` is less than 0 until reading has begun.
        unsafe {
            let body = (*self.as_ptr()).request_body;
            !body.is_null() && (*body).rest > 0
        }
    }

    /// Whether nothing is left of a body that nginx discards.
    pub fn is_body_discarded_whole(&self) -> bool {
        !self.is_body_discarded() && self.content_length() == Some(0)
    }

    /// Whether all of the response is with the kernel, and nginx only deals with what the client may still send.
    pub fn is_done(&self) -> bool {
        // SAFETY: live.
        unsafe { bits::nginx_bits_done(self.as_ptr()) != 0 }
    }

    /// Lets nginx close the connection when it runs out of connections.
    pub fn set_reusable(&self) {
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

    /// Why nginx ends a request before its time, as far as the connection tells.
    pub fn interruption(&self) -> Option<Interruption> {
        // SAFETY: live, and so is its connection.
        unsafe {
            let c = (*self.as_ptr()).connection;
            if bits::nginx_bits_close(c) != 0 {
                Some(Interruption::Close)
            } else if bits::nginx_bits_timedout(c) != 0 {
                Some(Interruption::Timeout)
            } else if bits::nginx_bits_error(c) != 0 {
                Some(Interruption::Error)
            } else {
                None
            }
        }
    }

    /// Whether the client's TCP has acknowledged all that it was sent (RFC 9112, section 9.6); not, where the system does
    /// not tell.
    pub fn is_acknowledged(&self) -> bool {
        // SAFETY: live, and so is its connection.
        unsafe {
            let c = (*self.as_ptr()).connection;
            bits::nginx_bits_buffered(c) == 0 && unacknowledged((*c).fd) == Some(0)
        }
    }
}

/// How many bytes were sent through a socket and are not acknowledged yet.
#[cfg(target_os = "linux")]
fn unacknowledged(fd: i32) -> Option<i32> {
    let mut bytes = 0;
    // SAFETY: the call writes an int (tcp(7), SIOCOUTQ, of the same value as TIOCOUTQ).
    let result = unsafe { libc::ioctl(fd, libc::TIOCOUTQ, ptr::addr_of_mut!(bytes)) };
    (result == 0).then_some(bytes)
}

/// Elsewhere there is no telling.
#[cfg(not(target_os = "linux"))]
fn unacknowledged(_fd: i32) -> Option<i32> {
    None
}

/// Why nginx ends a request before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// It needs the connection for others, or is about to exit.
    Close,
    /// A timer ran out.
    Timeout,
    /// The connection has failed, or the client sent what it must not.
    Error,
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
        while let Some(bulk) = Bulk::at_hand::<M>(r) {
            let asked = most.min(bulk.rest()).min(STEP);
            let dropped = match drop_in_kernel((*c).fd, asked) {
                Ok(0) => {
                    bits::nginx_bits_set_eof(c);
                    M::has_read(&request, Got::End);
                    return 0;
                }
                Ok(dropped) => dropped,
                Err(libc::EAGAIN) => {
                    bits::nginx_bits_set_ready(c, 0);
                    return NGX_AGAIN as isize;
                }
                Err(libc::EFAULT | libc::EINVAL | libc::EOPNOTSUPP) => {
                    // Not TCP, or TLS in the kernel: there the system wants a buffer.
                    if let Some(kept) = state::find::<M>(r) {
                        kept.as_ref().no_bulk.set(true);
                    }
                    break;
                }
                Err(error) => {
                    bits::nginx_bits_set_eof(c);
                    M::has_read(&request, Got::Failed);
                    let text = c"recv() failed".as_ptr().cast_mut().cast();
                    return ngx_connection_error(c, error as ngx_err_t, text) as isize;
                }
            };
            let progress = bulk.take(dropped);
            let unseen = if let Progress::BodyEnds(unseen) = progress { unseen } else { 0 };
            M::has_read(&request, Got::Bytes(dropped.saturating_add(unseen)));
            most = most.saturating_sub(dropped);
            // nginx's own idea of how much there is to read.
            (*(*c).read).available = -1;

            match progress {
                Progress::BodyEnds(_) => {
                    wake_up_for::<M>(r, 1);
                    return 1;
                }
                Progress::ChunkEnds if most > 0 => continue,
                _ if dropped == asked => {
                    bits::nginx_bits_post_read(c);
                    return NGX_AGAIN as isize;
                }
                _ if bits::nginx_bits_pending_eof(c) != 0 => continue,
                _ => {
                    let rest = bulk.rest().min(most);
                    let is_lively = dropped >= LIVELY && bulk.is_body() && request.is_done();
                    wake_up_for::<M>(r, if is_lively { rest.min(BATCH) } else { 1 });
                    bits::nginx_bits_set_ready(c, 0);
                    return NGX_AGAIN as isize;
                }
            }
        }

        let result = as_usual::<M>(r, buf, usize::try_from(most).unwrap_or(usize::MAX).min(size));
        match u64::try_from(result) {
            Ok(0) => M::has_read(&request, Got::End),
            Ok(bytes) => M::has_read(&request, Got::Bytes(bytes)),
            Err(_) if result == NGX_AGAIN as isize => (),
            Err(_) => M::has_read(&request, Got::Failed),
        }
        result
    }
}

/// Has nginx woken up only when so many bytes can be read, or when the client sends no more (SO_RCVLOWAT, socket(7)).
///
/// # Safety
///
/// `r` must be a live main request over HTTP/1.x of which something is kept.
unsafe fn wake_up_for<M: HttpModule>(r: *mut ngx_http_request_t, bytes: u64) {
    let bytes = libc::c_int::try_from(bytes.max(1)).unwrap_or(libc::c_int::MAX);
    // SAFETY: live, says the caller, and so is its connection; the call reads an int.
    unsafe {
        let Some(kept) = state::find::<M>(r) else {
            return;
        };
        if kept.as_ref().wake_up_for.replace(bytes) != bytes {
            let size = core::mem::size_of_val(&bytes) as libc::socklen_t;
            let bytes = ptr::addr_of!(bytes).cast();
            // Where it fails nginx is woken up more often, that is all.
            libc::setsockopt((*(*r).connection).fd, libc::SOL_SOCKET, libc::SO_RCVLOWAT, bytes, size);
        }
    }
}

/// Whether nginx is only woken up when there is much to read.
///
/// # Safety
///
/// `r` must be a live main request.
unsafe fn is_waiting<M: HttpModule>(r: *mut ngx_http_request_t) -> bool {
    // SAFETY: live, says the caller.
    unsafe { state::find::<M>(r).is_some_and(|kept| kept.as_ref().wake_up_for.get() > 1) }
}

/// What can be dropped without looking at it, and nginx's own counter of it.
enum Bulk {
    /// A body of declared length.
    Body(*mut off_t),
    /// The same in TLS records, which are dropped as they are.
    Sealed(*mut off_t),
    /// The inside of a chunk.
    Chunk(*mut off_t),
    /// Whatever the client sends: nginx lingers.
    Anything,
}

/// How far it is dropped.
enum Progress {
    /// There is more.
    GoesOn,
    /// To the end of a chunk.
    ChunkEnds,
    /// To the end of the body; so many bytes of it, in a last record, are only taken to be dropped. nginx has to be given
    /// one byte: it notices the end when it has read something.
    BodyEnds(u64),
}

impl Bulk {
    /// What can be dropped of what a request's client sends now.
    ///
    /// # Safety
    ///
    /// `r` must be a live main request over HTTP/1.x.
    unsafe fn at_hand<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<Self> {
        // SAFETY: live, says the caller, and so is its connection. While nginx discards a chunked body, that has a body
        // and the state of its chunks.
        unsafe {
            if state::find::<M>(r)?.as_ref().no_bulk.get() {
                return None;
            }
            let tls = bits::nginx_bits_tls((*r).connection) != 0;
            if bits::nginx_bits_discard_body(r) == 0 {
                return (!tls).then_some(Self::Anything);
            }
            if bits::nginx_bits_chunked(r) != 0 {
                let size = ptr::addr_of_mut!((*(*(*r).request_body).chunked).size);
                return (!tls && *size > 0 && bits::nginx_bits_inside_chunk(r) != 0).then_some(Self::Chunk(size));
            }
            let length = ptr::addr_of_mut!((*r).headers_in.content_length_n);
            if !tls {
                return Some(Self::Body(length));
            }
            // A connection that is to be closed need not decrypt what it drops.
            (bits::nginx_bits_keepalive(r) == 0 && *length > RECORD).then_some(Self::Sealed(length))
        }
    }

    /// Whether it is a body, to its end.
    fn is_body(&self) -> bool {
        matches!(self, Self::Body(_) | Self::Sealed(_))
    }

    /// How much there is of it, in bytes.
    ///
    /// # Safety
    ///
    /// The request must be live.
    unsafe fn rest(&self) -> u64 {
        // SAFETY: the counter is a field of the request, which is live, says the caller.
        let rest = match self {
            Self::Body(counter) | Self::Chunk(counter) => unsafe { **counter },
            Self::Sealed(counter) => unsafe { (**counter).saturating_sub(RECORD) },
            Self::Anything => return u64::MAX,
        };
        u64::try_from(rest).unwrap_or(0)
    }

    /// Takes what was dropped, which is no more than the rest, off nginx's counter.
    ///
    /// # Safety
    ///
    /// The request must be live.
    unsafe fn take(&self, dropped: u64) -> Progress {
        let (Self::Body(counter) | Self::Sealed(counter) | Self::Chunk(counter)) = *self else {
            return Progress::GoesOn;
        };
        // SAFETY: as above.
        let counter = unsafe { &mut *counter };
        *counter = counter.saturating_sub_unsigned(dropped);
        match self {
            Self::Sealed(_) if *counter > RECORD => Progress::GoesOn,
            Self::Body(_) | Self::Chunk(_) if *counter > 0 => Progress::GoesOn,
            Self::Chunk(_) => Progress::ChunkEnds,
            _ => {
                let unseen = u64::try_from(*counter).unwrap_or(0);
                *counter = 1;
                Progress::BodyEnds(unseen)
            }
        }
    }
}

/// How much of a body can have passed into TLS and not out of it yet: a record (RFC 8446, section 5.1).
///
/// What is encrypted is as long as the body at least. So when as much as the body but a record is gone, little is still to
/// come, and nginx goes on to linger until the client closes.
const RECORD: off_t = 1 << 14;

/// Reads up to `most` bytes from a socket without copying them anywhere: how many, or the system's error.
#[cfg(target_os = "linux")]
fn drop_in_kernel(fd: i32, most: u64) -> Result<u64, i32> {
    loop {
        // SAFETY: with MSG_TRUNC a TCP socket drops what it reads and needs no buffer; others answer with EFAULT.
        let result = unsafe { libc::recv(fd, ptr::null_mut(), most as usize, libc::MSG_TRUNC) };
        if let Ok(dropped) = u64::try_from(result) {
            return Ok(dropped);
        }
        // SAFETY: errno is the thread's own.
        match unsafe { *libc::__errno_location() } {
            libc::EINTR => (),
            error => return Err(error),
        }
    }
}

/// Elsewhere there is no such thing.
#[cfg(not(target_os = "linux"))]
fn drop_in_kernel(_fd: i32, _most: u64) -> Result<u64, i32> {
    Err(libc::EOPNOTSUPP)
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
        let left = if is_waiting::<M>(r) { left.min(PATIENCE) } else { left };
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
        if is_waiting::<M>(r) && bits::nginx_bits_timedout(c) != 0 {
            // A client that has become slow is not a silent one.
            wake_up_for::<M>(r, 1);
            bits::nginx_bits_set_awake(c);
        }
        keep_time::<M>(r);
        ngx_http_discarded_request_body_handler(r);
    }
}

/// Ends what `intercept_reading` has begun: `ngx_http_cleanup_t.handler`. nginx calls it before it writes the access log.
unsafe extern "C" fn end<M: HttpModule>(r: *mut c_void) {
    // SAFETY: nginx calls this when it ends the request that the cleanup was added to, once, before it frees it.
    unsafe {
        let r = r.cast::<ngx_http_request_t>();
        M::end(&Request::new(r));

        // The connection may live on.
        let c = (*r).connection;
        wake_up_for::<M>(r, 1);
        ngx_reusable_connection(c, 0);
        let ours = recv::<M> as unsafe extern "C" fn(*mut ngx_connection_t, *mut u_char, usize) -> isize as usize;
        if (*c).recv.is_some_and(|recv| recv as usize == ours) {
            (*c).recv = state::find::<M>(r).and_then(|kept| kept.as_ref().recv.get());
        }
    }
}
