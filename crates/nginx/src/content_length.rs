//! `$content_length`, which need not be the same for a request and its subrequests.

use core::{mem, ptr};

use nginx_sys::{
    ngx_conf_t, ngx_hash_key_t, ngx_http_request_t, ngx_http_variable_t, ngx_http_variable_value_t, ngx_int_t,
    ngx_palloc, ngx_uint_t, NGX_ERROR, NGX_HTTP_VAR_NOCACHEABLE, NGX_OK,
};

use crate::raw::RawRequest;
use crate::{module, shim, OutOfMemory};

/// Has nginx tell the upstream of a subrequest no length that is not its own: nginx keeps one value of `$content_length` for a
/// request and all of its subrequests, but these may have another body, or none
/// ([`Request::detach_body`](crate::Request::detach_body)).
///
/// # Errors
///
/// [`OutOfMemory`]
///
/// # Safety
///
/// `cf` must be the configuration being read, in postconfiguration.
pub(crate) unsafe fn tell_subrequests_apart(cf: *mut ngx_conf_t) -> Result<(), OutOfMemory> {
    // SAFETY: `cf` is the configuration being read, as the caller promises.
    let variable = unsafe { find(cf) };
    // SAFETY: `variable` is null, or a variable of nginx's.
    let Some(&nginx) = (unsafe { variable.as_ref() }) else {
        return Ok(());
    };
    // SAFETY: the pool is that of the configuration being read. nginx gives as much memory as asked for.
    let original = unsafe { ngx_palloc((*cf).pool, mem::size_of_val(&nginx)) }.cast::<ngx_http_variable_t>();
    if original.is_null() {
        return Err(OutOfMemory);
    }
    let flags = nginx.flags | NGX_HTTP_VAR_NOCACHEABLE as ngx_uint_t;
    let ours = ngx_http_variable_t { get_handler: Some(get), data: original as usize, flags, ..nginx };
    // SAFETY: there is room for a variable, which nobody else knows of yet.
    unsafe { original.write(nginx) };
    // SAFETY: nginx's variable, which nobody else uses meanwhile.
    unsafe { variable.write(ours) };
    Ok(())
}

/// nginx's `$content_length`; null if there is none.
///
/// # Safety
///
/// As for [`tell_subrequests_apart`].
unsafe fn find(cf: *mut ngx_conf_t) -> *mut ngx_http_variable_t {
    // SAFETY: `cf` is the configuration being read, as the caller promises. The core module has added its variables before.
    let keys = unsafe { ptr::addr_of!((*(*module::core_main_conf(cf)).variables_keys).keys) };
    // SAFETY: as above: an array of names, with a variable as the value of each.
    let keys = unsafe { (*keys).as_slice::<ngx_hash_key_t>() };
    let key = keys.iter().find(|key| key.key.as_bytes() == b"content_length");
    key.map_or(ptr::null_mut(), |key| key.value.cast())
}

/// Computes `$content_length`: `ngx_http_variable_t.get_handler`. A subrequest without a body has none while the request to its
/// upstream is made. At any other time, as in `set`, it has the length of its main request, with which it shares all values.
unsafe extern "C" fn get(r: *mut ngx_http_request_t, v: *mut ngx_http_variable_value_t, data: usize) -> ngx_int_t {
    // SAFETY: this is what `tell_subrequests_apart` has kept in the configuration, which outlives the request.
    let original = unsafe { &*(data as *const ngx_http_variable_t) };
    let Some(get) = original.get_handler else {
        return NGX_ERROR as ngx_int_t;
    };
    // SAFETY: nginx passes a live request, whose main request is live, too.
    let (main, is_shared) = unsafe { ((*r).main, r != (*r).main && (*r).variables == (*(*r).main).variables) };
    // SAFETY: as above.
    let is_of_main = is_shared && unsafe { has_no_body(r) && !is_asking(r) };
    // SAFETY: nginx's own handler takes what this one got, or the main request, and its own data.
    let result = unsafe { get(if is_of_main { main } else { r }, v, original.data) };
    if !is_shared || is_of_main || result != NGX_OK as ngx_int_t {
        return result;
    }
    // The main request must keep neither what this is nor that there is none. nginx uses a value without these bits once, and
    // asks again.
    // SAFETY: nginx passes a value, which its handler has filled in.
    if unsafe { shim::nginx_shim_value_not_found(v) } != 0 {
        // SAFETY: the same value. The text is static.
        unsafe { (*v).data = b"".as_ptr().cast_mut() };
        // SAFETY: writes bits of the same value.
        unsafe { shim::nginx_shim_set_value_len(v, 0) };
        // SAFETY: as above.
        unsafe { shim::nginx_shim_set_value_not_found(v, 0) };
    }
    // SAFETY: as above.
    unsafe { shim::nginx_shim_set_value_valid(v, 0) };
    result
}

/// Returns whether a request has neither a body nor the length of one.
///
/// # Safety
///
/// `r` must be live.
unsafe fn has_no_body(r: *mut ngx_http_request_t) -> bool {
    // SAFETY: live, says the caller.
    unsafe { RawRequest::new(r).is_bodiless() && (*r).headers_in.content_length_n < 0 }
}

/// Returns whether nginx is making the request to the upstream of a request.
///
/// # Safety
///
/// `r` must be live.
unsafe fn is_asking(r: *mut ngx_http_request_t) -> bool {
    // SAFETY: live, says the caller; an upstream lives as long as the request.
    let has_asked = unsafe { (*r).upstream.as_ref() }.is_none_or(|upstream| !upstream.request_bufs.is_null());
    // SAFETY: live, says the caller.
    let request = unsafe { RawRequest::new(r) };
    // A response from a cache, or an error before, is not asked for.
    // SAFETY: reads a bit of a live request.
    !has_asked && !request.is_done() && unsafe { shim::nginx_shim_cached(r) == 0 } && request.is_in_content_phase()
}
