//! The modules of the active configuration.

use core::ffi::CStr;
use core::iter;

use nginx_sys::{ngx_cycle, ngx_module_t};

/// All of them, in their order. They stay as long as the configuration.
pub(crate) fn all() -> impl Iterator<Item = *mut ngx_module_t> {
    // SAFETY: nginx sets `ngx_cycle` before it reads a configuration. Its list of modules is set then.
    let mut place = unsafe { (*ngx_cycle).modules };
    iter::from_fn(move || {
        // SAFETY: the list ends in NULL, behind which `place` never comes.
        let module = unsafe { *place };
        if module.is_null() {
            return None;
        }
        // SAFETY: this was not the end of the list.
        place = unsafe { place.add(1) };
        Some(module)
    })
}

/// The first one of which `is_sought` says so, by its address and its name, as `ngx_http_core_module`. It stays as long
/// as the configuration.
pub fn find(is_sought: impl Fn(*mut ngx_module_t, &CStr) -> bool) -> Option<*mut ngx_module_t> {
    // SAFETY: a module has a name, which ends in a NUL.
    all().find(|&module| is_sought(module, unsafe { CStr::from_ptr((*module).name) }))
}
