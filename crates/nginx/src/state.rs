//! What a module remembers of a request.
//!
//! nginx zeroes every module's context of a request at internal redirects and named locations, and when a filter
//! finalizes the request (`ngx_http_filter_finalize_request`). So the state of a main request belongs to a cleanup of
//! the request's pool, and is found there by the cleanup's handler. The context is only a shortcut to it. A subrequest
//! has no state of its own.

use core::cell::Cell;
use core::ffi::c_void;
use core::mem;
use core::ptr::{self, NonNull};

use nginx_sys::{ngx_http_request_t, ngx_int_t, ngx_palloc, ngx_pool_cleanup_t, ngx_uint_t, NGX_HTTP_MAX_URI_CHANGES};

use crate::{pool, shim, Event, HttpModule, Registration};

/// What is kept of a main request.
#[repr(C)]
pub(crate) struct Kept<M: HttpModule> {
    head: Head,
    /// The module's state. What it has borrowed lives as long as the request.
    state: M::State<'static>,
}

/// What is kept of a main request for any module.
struct Head {
    /// The cleanup by which the pool and [`search`] find this. It is part of this struct so that one allocation is
    /// enough.
    cleanup: ngx_pool_cleanup_t,
    /// The module that this belongs to: [`search`] may find another module's.
    owner: *const Registration,
    /// The timer of the request's deadline, once one has been set.
    timer: Cell<Option<Event>>,
    /// nginx's own function that makes what is to be written to the request's upstream, where ours is in its place.
    create_request: Cell<CreateRequest>,
}

/// `ngx_http_upstream_t.create_request`
pub(crate) type CreateRequest = Option<unsafe extern "C" fn(*mut ngx_http_request_t) -> ngx_int_t>;

/// What is kept of a main request; `None` if nothing is.
///
/// # Safety
///
/// `r` must be a live main request.
pub(crate) unsafe fn find<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<Kept<M>>> {
    // SAFETY: `r` is live, as the caller promises. It has a context for each module, which for a main request only this
    // file sets. Its pool has a list of cleanups. The data of one with our handler is what `create` made.
    unsafe { at_hand::<M>(r).or_else(|| search::<M>(r)) }
}

/// What is kept of a main request, unless nginx has zeroed the context. Nothing is kept of a subrequest.
///
/// # Safety
///
/// `r` must be a live request.
#[inline]
pub(crate) unsafe fn at_hand<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<Kept<M>>> {
    // SAFETY: `r` is live, as the caller promises. Its context is null, or what `create` made.
    unsafe { NonNull::new((*context::<M>(r)).cast()) }
}

/// Searches the cleanups for what is kept of a main request, if nginx may have zeroed the context.
///
/// # Safety
///
/// `r` must be a live main request.
#[cold]
#[inline(never)]
unsafe fn search<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<Kept<M>>> {
    // SAFETY: `r` is live, as the caller promises, and has a pool, in which the list of its cleanups begins.
    let mut cleanup = unsafe { (*(*r).pool).cleanup };
    // SAFETY: as above.
    if cleanup.is_null() || unsafe { shim::nginx_shim_internal(r) == 0 && shim::nginx_shim_filter_finalize(r) == 0 } {
        return None;
    }
    // SAFETY: `cleanup` is a link of that list, which ends in NULL.
    while let Some(link) = unsafe { cleanup.as_ref() } {
        if let Some(kept) = kept_by::<M>(link) {
            // SAFETY: `r` is live, as the caller promises.
            unsafe { *context::<M>(r) = kept.as_ptr().cast() };
            return Some(kept);
        }
        cleanup = link.next;
    }
    None
}

/// What a cleanup keeps, if it is this module's.
fn kept_by<M: HttpModule>(cleanup: &ngx_pool_cleanup_t) -> Option<NonNull<Kept<M>>> {
    cleanup.handler.filter(|&handler| handler as usize == MARK as usize)?;
    let kept = NonNull::new(cleanup.data.cast::<Kept<M>>())?;
    // SAFETY: the data of a cleanup with this handler is what `create` has made, for this module or another one. Its
    // owner is at the same place in each.
    let owner = unsafe { (*kept.as_ptr()).head.owner };
    ptr::eq(owner, M::registration()).then_some(kept)
}

/// The state in what is kept of a request.
///
/// # Safety
///
/// The request must live for `'r`.
pub(crate) unsafe fn of<'r, M: HttpModule>(kept: NonNull<Kept<M>>) -> &'r M::State<'r> {
    // SAFETY: what is kept lives as long as the request, as the caller promises. So does what the state has borrowed:
    // all values of `Request` that stand for this request lend for that long (see `Request`).
    unsafe { &*ptr::addr_of!((*kept.as_ptr()).state).cast::<M::State<'r>>() }
}

/// What is kept of a main request, from now on if nothing has been; `None` if memory is out.
///
/// # Safety
///
/// `r` must be a live main request.
#[inline(never)]
pub(crate) unsafe fn find_or_create<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<Kept<M>>> {
    // SAFETY: up to the caller.
    unsafe { find::<M>(r).or_else(|| create::<M>(r)) }
}

