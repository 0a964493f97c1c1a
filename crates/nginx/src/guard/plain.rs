//! What stands before a guard: a filter that does nothing but look at the result of each write. Most uploads never need
//! more, and this takes no memory.
//!
//! A guard is installed when a write does not succeed at once, and before the first one where that is not enough: over TLS,
//! where the kept connection has something to read, and where nginx has a filter of its own for the request.

use core::ffi::c_void;
use core::ptr;
use std::io;

use nginx_sys::{
    ngx_chain_t, ngx_chain_writer, ngx_chain_writer_ctx_t, ngx_http_request_t, ngx_http_upstream_t, ngx_int_t,
    ngx_output_chain_filter_pt, NGX_ERROR, NGX_OK,
};

use super::{install, is_ours, is_stale, Filter};
use crate::connection::Connection;
use crate::{shim, state, HttpModule, Request};

/// Guards a request on its way to its upstream, if it has one, and the module watches it.
///
/// # Safety
///
/// `r` must be live.
#[inline]
pub(crate) unsafe fn guard<M: HttpModule>(r: *mut ngx_http_request_t) {
    // SAFETY: live, says the caller; an upstream lives as long as the request.
    let Some(u) = (unsafe { (*r).upstream.as_mut() }) else {
        return;
    };
    let filter = u.output.output_filter;
    if is(filter, write::<M>) || is_ours::<M>(filter) {
        return;
    }
    // SAFETY: live, says the caller.
    unsafe { guard_first::<M>(r, u) }
}

/// The same for a request that is not guarded.
///
/// # Safety
///
/// `r` must be live, and `u` be its upstream.
#[inline(never)]
unsafe fn guard_first<M: HttpModule>(r: *mut ngx_http_request_t, u: &mut ngx_http_upstream_t) {
    // SAFETY: live, says the caller.
    let request = unsafe { Request::<M>::new(r) };
    if !request.has_body() || !M::watches_upstream(request) {
        return;
    }
    let filter = u.output.output_filter;
    let writer = ptr::addr_of_mut!(u.writer).cast();
    // nginx sets its filter when the body has been read, unless there is one. The data of that is for no other.
    if filter.is_none() || u.output.filter_ctx == writer {
        u.output.output_filter = Some(write::<M>);
        u.output.filter_ctx = writer;
    } else {
        // SAFETY: reads a bit of the upstream's configuration. nginx has used that to set its filter.
        let is_http2 = unsafe { shim::nginx_shim_preserve_output(u.conf) != 0 };
        // What follows frames has to see the first of them.
        if !is_http2 || request.is_upstream_connecting() {
            // SAFETY: live, says the caller.
            unsafe { install::<M>(r, u) };
        }
    }
    // Nothing is kept of a subrequest, which has its body from the start.
    if filter.is_none() && !u.resolved.is_null() && request.is_main() {
        // SAFETY: live, says the caller, and a main request.
        unsafe { guard_again::<M>(r, u) };
    }
}

/// Has a request guarded again when nginx makes what is to be written: it may then set a filter of its own in the place of ours.
/// Does nothing if memory is out.
///
/// # Safety
///
/// `r` must be a live main request, and `u` be its upstream, with the `create_request` that nginx has given it.
unsafe fn guard_again<M: HttpModule>(r: *mut ngx_http_request_t, u: &mut ngx_http_upstream_t) {
    // SAFETY: up to the caller.
    if let Some(kept) = unsafe { state::find_or_create::<M>(r) } {
        // SAFETY: live, says the caller.
        unsafe { state::set_create_request(kept, u.create_request.replace(create_request::<M>)) };
    }
}

/// Makes what is to be written to an upstream, as nginx does: `ngx_http_upstream_t.create_request`.
unsafe extern "C" fn create_request<M: HttpModule>(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request, and `guard_again` has been called for a main request.
    let original = unsafe { state::find::<M>(r).and_then(|kept| state::create_request(kept)) };
    let Some(original) = original else {
        return NGX_ERROR as ngx_int_t;
    };
    // SAFETY: nginx's own function takes what this one got.
    let result = unsafe { original(r) };
    if result == NGX_OK as ngx_int_t {
        // SAFETY: nginx goes on with the request.
        unsafe { guard::<M>(r) };
    }
    result
}

