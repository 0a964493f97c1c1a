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
    // SAFETY: nginx passes a live request.
    if let Err(status) = M::request_body(&unsafe { Request::new(r) }) {
        return status.as_ngx();
    }

    // SAFETY: set by `register`, before there was a request; read on the one thread.
    match unsafe { NEXT } {
        // SAFETY: the next filter takes what this one got.
        Some(next) => unsafe { next(r, input) },
        None => NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t,
    }
}
