//! What a module remembers of a request.
//!
//! nginx zeroes every module's context of a request on internal redirects and named locations, and where a filter
//! finalizes it (`ngx_http_filter_finalize_request`). So the state of a main request hangs on a cleanup of its pool,
//! found by its handler, and the context is only the short way to it. A subrequest has no state of its own.

use core::cell::Cell;
use core::ffi::c_void;
use core::mem;
use core::ptr::{self, NonNull};

use nginx_sys::{ngx_http_request_t, ngx_palloc, ngx_pool_cleanup_t};

use super::stream::Watch;
use super::{bits, http1, pool, HttpModule};

/// What is kept of a main request.
pub(super) struct Kept<S> {
    /// Where the pool finds it, and [`search`] does. Part of it so that one allocation will do.
    cleanup: ngx_pool_cleanup_t,
    /// The module's state.
    pub(super) state: S,
    /// What is still to come of the body, where that is taken (HTTP/1.x).
    pub(super) http1: Cell<Option<http1::Body>>,
    /// The connection, where the body is taken.
    pub(super) watch: Cell<Option<Watch>>,
}

/// What is kept of a main request, if anything is.
///
/// # Safety
///
/// `r` must be a live main request.
pub(super) unsafe fn find<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<Kept<M::State>>> {
    // SAFETY: `r` is live, says the caller. nginx has a context for each module, which for a main request only this
    // file sets, and a list of cleanups in each pool; one with our handler has as its data what `create` made.
    unsafe { at_hand::<M>(r).or_else(|| search::<M>(r)) }
}

/// What is kept of a main request, if nginx has not put it out of sight.
///
/// # Safety
///
/// `r` must be a live main request.
pub(super) unsafe fn at_hand<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<Kept<M::State>>> {
    // SAFETY: as in `find`.
    unsafe { NonNull::new((*context::<M>(r)).cast()) }
}

/// The long way to what is kept of a main request, if nginx may have zeroed the short one.
///
/// # Safety
///
/// `r` must be a live main request.
#[cold]
#[inline(never)]
unsafe fn search<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<Kept<M::State>>> {
    // SAFETY: as in `find`.
    unsafe {
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

/// Begins to keep something of a main request; `None` if memory is out.
///
/// # Safety
///
/// `r` must be a live main request of which nothing is kept.
pub(super) unsafe fn create<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<Kept<M::State>>> {
    const { assert!(pool::can_hold::<Kept<M::State>>()) };
    // SAFETY: `r` is live, says the caller, and so is its pool; nginx gives as much memory as asked for.
    unsafe {
        let pool = (*r).pool;
        let kept = NonNull::new(ngx_palloc(pool, mem::size_of::<Kept<M::State>>()).cast::<Kept<M::State>>())?;
        let cleanup = ngx_pool_cleanup_t { handler: Some(MARK), data: kept.as_ptr().cast(), next: (*pool).cleanup };
        kept.write(Kept { cleanup, state: M::State::default(), http1: Cell::new(None), watch: Cell::new(None) });
        (*pool).cleanup = ptr::addr_of_mut!((*kept.as_ptr()).cleanup);
        *context::<M>(r) = kept.as_ptr().cast();
        Some(kept)
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

unsafe extern "C" fn mark(_kept: *mut c_void) {}