fn is(filter: ngx_output_chain_filter_pt, other: Filter) -> bool {
    filter.is_some_and(|filter| filter as usize == other as usize)
}

/// Writes some of a request to its upstream: `ngx_output_chain_ctx_t.output_filter`.
unsafe extern "C" fn write<M: HttpModule>(writer: *mut c_void, chain: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: the filter's data is that of nginx's own filter, which has the connection that it writes to.
    let c = unsafe { Connection::new((*writer.cast::<ngx_chain_writer_ctx_t>()).connection) };
    if !c.has_sent() {
        // SAFETY: as above.
        return unsafe { write_first::<M>(writer, chain) };
    }
    // SAFETY: nginx's own filter takes what this one got.
    let result = unsafe { ngx_chain_writer(writer, chain) };
    if result == NGX_OK as ngx_int_t {
        return result;
    }
    // SAFETY: nginx is writing the request.
    unsafe { after_write::<M>(c, result) }
}

/// The same, where nothing has been written to the connection yet.
///
/// # Safety
///
/// `writer` must be the data of nginx's own filter, and `chain` for that filter. nginx must be writing a request.
#[inline(never)]
unsafe fn write_first<M: HttpModule>(writer: *mut c_void, chain: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: nginx's own filter has the connection that it writes to.
    let c = unsafe { Connection::new((*writer.cast::<ngx_chain_writer_ctx_t>()).connection) };
    // SAFETY: nginx is writing a request, as the caller promises.
    let (r, u) = unsafe { written(c) };
    // SAFETY: as above.
    if c.is_tls() || cfg!(not(target_os = "linux")) || unsafe { is_stale(u, c) } {
        // SAFETY: as above.
        if let Some(guard) = unsafe { install::<M>(r, u) } {
            // SAFETY: the guard calls nginx's own filter, which takes what this one got.
            return unsafe { guard.write_with_care::<M>(chain) };
        }
        // Without memory for that it is as with nginx alone.
        // SAFETY: as above.
        unsafe { (*u).output.output_filter = Some(ngx_chain_writer) };
    }
    // SAFETY: nginx's own filter takes what this one got.
    let result = unsafe { ngx_chain_writer(writer, chain) };
    if result == NGX_OK as ngx_int_t {
        return result;
    }
    // SAFETY: as above.
    unsafe { after_write::<M>(c, result) }
}

/// Does what is left to do after a write that leaves something to do. Returns what nginx is to be told.
///
/// # Safety
///
/// nginx must be writing a request to the connection.
#[inline(never)]
unsafe fn after_write<M: HttpModule>(c: Connection, result: ngx_int_t) -> ngx_int_t {
    let error = io::Error::last_os_error();
    // SAFETY: up to the caller.
    let (r, u) = unsafe { written(c) };
    // SAFETY: as above.
    let Some(guard) = (unsafe { install::<M>(r, u) }) else {
        return result;
    };
    // SAFETY: as above.
    unsafe {
        guard.open(u, c, false);
        guard.after_write::<M>(result, &error)
    }
}

/// The request that is written to a connection, and its upstream.
///
/// # Safety
///
/// nginx must be writing a request to the connection.
unsafe fn written(c: Connection) -> (*mut ngx_http_request_t, *mut ngx_http_upstream_t) {
    // SAFETY: up to the caller; the connection to an upstream has the request as its data.
    unsafe {
        let r = (*c.as_ptr()).data.cast::<ngx_http_request_t>();
        (r, (*r).upstream)
    }
}

impl Connection {
    /// Returns whether something has been written to the connection, since it was taken out of those that are kept.
    fn has_sent(self) -> bool {
        // SAFETY: reads a number of the connection.
        unsafe { (*self.as_ptr()).sent != 0 }
    }
}
