//! What sockets are asked themselves: to drop what has arrived, and whether more can be written.

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
    loop {
        // SAFETY: the scratch buffer has room for as many bytes.
        let result = unsafe { libc::recv(fd, scratch::start().cast(), size, 0) };
        if let Ok(dropped) = u64::try_from(result) {
            return Ok(dropped);
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
