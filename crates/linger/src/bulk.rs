//! What sockets are asked themselves: to drop what has arrived, and whether more can be written.

use core::mem;
use core::ptr;
use std::io;

use crate::scratch;

/// Reads up to `most` bytes from a socket without copying them anywhere. Returns how many.
///
/// # Errors
///
/// The system's error number.
#[cfg(target_os = "linux")]
pub(crate) fn recv_truncated(fd: i32, most: u64) -> Result<u64, i32> {
    // SAFETY: with MSG_TRUNC a TCP socket drops what it reads and needs no buffer; others answer with EFAULT.
    uninterrupted(|| unsafe { libc::recv(fd, ptr::null_mut(), most as usize, libc::MSG_TRUNC) })
}

/// Other systems cannot do this.
#[cfg(not(target_os = "linux"))]
pub(crate) fn recv_truncated(_fd: i32, _most: u64) -> Result<u64, i32> {
    Err(libc::EOPNOTSUPP)
}

/// Reads up to `most` bytes from a socket, and drops them. Returns how many.
///
/// # Errors
///
/// The system's error number.
#[cfg_attr(not(ngx_feature = "stream"), allow(dead_code))]
pub(crate) fn recv_into_scratch(fd: i32, most: u64) -> Result<u64, i32> {
    let size = most.min(scratch::SIZE as u64) as usize;
    // SAFETY: the scratch buffer has room for as many bytes.
    uninterrupted(|| unsafe { libc::recv(fd, scratch::start().cast(), size, 0) })
}

/// As [`recv_into_scratch`], from a socket for which the kernel does TLS. It returns what is not data, as the client's
/// close_notify, only to those who have room for the type of the record: to others reading fails.
///
/// # Errors
///
/// The system's error number.
#[cfg_attr(not(ngx_feature = "stream"), allow(dead_code))]
pub(crate) fn recv_record_into_scratch(fd: i32, most: u64) -> Result<u64, i32> {
    // As aligned as what the kernel writes, and larger.
    let mut kind = [0_usize; 8];
    let mut data = libc::iovec { iov_base: scratch::start().cast(), iov_len: most.min(scratch::SIZE as u64) as usize };
    uninterrupted(|| {
        // SAFETY: a `msghdr` may be all zeros.
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        (message.msg_iov, message.msg_iovlen) = (&mut data, 1);
        (message.msg_control, message.msg_controllen) = (kind.as_mut_ptr().cast(), mem::size_of_val(&kind) as _);
        // SAFETY: the scratch buffer and `kind` have room for as many bytes as the message says.
        unsafe { libc::recvmsg(fd, &mut message, 0) }
    })
}

/// Makes a call for a number of bytes, again if a signal interrupts it.
///
/// # Errors
///
/// The system's error number.
fn uninterrupted(mut call: impl FnMut() -> isize) -> Result<u64, i32> {
    loop {
        if let Ok(bytes) = u64::try_from(call()) {
            return Ok(bytes);
        }
        match io::Error::last_os_error().raw_os_error() {
            Some(libc::EINTR) => (),
            error => return Err(error.unwrap_or(libc::EINVAL)),
        }
    }
}
