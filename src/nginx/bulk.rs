//! What can be dropped without looking at it, and how: in the kernel, much at a time.

use core::mem;
use core::ptr;
use std::io;

use nginx_sys::{ngx_http_request_t, off_t};

use super::{bits, state, HttpModule};

/// How much is dropped at once, in bytes, before other connections have their turn.
pub(super) const STEP: u64 = 4 << 20;

/// A client that has sent so much, in bytes, since nginx looked the last time is worth waiting for.
pub(super) const LIVELY: u64 = 64 << 10;

/// How much of what such a client sends is dropped at a time, in bytes: every waking up costs.
pub(super) const BATCH: u64 = 512 << 10;

/// What can be dropped without looking at it, and nginx's own counter of it.
pub(super) enum Bulk {
    /// A body of declared length.
    Body { rest: *mut off_t, encrypted: bool },
    /// The same in TLS records, which are dropped as they are.
    Sealed { rest: *mut off_t },
    /// The inside of a chunk.
    Chunk { rest: *mut off_t, encrypted: bool },
    /// Whatever the client sends: nginx lingers.
    Anything,
}

/// How far it is dropped.
pub(super) enum Progress {
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
    pub(super) unsafe fn at_hand(r: *mut ngx_http_request_t) -> Option<Self> {
        // SAFETY: live, says the caller, and so is its connection. While nginx discards a chunked body, that has a body
        // and the state of its chunks.
        unsafe {
            let encrypted = bits::nginx_bits_tls((*r).connection) != 0;
            if bits::nginx_bits_discard_body(r) == 0 {
                return (!encrypted).then_some(Self::Anything);
            }
            if bits::nginx_bits_chunked(r) != 0 {
                let rest = ptr::addr_of_mut!((*(*(*r).request_body).chunked).size);
                return (*rest > 0 && bits::nginx_bits_inside_chunk(r) != 0).then_some(Self::Chunk { rest, encrypted });
            }
            let rest = ptr::addr_of_mut!((*r).headers_in.content_length_n);
            // A connection that is to be closed need not decrypt what it drops.
            if encrypted && bits::nginx_bits_keepalive(r) == 0 && *rest > RECORD {
                return Some(Self::Sealed { rest });
            }
            Some(Self::Body { rest, encrypted })
        }
    }

    /// Whether it has to be decrypted to be dropped.
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Body { encrypted: true, .. } | Self::Chunk { encrypted: true, .. })
    }

    /// Whether it is a body, to its end, as it comes over the wire.
    pub(super) fn is_body(&self) -> bool {
        matches!(self, Self::Body { encrypted: false, .. } | Self::Sealed { .. })
    }

    /// How much there is of it, in bytes.
    ///
    /// # Safety
    ///
    /// The request must be live.
    pub(super) unsafe fn rest(&self) -> u64 {
        let (counter, unseen) = match *self {
            Self::Body { rest, .. } | Self::Chunk { rest, .. } => (rest, 0),
            Self::Sealed { rest } => (rest, RECORD),
            Self::Anything => return u64::MAX,
        };
        // SAFETY: the counter is a field of the request, which is live, says the caller.
        let rest = unsafe { *counter }.saturating_sub(unseen);
        u64::try_from(rest).unwrap_or(0)
    }

    /// Takes what was dropped, which is no more than the rest, off nginx's counter.
    ///
    /// # Safety
    ///
    /// The request must be live.
    pub(super) unsafe fn take(&self, dropped: u64) -> Progress {
        let (Self::Body { rest, .. } | Self::Sealed { rest } | Self::Chunk { rest, .. }) = *self else {
            return Progress::GoesOn;
        };
        // SAFETY: as above.
        let counter = unsafe { &mut *rest };
        *counter = counter.saturating_sub_unsigned(dropped);
        match self {
            Self::Sealed { .. } if *counter > RECORD => Progress::GoesOn,
            Self::Body { .. } | Self::Chunk { .. } if *counter > 0 => Progress::GoesOn,
            Self::Chunk { .. } => Progress::ChunkEnds,
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
pub(super) fn drop_in_kernel(fd: i32, most: u64) -> Result<u64, i32> {
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
pub(super) fn drop_in_kernel(_fd: i32, _most: u64) -> Result<u64, i32> {
    Err(libc::EOPNOTSUPP)
}

/// Has nginx woken up only when so many bytes can be read, or when the client sends no more (SO_RCVLOWAT, socket(7)).
///
/// # Safety
///
/// `r` must be a live main request over HTTP/1.x of which something is kept.
pub(super) unsafe fn wake_up_for<M: HttpModule>(r: *mut ngx_http_request_t, bytes: u64) {
    let bytes = libc::c_int::try_from(bytes.max(1)).unwrap_or(libc::c_int::MAX);
    // SAFETY: live, says the caller, and so is its connection; the call reads an int.
    unsafe {
        let Some(kept) = state::find::<M>(r) else {
            return;
        };
        if kept.as_ref().wake_up_for.replace(bytes) != bytes {
            let size = mem::size_of_val(&bytes) as libc::socklen_t;
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
pub(super) unsafe fn is_waiting<M: HttpModule>(r: *mut ngx_http_request_t) -> bool {
    // SAFETY: live, says the caller.
    unsafe { state::find::<M>(r).is_some_and(|kept| kept.as_ref().wake_up_for.get() > 1) }
}
