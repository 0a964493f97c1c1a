//! Answers that the module makes itself.

use core::fmt::{self, Write};
use core::ptr;

use nginx_sys::{
    ngx_alloc_chain_link, ngx_buf_t, ngx_chain_t, ngx_create_temp_buf, ngx_http_discard_request_body,
    ngx_http_output_filter, ngx_http_request_t, ngx_http_send_header, ngx_int_t, ngx_str_t, NGX_ERROR, NGX_HTTP_GET,
    NGX_HTTP_HEAD, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_HTTP_NOT_ALLOWED, NGX_HTTP_OK, NGX_OK,
};

use crate::{bits, HttpModule, Request};

/// What an answer is: its Content-Type.
pub struct Content(pub &'static str);

/// The body of an answer, as it is written: in buffers of the request's pool, one behind the other.
pub struct Output {
    r: *mut ngx_http_request_t,
    first: *mut ngx_chain_t,
    last: *mut ngx_chain_t,
    length: i64,
}

/// How long each of them is, in bytes.
const BUFFER: usize = 32 << 10;

impl Output {
    /// A buffer with room in it; `None` if memory is out.
    fn room(&mut self) -> Option<&mut ngx_buf_t> {
        // SAFETY: the request is live for as long as this is; what its pool gives lives as long, and has fields to be filled.
        unsafe {
            if self.last.is_null() || (*(*self.last).buf).last == (*(*self.last).buf).end {
                let pool = (*self.r).pool;
                let link = ngx_alloc_chain_link(pool);
                let buffer = ngx_create_temp_buf(pool, BUFFER);
                if link.is_null() || buffer.is_null() {
                    return None;
                }
                link.write(ngx_chain_t { buf: buffer, next: ptr::null_mut() });
                if self.last.is_null() {
                    self.first = link;
                } else {
                    (*self.last).next = link;
                }
                self.last = link;
            }
            Some(&mut *(*self.last).buf)
        }
    }
}

impl Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let buffer = self.room().ok_or(fmt::Error)?;
            let length = rest.len().min((buffer.end as usize).saturating_sub(buffer.last as usize));
            // SAFETY: there is room for so much, and the text is elsewhere.
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
    // SAFETY: nginx passes a live request, and takes a header and then a chain whose last buffer is marked.
    unsafe {
        if (*r).method & (NGX_HTTP_GET | NGX_HTTP_HEAD) as usize == 0 {
            return NGX_HTTP_NOT_ALLOWED as ngx_int_t;
        }
        let discarded = ngx_http_discard_request_body(r);
        if discarded != NGX_OK as ngx_int_t {
            return discarded;
        }

        let mut output = Output { r, first: ptr::null_mut(), last: ptr::null_mut(), length: 0 };
        let Some(Content(kind)) = M::content(Request::new(r), &mut output) else {
            return NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
        };
        if output.last.is_null() {
            return NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
        }
        // The response to the client ends with the main request only. The buffer may be empty.
        bits::nginx_bits_set_last_buf((*output.last).buf, ((*r).main == r).into());
        bits::nginx_bits_set_last_in_chain((*output.last).buf, 1);

        let headers = ptr::addr_of_mut!((*r).headers_out);
        (*headers).status = NGX_HTTP_OK as usize;
        (*headers).content_length_n = output.length;
        (*headers).content_type = ngx_str_t { len: kind.len(), data: kind.as_ptr().cast_mut() };
        (*headers).content_type_len = kind.len();

        let sent = ngx_http_send_header(r);
        if sent == NGX_ERROR as ngx_int_t || sent > NGX_OK as ngx_int_t || bits::nginx_bits_header_only(r) != 0 {
            return sent;
        }
        ngx_http_output_filter(r, output.first)
    }
}
