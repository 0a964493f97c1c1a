//! This process, and others.

use std::io;

use nginx_sys::{ngx_pid, ngx_process_slot};

/// The id of this process.
pub fn id() -> u32 {
    // SAFETY: nginx sets `ngx_pid` before a process begins to work.
    u32::try_from(unsafe { ngx_pid }).unwrap_or(0)
}

/// The place of this process among the processes of its master. No other process has it while this one lives.
pub(crate) fn slot() -> Option<usize> {
    // SAFETY: nginx sets `ngx_process_slot` before a process begins to work.
    usize::try_from(unsafe { ngx_process_slot }).ok()
}

/// Returns whether there is a process with this id.
pub fn is_alive(id: u32) -> bool {
    let Ok(id) = i32::try_from(id) else {
        return false;
    };
    // SAFETY: `kill` sends nothing for signal 0.
    let answer = unsafe { libc::kill(id, 0) };
    answer == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}
