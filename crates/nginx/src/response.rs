//! The filters of a response's header and body on its way to the client.
//!
//! The filters belong to a module of their own in the same shared object. That module is placed last, because nginx's
//! own header filter comes later than the main module, and starts the chain anew. The handlers of the rewrite phases
//! belong to it for the same reason: only there do they run before those of nginx's rewrite module.

use core::ptr;

use nginx_sys::{
    ngx_chain_t, ngx_conf_t, ngx_http_module_t, ngx_http_phases_NGX_HTTP_REWRITE_PHASE,
    ngx_http_phases_NGX_HTTP_SERVER_REWRITE_PHASE, ngx_http_request_t, ngx_http_top_body_filter,
    ngx_http_top_header_filter, ngx_int_t, NGX_AGAIN, NGX_DECLINED, NGX_ERROR, NGX_OK,
};

use crate::{module, shim, state, Hooks, HttpModule, Registration, Request};

/// The `ngx_http_module_t` of the module with the filters.
pub const fn context<M: HttpModule>() -> ngx_http_module_t {
    ngx_http_module_t {
        preconfiguration: None,
        postconfiguration: Some(register::<M>),
        create_main_conf: None,
        init_main_conf: None,
        create_srv_conf: None,
        merge_srv_conf: None,
        create_loc_conf: None,
        merge_loc_conf: None,
    }
}

/// Puts the filters at the head of their chains, and a handler in both rewrite phases:
/// `ngx_http_module_t.postconfiguration`.
unsafe extern "C" fn register<M: HttpModule>(cf: *mut ngx_conf_t) -> ngx_int_t {
    let Registration { reading, places, .. } = M::registration();
    if reading.ever_needed().include_any(Hooks::REQUEST) {
        // SAFETY: nginx's own pointers. Called while the configuration is read, on the one thread.
        unsafe {
            places.header.enter(ptr::addr_of_mut!(ngx_http_top_header_filter), header::<M>);
            places.body.enter(ptr::addr_of_mut!(ngx_http_top_body_filter), body::<M>);
        }
    }
    if reading.needed().include_any(Hooks::REQUEST) {
        for phase in [ngx_http_phases_NGX_HTTP_SERVER_REWRITE_PHASE, ngx_http_phases_NGX_HTTP_REWRITE_PHASE] {
            // SAFETY: nginx passes the configuration being read.
            if !unsafe { module::add_handler(cf, phase as usize, Some(rewrite::<M>)) } {
                return NGX_ERROR as ngx_int_t;
            }
        }
    }
    NGX_OK as ngx_int_t
}

unsafe extern "C" fn rewrite<M: HttpModule>(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request.
    unsafe {
        state::mark_direct::<M>(r);
        M::rewrite(Request::new(r));
    }
    NGX_DECLINED as ngx_int_t
}

unsafe extern "C" fn header<M: HttpModule>(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request.
    let request = unsafe { Request::<M>::new(r) };
    if !M::watches_response(request) {
        // SAFETY: the next filter takes what this one got.
        return unsafe { M::registration().places.header.next()(r) };
    }
    // SAFETY: nginx passes a live request.
    unsafe { watched_header::<M>(r) }
}

/// The same for a response that the module watches.
///
/// # Safety
///
/// `r` must be live.
#[inline(never)]
unsafe fn watched_header<M: HttpModule>(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: live, says the caller.
    let request = unsafe { Request::<M>::new(r) };
    if let Some(status) = request.is_main().then(|| M::response_header(request)).flatten() {
        request.forget_response();
        return status.as_ngx();
    }
    // SAFETY: the next filter takes what this one got.
    let result = unsafe { M::registration().places.header.next()(r) };
    // A filter may return a status, and nginx then answers with that.
    let is_made = result == NGX_OK as ngx_int_t || result == NGX_AGAIN as ngx_int_t;
    if is_made && request.is_main() {
        M::response_begin(request);
        // Only after the last filter is it known whether the response has a body.
        if request.is_header_only() {
            M::response_end(request);
        }
    }
    result
}

unsafe extern "C" fn body<M: HttpModule>(r: *mut ngx_http_request_t, chain: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request.
    let request = unsafe { Request::<M>::new(r) };
    if !M::watches_response(request) {
        // SAFETY: the next filter takes what this one got.
        return unsafe { M::registration().places.body.next()(r, chain) };
    }
    // SAFETY: nginx passes a live request and a valid chain.
    unsafe { watched_body::<M>(r, chain) }
}

/// The same for a response that the module watches.
///
/// # Safety
///
/// `r` must be live, and `chain` valid.
#[inline(never)]
unsafe fn watched_body<M: HttpModule>(r: *mut ngx_http_request_t, chain: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: live, says the caller.
    let request = unsafe { Request::<M>::new(r) };
    if let Some(status) = request.is_main().then(|| M::replaced_response(request)).flatten() {
        return status.as_ngx();
    }
    // The next filters consume the chain.
    // SAFETY: nginx passes a valid chain.
    let ends = request.is_main() && unsafe { ends_response(chain) } && !request.is_post_action();
    // SAFETY: the next filter takes what this one got.
    let result = unsafe { M::registration().places.body.next()(r, chain) };
    if ends && result != NGX_ERROR as ngx_int_t {
        M::response_end(request);
    }
    result
}

/// Returns whether a chain ends the response to a client's request.
///
/// # Safety
///
/// `chain` must be valid.
unsafe fn ends_response(mut chain: *const ngx_chain_t) -> bool {
    // SAFETY: `chain` is null or a link of a valid chain, which ends in NULL.
    while let Some(link) = unsafe { chain.as_ref() } {
        // SAFETY: each link has a buffer.
        if unsafe { shim::nginx_shim_last_buf(link.buf) } != 0 {
            return true;
        }
        chain = link.next;
    }
    false
}
