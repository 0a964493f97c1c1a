//! The process that this is, and others.

use std::io;

use nginx_sys::{ngx_pid, ngx_process_slot};

/// The number of this process.
pub fn id() -> u32 {
    // SAFETY: nginx sets it before a process begins to work.
    u32::try_from(unsafe { ngx_pid }).unwrap_or(0)
}

/// The number of this process among those of its master, which no other one has as long as this lives.
pub(crate) fn slot() -> Option<usize> {
    // SAFETY: as above.
    usize::try_from(unsafe { ngx_process_slot }).ok()
}

/// Whether there is a process of this number.
pub fn is_alive(id: u32) -> bool {
    let Ok(id) = i32::try_from(id) else {
        return false;
    };
    // SAFETY: signal 0 is never sent.
    let answer = unsafe { libc::kill(id, 0) };
    answer == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}
