//! What a module remembers of a request.
//!
//! nginx zeroes every module's context of a request on internal redirects and named locations, and where a filter
//! finalizes it (`ngx_http_filter_finalize_request`). So the state hangs on
//! a cleanup of the request's pool, found by its handler, and the context is only the short way to it.

use core::ffi::c_void;
use core::mem;
use core::ptr::NonNull;

use nginx_sys::{ngx_http_request_t, ngx_pool_cleanup_add};

use super::{bits, pool, HttpModule};

/// The state of a main request, if it has one.
///
/// # Safety
///
/// `r` must be a live main request.
pub(super) unsafe fn find<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<M::State>> {
    // SAFETY: `r` is live, says the caller. nginx has a context for each module, which only `remember` sets, and a
    // list of cleanups in each pool; one with our handler has our state as its data.
    unsafe {
        if let Some(state) = NonNull::new((*context::<M>(r)).cast()) {
            return Some(state);
        }
        if bits::nginx_bits_internal(r) == 0 && bits::nginx_bits_filter_finalize(r) == 0 {
            return None;
        }
        let mut cleanup = (*(*r).pool).cleanup;
        while !cleanup.is_null() {
            if (*cleanup).handler.is_some_and(|handler| handler as usize == MARK as usize) {
                *context::<M>(r) = (*cleanup).data;
                return NonNull::new((*cleanup).data.cast());
            }
            cleanup = (*cleanup).next;
        }
        None
    }
}

/// Makes a state for a main request that has none; `None` if memory is out.
///
/// # Safety
///
/// `r` must be a live main request.
pub(super) unsafe fn create<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<M::State>> {
    const { assert!(pool::can_hold::<M::State>()) };
    // SAFETY: `r` is live, says the caller, and so is its pool; nginx gives as much memory as asked for.
    unsafe {
        let cleanup = ngx_pool_cleanup_add((*r).pool, mem::size_of::<M::State>());
        if cleanup.is_null() {
            return None;
        }
        let state = NonNull::new((*cleanup).data.cast::<M::State>())?;
        state.write(M::State::default());
        (*cleanup).handler = Some(MARK);
        *context::<M>(r) = (*cleanup).data;
        Some(state)
    }
}

/// The place of the module's context in a request.
///
/// # Safety
///
/// `r` must be a live request.
unsafe fn context<M: HttpModule>(r: *mut ngx_http_request_t) -> *mut *mut c_void {
    // SAFETY: `r` is live, says the caller; `ctx` has a place for each HTTP module.
    unsafe { (*r).ctx.add(M::descriptor().ctx_index()) }
}

/// Our cleanup handler: it has nothing to clean, it tells our cleanup from others.
const MARK: unsafe extern "C" fn(*mut c_void) = mark;

unsafe extern "C" fn mark(_state: *mut c_void) {}
