//! The chain of request body filters.

use core::marker::PhantomData;
use core::ptr;

use nginx_sys::{
    ngx_chain_t, ngx_http_request_t, ngx_http_top_request_body_filter, ngx_int_t, NGX_DONE, NGX_ERROR,
    NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK,
};

use crate::{HttpModule, Piece, Request};

/// A piece of a body, in buffers that nginx reads into. It is absent when nginx calls the filters without data.
pub struct Input<'a>(*mut ngx_chain_t, PhantomData<&'a mut ngx_chain_t>);

impl Input<'_> {
    /// Returns whether there is no piece.
    pub fn is_none(&self) -> bool {
        self.0.is_null()
    }

    /// Empties the buffers. Returns how many bytes were in them.
    pub fn discard(&mut self) -> u64 {
        let (mut link, mut size) = (self.0, 0_u64);
        // SAFETY: the chain ends in NULL. Each link has a buffer, with data from `pos` to `last`.
        while let Some(buffer) = unsafe { link.as_ref() }.map(|link| link.buf) {
            // SAFETY: the link has a buffer, with data from `pos` to `last`.
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
    let place = &M::registration().places.request_body;
    // SAFETY: nginx's own pointer. Called while the configuration is read, on the one thread.
    unsafe { place.enter(ptr::addr_of_mut!(ngx_http_top_request_body_filter), filter::<M>) }
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

/// Passes a piece of a body to the module, and does what the module returns.
///
/// # Safety
///
/// `r` must be a live request, `input` a chain for the next filter.
#[inline(never)]
unsafe fn watch<M: HttpModule>(r: *mut ngx_http_request_t, input: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: the request is live, as the caller promises. The next filter takes what this one got.
    unsafe {
        match M::request_body(Request::new(r), &mut Input(input, PhantomData)) {
            Piece::Pass => next::<M>(r, input),
            Piece::Taken => NGX_OK as ngx_int_t,
            Piece::Over => NGX_DONE as ngx_int_t,
            Piece::Refuse(status) => status.as_ngx(),
        }
    }
}

/// Calls the next filter, and tells the module if that fails.
///
/// # Safety
///
/// `r` must be a live request, `input` a chain for that filter.
unsafe fn next<M: HttpModule>(r: *mut ngx_http_request_t, input: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: `r` is live, and `input` is a chain for the next filter, as the caller promises.
    let result = unsafe { M::registration().places.request_body.next()(r, input) };
    if result == NGX_ERROR as ngx_int_t || result >= NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t {
        // SAFETY: the request is live until nginx is told the result.
        M::request_body_lost(unsafe { Request::new(r) });
    }
    result
}
