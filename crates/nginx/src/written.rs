//! Which of nginx's own directives an administrator has written, and in which blocks.
//!
//! A merged configuration does not show whether a value is written in the block, inherited, or a default. So a module
//! of its own, placed before nginx's core module, sees each block before the core module merges it: nginx merges all
//! blocks for one module after the other (`ngx_http_block`).

use core::ffi::{c_char, c_void};
use core::{mem, ptr};

use nginx_sys::{
    ngx_conf_t, ngx_http_conf_ctx_t, ngx_http_core_loc_conf_t, ngx_http_core_module, ngx_http_module_t, ngx_int_t,
    ngx_pcalloc, NGX_OK,
};
use ngx::core::NGX_CONF_OK;

use crate::HttpModule;

/// What is written in a block; `None` where a directive is not.
#[derive(Clone, Copy)]
pub struct Written {
    /// `client_max_body_size` of the block itself, in bytes; 0 means no limit.
    pub client_max_body_size: Option<u64>,
    /// `lingering_time` of the block or one around it, in milliseconds.
    pub lingering_time: Option<u64>,
    /// `lingering_timeout` of the block or one around it, in milliseconds.
    pub lingering_timeout: Option<u64>,
}

impl Written {
    /// What is written in a block that nginx has not merged yet, and in the blocks around it.
    fn of(core: &ngx_http_core_loc_conf_t, around: Option<&Self>) -> Self {
        // A value that is not written is NGX_CONF_UNSET, which is negative, or NGX_CONF_UNSET_MSEC, the largest one.
        let time = |value: usize| (value != usize::MAX).then_some(value as u64);
        Self {
            client_max_body_size: u64::try_from(core.client_max_body_size).ok(),
            lingering_time: time(core.lingering_time).or(around.and_then(|around| around.lingering_time)),
            lingering_timeout: time(core.lingering_timeout).or(around.and_then(|around| around.lingering_timeout)),
        }
    }
}

/// The configuration of the module that sees what is written.
#[derive(Clone, Copy)]
struct Conf {
    /// nginx's own configuration of the http block, which nginx never merges; null in all other blocks.
    http: *const ngx_http_core_loc_conf_t,
    written: Written,
}

/// The `ngx_http_module_t` of the module that sees what is written.
pub const fn context<M: HttpModule>() -> ngx_http_module_t {
    ngx_http_module_t {
        preconfiguration: Some(begin::<M>),
        postconfiguration: None,
        create_main_conf: None,
        init_main_conf: None,
        create_srv_conf: None,
        merge_srv_conf: None,
        create_loc_conf: Some(create),
        merge_loc_conf: Some(merge),
    }
}

/// Makes the configuration of one block: `ngx_http_module_t.create_loc_conf`.
unsafe extern "C" fn create(cf: *mut ngx_conf_t) -> *mut c_void {
    // SAFETY: nginx passes the configuration being read. Zeros are a null pointer, and fields that `merge` fills in.
    unsafe { ngx_pcalloc((*cf).pool, mem::size_of::<Conf>()) }
}

/// Starts a new configuration: `ngx_http_module_t.preconfiguration`.
unsafe extern "C" fn begin<M: HttpModule>(cf: *mut ngx_conf_t) -> ngx_int_t {
    // SAFETY: nginx passes the configuration being read, whose context is that of the http block by now.
    unsafe { (*conf::<M>(cf)).http = core(cf) };
    NGX_OK as ngx_int_t
}

/// Notes what is written in a block before nginx merges it: `ngx_http_module_t.merge_loc_conf`.
unsafe extern "C" fn merge(cf: *mut ngx_conf_t, prev: *mut c_void, conf: *mut c_void) -> *mut c_char {
    // SAFETY: nginx passes two configurations that `create` made, and has set the context to the block's own.
    unsafe {
        let prev = &*prev.cast::<Conf>();
        let http = prev.http.as_ref().map(|http| Written::of(http, None));
        let around = http.unwrap_or(prev.written);
        // Lua's module makes a block of its own for `init_worker_by_lua`, and merges it before nginx's own is there.
        (*conf.cast::<Conf>()).written = core(cf).as_ref().map_or(around, |core| Written::of(core, Some(&around)));
    }
    NGX_CONF_OK
}

/// What is written in the block that is being merged.
///
/// # Safety
///
/// `cf` must be the configuration being read, which is merging a block.
pub(crate) unsafe fn of<M: HttpModule>(cf: *mut ngx_conf_t) -> Written {
    // SAFETY: nginx has made a configuration for this module in each block. It has merged that already: this module
    // comes before all others.
    unsafe { (*conf::<M>(cf)).written }
}

/// nginx's own configuration of the block that is being read or merged; null before nginx makes it.
///
/// # Safety
///
/// `cf` must be the configuration being read, within the http block.
pub(crate) unsafe fn core(cf: *mut ngx_conf_t) -> *mut ngx_http_core_loc_conf_t {
    // SAFETY: the context is that of the block, and the core module has a configuration in each block.
    unsafe {
        let ctx = (*cf).ctx.cast::<ngx_http_conf_ctx_t>();
        (*(*ctx).loc_conf.add((*ptr::addr_of!(ngx_http_core_module)).ctx_index)).cast()
    }
}

/// The configuration of the same block for the module that sees what is written.
///
/// # Safety
///
/// As for [`core()`].
unsafe fn conf<M: HttpModule>(cf: *mut ngx_conf_t) -> *mut Conf {
    // SAFETY: the context is that of the block, and `create` has made a configuration in each block.
    unsafe {
        let ctx = (*cf).ctx.cast::<ngx_http_conf_ctx_t>();
        (*(*ctx).loc_conf.add(M::registration().written_ctx_index())).cast()
    }
}
