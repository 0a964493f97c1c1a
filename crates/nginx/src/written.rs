//! What an administrator has written of nginx's own directives, and where.
//!
//! A merged configuration does not tell what a block says from what it inherits, nor a default from the same value written.
//! So a module of its own, placed before nginx's core module, sees each block before that one merges it: nginx merges one
//! module after the other through all blocks (`ngx_http_block`).

use core::ffi::{c_char, c_void};
use core::{mem, ptr};

use nginx_sys::{
    ngx_conf_t, ngx_http_conf_ctx_t, ngx_http_core_loc_conf_t, ngx_http_core_module, ngx_http_module_t, ngx_int_t,
    ngx_pcalloc, NGX_OK,
};
use ngx::core::NGX_CONF_OK;

use crate::HttpModule;

/// What is written in a block.
#[derive(Clone, Copy)]
pub struct Written {
    /// `client_max_body_size` of this very block, in bytes; 0 means no limit.
    pub client_max_body_size: Option<u64>,
    /// `lingering_time` of this block or one around it, in milliseconds.
    pub lingering_time: Option<u64>,
    /// `lingering_timeout` of this block or one around it, in milliseconds.
    pub lingering_timeout: Option<u64>,
}

impl Written {
    /// What is written in a block that nginx has not merged yet, and in those around it.
    fn of(core: &ngx_http_core_loc_conf_t, around: Option<&Self>) -> Self {
        // NGX_CONF_UNSET, and NGX_CONF_UNSET_MSEC.
        let time = |value: usize| (value != usize::MAX).then_some(value as u64);
        Self {
            client_max_body_size: u64::try_from(core.client_max_body_size).ok(),
            lingering_time: time(core.lingering_time).or(around.and_then(|around| around.lingering_time)),
            lingering_timeout: time(core.lingering_timeout).or(around.and_then(|around| around.lingering_timeout)),
        }
    }
}

/// The configuration of the module that sees it.
#[derive(Clone, Copy)]
struct Conf {
    /// nginx's own configuration of the http block; null in all others. nginx never merges it.
    http: *const ngx_http_core_loc_conf_t,
    written: Written,
}

/// The hooks that nginx sets that module up with.
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
    // SAFETY: nginx passes the configuration being read; zeros are a null pointer, and fields to be filled in by `merge`.
    unsafe { ngx_pcalloc((*cf).pool, mem::size_of::<Conf>()) }
}

/// Begins with a new configuration: `ngx_http_module_t.preconfiguration`.
unsafe extern "C" fn begin<M: HttpModule>(cf: *mut ngx_conf_t) -> ngx_int_t {
    // SAFETY: nginx passes the configuration being read, whose context is that of the http block by now.
    unsafe { (*conf::<M>(cf)).http = core(cf) };
    NGX_OK as ngx_int_t
}

/// Looks at a block before nginx merges it: `ngx_http_module_t.merge_loc_conf`.
unsafe extern "C" fn merge(cf: *mut ngx_conf_t, prev: *mut c_void, conf: *mut c_void) -> *mut c_char {
    // SAFETY: nginx passes two configurations that `create` made, and has set the context to the block's own.
    unsafe {
        let prev = &*prev.cast::<Conf>();
        let http = prev.http.as_ref().map(|http| Written::of(http, None));
        (*conf.cast::<Conf>()).written = Written::of(&*core(cf), Some(&http.unwrap_or(prev.written)));
    }
    NGX_CONF_OK
}

/// What is written in the block that is being merged.
///
/// # Safety
///
/// `cf` must be the configuration being read, which is merging a block.
pub(crate) unsafe fn of<M: HttpModule>(cf: *mut ngx_conf_t) -> Written {
    // SAFETY: nginx has made a configuration for the module in each block, and merged it: it comes before all others.
    unsafe { (*conf::<M>(cf)).written }
}

/// nginx's own configuration of the block that is being read or merged.
///
/// # Safety
///
/// `cf` must be the configuration being read, within the http block.
pub(crate) unsafe fn core(cf: *mut ngx_conf_t) -> *mut ngx_http_core_loc_conf_t {
    // SAFETY: the context is that of the block, and the core module has a configuration in each.
    unsafe {
        let ctx = (*cf).ctx.cast::<ngx_http_conf_ctx_t>();
        (*(*ctx).loc_conf.add((*ptr::addr_of!(ngx_http_core_module)).ctx_index)).cast()
    }
}

/// Ours of the same block.
///
/// # Safety
///
/// As for [`core()`].
unsafe fn conf<M: HttpModule>(cf: *mut ngx_conf_t) -> *mut Conf {
    // SAFETY: as above; `create` has made it.
    unsafe {
        let ctx = (*cf).ctx.cast::<ngx_http_conf_ctx_t>();
        (*(*ctx).loc_conf.add(M::registration().written_ctx_index())).cast()
    }
}
