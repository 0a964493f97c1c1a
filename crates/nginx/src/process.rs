//! This process, and others.

use core::ptr;
use std::io;

use nginx_sys::{ngx_core_conf_t, ngx_core_module, ngx_cycle, ngx_exiting, ngx_pid, ngx_process_slot};

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

/// How long this worker may take to end, in milliseconds (`worker_shutdown_timeout`); `None` if it is not ending, or may take
/// any time.
pub fn shutdown_timeout() -> Option<u64> {
    // SAFETY: a cycle has a configuration of the core module, at the module's index.
    let timeout = unsafe {
        let conf = *(*ngx_cycle).conf_ctx.add((*ptr::addr_of!(ngx_core_module)).index);
        (*conf.cast::<ngx_core_conf_t>()).shutdown_timeout
    };
    // SAFETY: nginx sets the number in a worker that has been told to end.
    let is_exiting = unsafe { ngx_exiting } != 0;
    (is_exiting && timeout > 0).then_some(timeout as u64)
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
