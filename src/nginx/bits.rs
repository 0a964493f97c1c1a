//! The functions of `bits.c`. All take valid pointers.

use nginx_sys::{ngx_event_t, ngx_http_request_t, ngx_http_variable_value_t, ngx_temp_file_t, ngx_uint_t};

extern "C" {
    pub fn nginx_bits_chunked(r: *const ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_bits_discard_body(r: *const ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_bits_filter_finalize(r: *const ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_bits_internal(r: *const ngx_http_request_t) -> ngx_uint_t;

    pub fn nginx_bits_set_chunked(r: *mut ngx_http_request_t, on: ngx_uint_t);
    pub fn nginx_bits_set_expect_tested(r: *mut ngx_http_request_t, on: ngx_uint_t);
    pub fn nginx_bits_set_keepalive(r: *mut ngx_http_request_t, on: ngx_uint_t);
    pub fn nginx_bits_set_lingering_close(r: *mut ngx_http_request_t, on: ngx_uint_t);
    pub fn nginx_bits_set_reading_body(r: *mut ngx_http_request_t, on: ngx_uint_t);
    pub fn nginx_bits_set_request_body_no_buffering(r: *mut ngx_http_request_t, on: ngx_uint_t);

    pub fn nginx_bits_set_ready(event: *mut ngx_event_t, on: ngx_uint_t);
    pub fn nginx_bits_persistent(file: *const ngx_temp_file_t) -> ngx_uint_t;
    pub fn nginx_bits_set_value(v: *mut ngx_http_variable_value_t, text: *mut u8, len: usize);
}
