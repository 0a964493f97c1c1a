//! Answers that the module makes itself.

use core::fmt::{self, Write};
use core::ptr;

use nginx_sys::{
    ngx_alloc_chain_link, ngx_buf_t, ngx_chain_t, ngx_create_temp_buf, ngx_http_discard_request_body,
    ngx_http_output_filter, ngx_http_request_t, ngx_http_send_header, ngx_int_t, ngx_str_t, NGX_ERROR,
    NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_HTTP_NOT_ALLOWED, NGX_HTTP_OK, NGX_OK,
};

use crate::{shim, HttpModule, Request};

/// The kind of an answer: its Content-Type.
pub struct Content(pub &'static str);

/// The body of an answer while it is written: a chain of buffers in the request's pool.
pub struct Output {
    r: *mut ngx_http_request_t,
    first: *mut ngx_chain_t,
    last: *mut ngx_chain_t,
    length: i64,
}

/// The size of each buffer, in bytes.
const BUFFER: usize = 32 << 10;

impl Output {
    /// The last buffer, or a new one if that has no room; `None` if memory is out.
    fn room(&mut self) -> Option<&mut ngx_buf_t> {
        // SAFETY: `last` is null, or a link with a buffer. Both live as long as the request, which is live while `self`
        // is used.
        let is_full = unsafe { self.last.as_ref().map(|link| (*link.buf).last == (*link.buf).end) };
        if is_full.unwrap_or(true) {
            self.append()?;
        }
        // SAFETY: `last` is a link with a buffer, and both live as long as the request.
        Some(unsafe { &mut *(*self.last).buf })
    }

    /// Adds an empty buffer; `None` if memory is out.
    fn append(&mut self) -> Option<()> {
        // SAFETY: the request is live while `self` is used, and has a pool.
        let (link, buffer) =
            unsafe { (ngx_alloc_chain_link((*self.r).pool), ngx_create_temp_buf((*self.r).pool, BUFFER)) };
        if link.is_null() || buffer.is_null() {
            return None;
        }
        // SAFETY: `link` has room for a link.
        unsafe { link.write(ngx_chain_t { buf: buffer, next: ptr::null_mut() }) };
        // SAFETY: `last` is null, or the link that was made before this one.
        match unsafe { self.last.as_mut() } {
            Some(last) => last.next = link,
            None => self.first = link,
        }
        self.last = link;
        Some(())
    }
}

impl Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let buffer = self.room().ok_or(fmt::Error)?;
            let length = rest.len().min((buffer.end as usize).saturating_sub(buffer.last as usize));
            // SAFETY: the buffer has room for `length` bytes, and does not overlap the text.
            unsafe {
                buffer.last.copy_from_nonoverlapping(rest.as_ptr(), length);
                buffer.last = buffer.last.add(length);
            }
            rest = rest.get(length..).unwrap_or_default();
            self.length = self.length.saturating_add_unsigned(length as u64);
        }
        Ok(())
    }
}

/// Answers a request: `ngx_http_core_loc_conf_t.handler`.
pub(crate) unsafe extern "C" fn handle<M: HttpModule>(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request.
    let request = unsafe { Request::new(r) };
    if !request.is_retrieval() {
        return NGX_HTTP_NOT_ALLOWED as ngx_int_t;
    }
    // SAFETY: nginx passes a live request.
    let discarded = unsafe { ngx_http_discard_request_body(r) };
    if discarded != NGX_OK as ngx_int_t {
        return discarded;
    }

    let mut output = Output { r, first: ptr::null_mut(), last: ptr::null_mut(), length: 0 };
    let content = M::content(request, &mut output);
    // SAFETY: `last` is null, or a link with a buffer. Both live as long as the request.
    let (Some(Content(kind)), Some(last)) = (content, unsafe { output.last.as_ref() }) else {
        return NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
    };
    // SAFETY: the link has a buffer. The response to the client ends with the main request only. The buffer may be
    // empty.
    unsafe {
        shim::nginx_shim_set_last_buf(last.buf, request.is_main().into());
        shim::nginx_shim_set_last_in_chain(last.buf, 1);
    }

    // SAFETY: the request is live, and nothing else uses its response's header meanwhile.
    let headers = unsafe { &mut (*r).headers_out };
    headers.status = NGX_HTTP_OK as usize;
    headers.content_length_n = output.length;
    headers.content_type = ngx_str_t { len: kind.len(), data: kind.as_ptr().cast_mut() };
    // Without parameters. If that is all, nginx may add a charset.
    headers.content_type_len = kind.find(';').unwrap_or(kind.len());

    // SAFETY: the request is live, and its response has a status.
    let sent = unsafe { ngx_http_send_header(r) };
    if sent == NGX_ERROR as ngx_int_t || sent > NGX_OK as ngx_int_t || request.is_header_only() {
        return sent;
    }
    // SAFETY: each link of the chain has a buffer. The last buffer is marked.
    unsafe { ngx_http_output_filter(r, output.first) }
}
