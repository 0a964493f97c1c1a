//! The chain of request body filters.

use nginx_sys::{
    ngx_chain_t, ngx_http_request_body_filter_pt, ngx_http_request_t, ngx_http_top_request_body_filter, ngx_int_t,
    NGX_DONE, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK,
};

use super::{stream, Got, HttpModule, Patience, Piece, Request};

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

/// Lets the module look at a piece of a body, and does with it what the module says.
///
/// # Safety
///
/// `r` must be a live request, `input` a chain for the next filter.
#[inline(never)]
unsafe fn watch<M: HttpModule>(r: *mut ngx_http_request_t, input: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: the request is live, says the caller, and the next filter takes what this one got.
    unsafe {
        match M::request_body(&Request::new(r)) {
            Piece::Pass => next(r, input),
            Piece::Drop => drop_piece::<M>(r, input),
            Piece::Refuse(status) => status.as_ngx(),
        }
    }
}

/// Drops a piece of a body.
///
/// # Safety
///
/// `r` must be a live main request whose stream is taken, `input` a chain for the next filter.
unsafe fn drop_piece<M: HttpModule>(r: *mut ngx_http_request_t, mut input: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: the request is live, says the caller, and the chain ends in NULL and has a buffer in each link.
    unsafe {
        let request = Request::new(r);
        // Where there is no piece, a frame is about to become one.
        let last = if input.is_null() && request.is_done() { request.last_frame() } else { None };
        let mut dropped = last.unwrap_or(0);
        while !input.is_null() {
            let buffer = (*input).buf;
            dropped = dropped.saturating_add(((*buffer).last as u64).saturating_sub((*buffer).pos as u64));
            (*buffer).pos = (*buffer).last;
            input = (*input).next;
        }
        if dropped > 0 {
            M::has_read(&request, Got::Bytes(dropped));
        }
        if last.is_some() {
            M::has_read(&request, Got::Whole);
        }
        // nginx may go on reading for as long as the client sends, and finalizes the request with what is not NGX_OK. That need
        // not be its end: a subrequest in the background may be left, as that of a mirror.
        if request.is_done() && !matches!(M::patience(&request), Patience::Wait(_)) {
            stream::release::<M>(r);
            return NGX_DONE as ngx_int_t;
        }
        NGX_OK as ngx_int_t
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
