//! The chain of request body filters.

use core::marker::PhantomData;

use nginx_sys::{
    ngx_chain_t, ngx_http_request_t, ngx_http_top_request_body_filter, ngx_int_t, NGX_DONE,
    NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK,
};

use crate::{HttpModule, Piece, Request};

/// A piece of a body, in buffers that nginx reads into. There may be none, where nginx only asks.
pub struct Input<'a>(*mut ngx_chain_t, PhantomData<&'a mut ngx_chain_t>);

impl Input<'_> {
    /// Whether there is no piece.
    pub fn is_none(&self) -> bool {
        self.0.is_null()
    }

    /// Takes all out of the buffers. Returns how much that was, in bytes.
    pub fn discard(&mut self) -> u64 {
        let (mut link, mut size) = (self.0, 0_u64);
        // SAFETY: the chain ends in NULL, and has a buffer in each link, of which `pos` to `last` is full.
        while let Some(buffer) = unsafe { link.as_ref() }.map(|link| link.buf) {
            // SAFETY: as above.
            unsafe {
                size = size.saturating_add(((*buffer).last as u64).saturating_sub((*buffer).pos as u64));
                (*buffer).pos = (*buffer).last;
                link = (*link).next;
            }
        }
        size
    }
}

/// Puts the module's filter at the head of the chain, as every filter does.
pub(crate) fn register<M: HttpModule>() {
    // SAFETY: called while the configuration is read, on the one thread.
    unsafe {
        M::registration().next.request_body.set(ngx_http_top_request_body_filter);
        ngx_http_top_request_body_filter = Some(filter::<M>);
    }
}

unsafe extern "C" fn filter<M: HttpModule>(r: *mut ngx_http_request_t, input: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request and a chain for the next filter.
    unsafe {
        if M::watches_request_body(Request::new(r)) {
            watch::<M>(r, input)
        } else {
            next::<M>(r, input)
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
        match M::request_body(Request::new(r), &mut Input(input, PhantomData)) {
            Piece::Pass => next::<M>(r, input),
            Piece::Taken => NGX_OK as ngx_int_t,
            Piece::Over => NGX_DONE as ngx_int_t,
            Piece::Refuse(status) => status.as_ngx(),
        }
    }
}

/// Calls the next filter.
///
/// # Safety
///
/// `r` must be a live request, `input` a chain for that filter.
unsafe fn next<M: HttpModule>(r: *mut ngx_http_request_t, input: *mut ngx_chain_t) -> ngx_int_t {
    match M::registration().next.request_body.get() {
        // SAFETY: what it takes is up to the caller.
        Some(next) => unsafe { next(r, input) },
        None => NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t,
    }
}
