//! The modules of the active configuration.

use core::ffi::CStr;
use core::iter;

use nginx_sys::{ngx_conf_t, ngx_cycle, ngx_module_t};

use crate::log;

/// The modules of nginx's that this is built without, and what they are for.
const UNKNOWN: &[(&CStr, &str)] = &[
    #[cfg(not(ngx_feature = "http_v2"))]
    (c"ngx_http_v2_module", "HTTP/2"),
    #[cfg(not(ngx_feature = "http_v3"))]
    (c"ngx_http_v3_module", "HTTP/3"),
    #[cfg(not(ngx_feature = "ssl"))]
    (c"ngx_http_ssl_module", "TLS"),
    #[cfg(not(ngx_feature = "ssl"))]
    (c"ngx_stream_ssl_module", "TLS"),
];

/// Returns whether `module`, ours, knows all that nginx has; logs what it does not know. nginx does not tell by itself: where it is
/// built with `--with-compat`, modules have the same signature with these and without. Their connections would be taken for others.
///
/// # Safety
///
/// `cf` must be the configuration being read, and `module` be loaded for it.
pub(crate) unsafe fn are_known(cf: *mut ngx_conf_t, module: *const ngx_module_t) -> bool {
    // SAFETY: the cycle of the configuration being read has the list of its modules; another one is active, or none yet.
    let listed = || unsafe { listed((*(*cf).cycle).modules) };
    // SAFETY: a module has a name, which ends in a NUL.
    let name = |module: *const ngx_module_t| unsafe { CStr::from_ptr((*module).name) };
    let has = |sought: &CStr| listed().any(|module| name(module) == sought);
    let unknown = UNKNOWN.iter().find(|(module, _)| has(module));
    if let Some((_, purpose)) = unknown {
        let (module, advice) =
            (name(module).to_bytes().escape_ascii(), "configure it with all that \"nginx -V\" shows");
        // SAFETY: up to the caller.
        unsafe {
            log::write_conf_error(cf, format_args!("{module} is built without {purpose}, which nginx has: {advice}"));
        }
    }
    unknown.is_none()
}

/// All of them, in their order. They stay as long as the configuration.
pub(crate) fn all() -> impl Iterator<Item = *mut ngx_module_t> {
    // SAFETY: nginx has set `ngx_cycle` when a configuration is active, and its list of modules.
    unsafe { listed((*ngx_cycle).modules) }
}

/// The modules of a list.
///
/// # Safety
///
/// The list must end in NULL, and outlive what is returned.
unsafe fn listed(mut place: *mut *mut ngx_module_t) -> impl Iterator<Item = *mut ngx_module_t> {
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
