//! The modules of the active configuration.

use core::ffi::CStr;

use nginx_sys::{ngx_cycle, ngx_module_t};

/// The first one of which `is_sought` says so, by its address and its name, as `ngx_http_core_module`. It stays as long
/// as the configuration.
pub fn find(mut is_sought: impl FnMut(*mut ngx_module_t, &CStr) -> bool) -> Option<*mut ngx_module_t> {
    // SAFETY: nginx sets `ngx_cycle` before it reads a configuration. Its list of modules is set then.
    let mut place = unsafe { (*ngx_cycle).modules };
    loop {
        // SAFETY: the list ends in NULL.
        let module = unsafe { *place };
        if module.is_null() {
            return None;
        }
        // SAFETY: a module has a name, which ends in a NUL.
        if is_sought(module, unsafe { CStr::from_ptr((*module).name) }) {
            return Some(module);
        }
        // SAFETY: this was not the end of the list.
        place = unsafe { place.add(1) };
    }
}
