//! The end of a response, seen from the chains of header and body filters.
//!
//! The filters look at what passes and change nothing. They belong to a module of their own in the same shared object:
//! where ours is placed, nginx's own header filter comes later and begins the chain anew.

use nginx_sys::{
    ngx_chain_t, ngx_conf_t, ngx_http_module_t, ngx_http_output_body_filter_pt, ngx_http_output_header_filter_pt,
    ngx_http_request_t, ngx_http_top_body_filter, ngx_http_top_header_filter, ngx_int_t, NGX_ERROR, NGX_OK,
};

use super::{bits, conf, Hooks, HttpModule, Request};

/// The filters behind ours.
static mut NEXT_HEADER: ngx_http_output_header_filter_pt = None;
static mut NEXT_BODY: ngx_http_output_body_filter_pt = None;

/// The hooks that nginx sets the filters up with.
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

/// Puts the filters at the head of their chains: `ngx_http_module_t.postconfiguration`.
unsafe extern "C" fn register<M: HttpModule>(_cf: *mut ngx_conf_t) -> ngx_int_t {
    if conf::ever_needed().include(Hooks::RESPONSE) {
        // SAFETY: called while the configuration is read, on the one thread.
        unsafe {
            NEXT_HEADER = ngx_http_top_header_filter;
            ngx_http_top_header_filter = Some(header::<M>);
            NEXT_BODY = ngx_http_top_body_filter;
            ngx_http_top_body_filter = Some(body::<M>);
        }
    }
    NGX_OK as ngx_int_t
}

unsafe extern "C" fn header<M: HttpModule>(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request; what is next was set by `register`, on the one thread.
    unsafe {
        let result = match NEXT_HEADER {
            Some(next) => next(r),
            None => NGX_ERROR as ngx_int_t,
        };
        // Whether there is anything but a header is known when the last filter has seen it.
        if result != NGX_ERROR as ngx_int_t && bits::nginx_bits_header_only(r) != 0 {
            M::response_end(&Request::new(r));
        }
        result
    }
}

unsafe extern "C" fn body<M: HttpModule>(r: *mut ngx_http_request_t, chain: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: as above, with a valid chain.
    unsafe {
        // The next filters use the chain up.
        let ends = bits::nginx_bits_ends_response(chain) != 0;
        let result = match NEXT_BODY {
            Some(next) => next(r, chain),
            None => NGX_ERROR as ngx_int_t,
        };
        if ends && result != NGX_ERROR as ngx_int_t {
            M::response_end(&Request::new(r));
        }
        result
    }
}
