//! What a module remembers of a request.
//!
//! nginx zeroes every module's context of a request on internal redirects and named locations, and where a filter
//! finalizes it (`ngx_http_filter_finalize_request`). So the state of a main request hangs on a cleanup of its pool,
//! found by its handler, and the context is only the short way to it. A subrequest has no state of its own; its context
//! holds the one number that may have to be set aside for it.

use core::cell::Cell;
use core::ffi::c_void;
use core::mem;
use core::ptr::{self, NonNull};

use nginx_sys::{ngx_http_request_t, ngx_palloc, ngx_pool_cleanup_t, ngx_recv_pt};

use super::stream::Watch;
use super::{bits, pool, HttpModule};

/// What is kept of a main request.
pub(super) struct Kept<S> {
    /// Where the pool finds it, and [`search`] does. Part of it so that one allocation will do.
    cleanup: ngx_pool_cleanup_t,
    /// The module's state.
    pub(super) state: S,
    /// See [`set_aside`].
    aside: Cell<Option<u64>>,
    /// How the connection is read from, where that is intercepted.
    pub(super) recv: Cell<ngx_recv_pt>,
    /// Whether the system cannot drop what comes over this connection without a buffer.
    pub(super) wants_buffer: Cell<bool>,
    /// How much there must be to read from the connection for nginx to be woken up, in bytes.
    pub(super) wake_up_for: Cell<i32>,
    /// How often nginx has looked at what it read from the connection, since it was last told that there is something.
    pub(super) looks: Cell<u32>,
    /// The stream, where it is taken.
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
        kept.write(Kept {
            cleanup,
            state: M::State::default(),
            aside: Cell::new(None),
            recv: Cell::new(None),
            wants_buffer: Cell::new(false),
            wake_up_for: Cell::new(1),
            looks: Cell::new(0),
            watch: Cell::new(None),
        });
        (*pool).cleanup = ptr::addr_of_mut!((*kept.as_ptr()).cleanup);
        *context::<M>(r) = kept.as_ptr().cast();
        Some(kept)
    }
}

/// Sets a number aside, to be had back once with [`take_aside`]. Says whether there is room for it: for a main request
/// there is if something is kept of it, for a subrequest if the number is less than [`usize::MAX`].
///
/// # Safety
///
/// `r` must be a live request.
pub(super) unsafe fn set_aside<M: HttpModule>(r: *mut ngx_http_request_t, number: u64) -> bool {
    // SAFETY: `r` is live, says the caller; what `find` finds is.
    unsafe {
        if (*r).main != r {
            let Some(number) = usize::try_from(number).ok().and_then(|number| number.checked_add(1)) else {
                return false;
            };
            *context::<M>(r) = number as *mut c_void;
            return true;
        }
        match find::<M>(r) {
            Some(kept) => {
                kept.as_ref().aside.set(Some(number));
                true
            }
            None => false,
        }
    }
}

/// The number set aside for a request, if there is one.
///
/// # Safety
///
/// `r` must be a live request.
pub(super) unsafe fn take_aside<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<u64> {
    // SAFETY: `r` is live, says the caller; what `find` finds is.
    unsafe {
        if (*r).main != r {
            let number = mem::replace(&mut *context::<M>(r), ptr::null_mut()) as usize;
            return number.checked_sub(1).map(|number| number as u64);
        }
        find::<M>(r)?.as_ref().aside.take()
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
