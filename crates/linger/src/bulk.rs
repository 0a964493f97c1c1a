//! What sockets are asked themselves: to drop what has arrived, and whether more can be written.

use core::ffi::c_void;
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
    unsafe { recv(fd, core::ptr::null_mut(), most as usize, libc::MSG_TRUNC) }
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
    unsafe { recv(fd, scratch::start().cast(), size, 0) }
}

/// Reads from a socket: recv(2), again if a signal interrupts it.
///
/// # Errors
///
/// The system's error number.
///
/// # Safety
///
/// With these flags the system must write nothing to `buffer`, or no more than there is room for.
unsafe fn recv(fd: i32, buffer: *mut c_void, size: usize, flags: i32) -> Result<u64, i32> {
    loop {
        // SAFETY: up to the caller.
        let result = unsafe { libc::recv(fd, buffer, size, flags) };
        if let Ok(bytes) = u64::try_from(result) {
            return Ok(bytes);
        }
        match io::Error::last_os_error().raw_os_error() {
            Some(libc::EINTR) => (),
            error => return Err(error.unwrap_or(libc::EINVAL)),
        }
    }
}

/// Returns whether a socket takes at least some more data now.
#[cfg_attr(not(ngx_feature = "stream"), allow(dead_code))]
pub(crate) fn can_write(fd: i32) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: the call reads and writes one `pollfd`, and does not wait.
    unsafe { libc::poll(&mut poll, 1, 0) == 1 && poll.revents & libc::POLLOUT != 0 }
}
