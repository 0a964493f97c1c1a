//! The chain of request body filters.

use nginx_sys::{
    ngx_chain_t, ngx_http_request_body_filter_pt, ngx_http_request_t, ngx_http_top_request_body_filter, ngx_int_t,
    NGX_HTTP_INTERNAL_SERVER_ERROR,
};

use super::{HttpModule, Request};

/// The filter behind ours. A shared object holds one module, so one will do.
static mut NEXT: ngx_http_request_body_filter_pt = None;

/// Puts the module's filter at the head of the chain, as every filter does.
pub(super) fn register<M: HttpModule>() {
    // SAFETY: called while the configuration is read, on the one thread.
    unsafe {
        NEXT = ngx_http_top_request_body_filter;
        ngx_http_top_request_body_filter = Some(filter::<M>);
    }
}

unsafe extern "C" fn filter<M: HttpModule>(r: *mut ngx_http_request_t, input: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request and a chain for the next filter.
    unsafe {
        if M::watches_request_body(&Request::new(r)) {
            watch::<M>(r, input)
        } else {
            next(r, input)
        }
    }
}

/// Lets the module look at a piece of a body, and passes that on if it may be.
///
/// # Safety
///
/// `r` must be a live request, `input` a chain for the next filter.
#[inline(never)]
unsafe fn watch<M: HttpModule>(r: *mut ngx_http_request_t, input: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: the request is live, says the caller, and the next filter takes what this one got.
    unsafe {
        match M::request_body(&Request::new(r)) {
            Ok(()) => next(r, input),
            Err(status) => status.as_ngx(),
        }
    }
}

/// Calls the next filter.
///
/// # Safety
///
/// `r` must be a live request, `input` a chain for that filter.
unsafe fn next(r: *mut ngx_http_request_t, input: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: set by `register`, before there was a request, and read on the one thread; what it takes is up to the
    // caller.
    unsafe {
        match NEXT {
            Some(next) => next(r, input),
            None => NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t,
        }
    }
}
