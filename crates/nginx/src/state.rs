//! What a module remembers of a request.
//!
//! nginx zeroes every module's context of a request on internal redirects and named locations, and where a filter
//! finalizes it (`ngx_http_filter_finalize_request`). So the state of a main request hangs on a cleanup of its pool,
//! found by its handler, and the context is only the short way to it. A subrequest has no state of its own.

use core::ffi::c_void;
use core::mem;
use core::ptr::{self, NonNull};

use nginx_sys::{ngx_http_request_t, ngx_palloc, ngx_pool_cleanup_t};

use crate::{pool, shim, HttpModule, Registration};

/// What is kept of a main request.
#[repr(C)]
pub(crate) struct Kept<M: HttpModule> {
    /// Where the pool finds it, and [`search`] does. Part of it so that one allocation will do.
    cleanup: ngx_pool_cleanup_t,
    /// Whose it is: what [`search`] finds may be another module's.
    owner: *const Registration,
    /// The module's state. What it has borrowed lives as long as the request.
    state: M::State<'static>,
}

/// What is kept of a main request, if anything is.
///
/// # Safety
///
/// `r` must be a live main request.
pub(crate) unsafe fn find<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<Kept<M>>> {
    // SAFETY: `r` is live, says the caller. nginx has a context for each module, which for a main request only this
    // file sets, and a list of cleanups in each pool; one with our handler has as its data what `create` made.
    unsafe { at_hand::<M>(r).or_else(|| search::<M>(r)) }
}

/// What is kept of a main request, if nginx has not put it out of sight.
///
/// # Safety
///
/// `r` must be a live main request.
pub(crate) unsafe fn at_hand<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<Kept<M>>> {
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
unsafe fn search<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<Kept<M>>> {
    // SAFETY: live, says the caller.
    if unsafe { shim::nginx_shim_internal(r) == 0 && shim::nginx_shim_filter_finalize(r) == 0 } {
        return None;
    }
    // SAFETY: a live request has a pool, in which the list of its cleanups begins.
    let mut cleanup = unsafe { (*(*r).pool).cleanup };
    // SAFETY: a link of that list, which ends in NULL.
    while let Some(link) = unsafe { cleanup.as_ref() } {
        if let Some(kept) = kept_by::<M>(link) {
            // SAFETY: live, says the caller.
            unsafe { *context::<M>(r) = kept.as_ptr().cast() };
            return Some(kept);
        }
        cleanup = link.next;
    }
    None
}

/// What hangs on a cleanup, if that is what this module keeps.
fn kept_by<M: HttpModule>(cleanup: &ngx_pool_cleanup_t) -> Option<NonNull<Kept<M>>> {
    cleanup.handler.filter(|&handler| handler as usize == MARK as usize)?;
    let kept = NonNull::new(cleanup.data.cast::<Kept<M>>())?;
    // SAFETY: a cleanup with this handler has as its data what `create` has made, for this module or for another one: the
    // owner is at the same place in each.
    let owner = unsafe { (*kept.as_ptr()).owner };
    ptr::eq(owner, M::registration()).then_some(kept)
}

/// The state in what is kept of a request.
///
/// # Safety
///
/// The request must live for `'r`.
pub(crate) unsafe fn of<'r, M: HttpModule>(kept: NonNull<Kept<M>>) -> &'r M::State<'r> {
    // SAFETY: what is kept lives as long as the request, says the caller. What the state has borrowed, all through
    // requests that stand for the same, does so too: it has been borrowed for that long (see `Request`).
    unsafe { &*ptr::addr_of!((*kept.as_ptr()).state).cast::<M::State<'r>>() }
}

/// Begins to keep something of a main request; `None` if memory is out.
///
/// # Safety
///
/// `r` must be a live main request of which nothing is kept.
pub(crate) unsafe fn create<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<Kept<M>>> {
    const { assert!(pool::can_hold::<Kept<M>>()) };
    // SAFETY: `r` is live, says the caller, and so is its pool; nginx gives as much memory as asked for.
    unsafe {
        let pool = (*r).pool;
        let kept = NonNull::new(ngx_palloc(pool, mem::size_of::<Kept<M>>()).cast::<Kept<M>>())?;
        let cleanup = ngx_pool_cleanup_t { handler: Some(MARK), data: kept.as_ptr().cast(), next: (*pool).cleanup };
        kept.write(Kept { cleanup, owner: M::registration(), state: Default::default() });
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
    unsafe { (*r).ctx.add(M::registration().ctx_index()) }
}

/// Our cleanup handler: it has nothing to clean, it tells our cleanup from others.
const MARK: unsafe extern "C" fn(*mut c_void) = mark;

unsafe extern "C" fn mark(_kept: *mut c_void) {}