/// Marks a request that has come straight from the client, until nginx zeroes the contexts. Another module that comes first may
/// have called it internal, as Lua does where a script changes the URI; but nginx counts each redirect.
///
/// # Safety
///
/// `r` must be a live request.
pub(crate) unsafe fn mark_direct<M: HttpModule>(r: *mut ngx_http_request_t) {
    // SAFETY: `r` is live, as the caller promises, and so is the place of the mark.
    unsafe {
        if (*r).main == r && shim::nginx_shim_uri_changes(r) > NGX_HTTP_MAX_URI_CHANGES as ngx_uint_t {
            *mark::<M>(r) = ptr::from_ref(M::registration()).cast_mut().cast();
        }
    }
}

/// Whether a request has that mark still.
///
/// # Safety
///
/// `r` must be a live request.
pub(crate) unsafe fn is_direct<M: HttpModule>(r: *mut ngx_http_request_t) -> bool {
    // SAFETY: `r` is live, as the caller promises.
    unsafe { !(*mark::<M>(r)).is_null() }
}

/// The place of that mark in a request: the context of the module that sees what is written, which needs none.
///
/// # Safety
///
/// `r` must be a live request.
unsafe fn mark<M: HttpModule>(r: *mut ngx_http_request_t) -> *mut *mut c_void {
    // SAFETY: `r` is live, as the caller promises. `ctx` has a place for each HTTP module.
    unsafe { (*r).ctx.add(M::registration().written_ctx_index()) }
}

/// Starts to keep something of a main request; `None` if memory is out.
///
/// # Safety
///
/// `r` must be a live main request of which nothing is kept.
unsafe fn create<M: HttpModule>(r: *mut ngx_http_request_t) -> Option<NonNull<Kept<M>>> {
    const { assert!(pool::can_hold::<Kept<M>>()) };
    // SAFETY: `r` is live, as the caller promises, and so is its pool. nginx gives as much memory as asked for.
    unsafe {
        let pool = (*r).pool;
        let kept = NonNull::new(ngx_palloc(pool, mem::size_of::<Kept<M>>()).cast::<Kept<M>>())?;
        let cleanup = ngx_pool_cleanup_t { handler: Some(MARK), data: kept.as_ptr().cast(), next: (*pool).cleanup };
        let head = Head { cleanup, owner: M::registration(), timer: Cell::new(None), create_request: Cell::new(None) };
        kept.write(Kept { head, state: Default::default() });
        (*pool).cleanup = ptr::addr_of_mut!((*kept.as_ptr()).head.cleanup);
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
    // SAFETY: `r` is live, as the caller promises. `ctx` has a place for each HTTP module.
    unsafe { (*r).ctx.add(M::registration().ctx_index()) }
}

/// The timer of the request's deadline; `None` if none has been set.
///
/// # Safety
///
/// The request must be live.
pub(crate) unsafe fn timer<M: HttpModule>(kept: NonNull<Kept<M>>) -> Option<Event> {
    // SAFETY: what is kept lives as long as the request, as the caller promises.
    unsafe { (*kept.as_ptr()).head.timer.get() }
}

/// Sets the timer of the request's deadline. It is stopped when the request ends.
///
/// # Safety
///
/// The request must be live, and the timer in its pool.
pub(crate) unsafe fn set_timer<M: HttpModule>(kept: NonNull<Kept<M>>, timer: Event) {
    // SAFETY: what is kept lives as long as the request, as the caller promises.
    unsafe { (*kept.as_ptr()).head.timer.set(Some(timer)) }
}

/// What [`set_create_request`] has kept.
///
/// # Safety
///
/// The request must be live.
pub(crate) unsafe fn create_request<M: HttpModule>(kept: NonNull<Kept<M>>) -> CreateRequest {
    // SAFETY: what is kept lives as long as the request, as the caller promises.
    unsafe { (*kept.as_ptr()).head.create_request.get() }
}

/// Keeps nginx's own function that makes what is to be written to the request's upstream. That of an upstream from before a
/// redirect is not called any more.
///
/// # Safety
///
/// The request must be live.
pub(crate) unsafe fn set_create_request<M: HttpModule>(kept: NonNull<Kept<M>>, original: CreateRequest) {
    // SAFETY: what is kept lives as long as the request, as the caller promises.
    unsafe { (*kept.as_ptr()).head.create_request.set(original) }
}

/// Our cleanup handler. It also tells our cleanup from others.
const MARK: unsafe extern "C" fn(*mut c_void) = clean;

/// Stops the timer when nginx destroys the request's pool.
unsafe extern "C" fn clean(kept: *mut c_void) {
    // SAFETY: nginx calls this with the data of the cleanup, which `create` has made. Its head comes first.
    if let Some(timer) = unsafe { (*kept.cast::<Head>()).timer.get() } {
        timer.stop_timer();
    }
}
