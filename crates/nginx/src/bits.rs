//! What bindings get wrong or lack, in C: see `shim/`. All functions take valid pointers.

#![allow(missing_docs, clippy::missing_safety_doc)]

use nginx_sys::{
    ngx_buf_t, ngx_chain_t, ngx_connection_t, ngx_http_chunked_t, ngx_http_request_t, ngx_http_variable_value_t,
    ngx_int_t, ngx_temp_file_t, ngx_uint_t,
};

extern "C" {
    pub fn nginx_bits_chunked(r: *const ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_bits_discard_body(r: *const ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_bits_done(r: *const ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_bits_filter_finalize(r: *const ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_bits_header_only(r: *const ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_bits_internal(r: *const ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_bits_keepalive(r: *const ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_bits_post_action(r: *const ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_bits_reading_body(r: *const ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_bits_uri_changes(r: *const ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_bits_users(r: *const ngx_http_request_t) -> ngx_uint_t;

    pub fn nginx_bits_set_chunked(r: *mut ngx_http_request_t, on: ngx_uint_t);
    pub fn nginx_bits_set_discard_body(r: *mut ngx_http_request_t, on: ngx_uint_t);
    pub fn nginx_bits_set_error_page(r: *mut ngx_http_request_t, on: ngx_uint_t);
    pub fn nginx_bits_set_expect_tested(r: *mut ngx_http_request_t, on: ngx_uint_t);
    pub fn nginx_bits_set_keepalive(r: *mut ngx_http_request_t, on: ngx_uint_t);
    pub fn nginx_bits_set_lingering_close(r: *mut ngx_http_request_t, on: ngx_uint_t);
    pub fn nginx_bits_set_reading_body(r: *mut ngx_http_request_t, on: ngx_uint_t);
    pub fn nginx_bits_set_request_body_no_buffering(r: *mut ngx_http_request_t, on: ngx_uint_t);

    pub fn nginx_bits_close(c: *const ngx_connection_t) -> ngx_uint_t;
    pub fn nginx_bits_destroyed(c: *const ngx_connection_t) -> ngx_uint_t;
    pub fn nginx_bits_error(c: *const ngx_connection_t) -> ngx_uint_t;
    pub fn nginx_bits_is_tls_waiting(c: *const ngx_connection_t) -> ngx_uint_t;
    pub fn nginx_bits_pending_eof(c: *const ngx_connection_t) -> ngx_uint_t;
    pub fn nginx_bits_reusable(c: *const ngx_connection_t) -> ngx_uint_t;
    pub fn nginx_bits_timedout(c: *const ngx_connection_t) -> ngx_uint_t;
    pub fn nginx_bits_tls(c: *const ngx_connection_t) -> ngx_uint_t;

    pub fn nginx_bits_post_read(c: *mut ngx_connection_t);
    pub fn nginx_bits_set_eof(c: *mut ngx_connection_t);
    pub fn nginx_bits_set_ready(c: *mut ngx_connection_t, on: ngx_uint_t);

    pub fn nginx_bits_add_user(r: *mut ngx_http_request_t);
    pub fn nginx_bits_delete_read_timer(c: *mut ngx_connection_t);
    pub fn nginx_bits_end_lingering(r: *mut ngx_http_request_t);
    pub fn nginx_bits_ends_response(chain: *const ngx_chain_t) -> ngx_uint_t;
    pub fn nginx_bits_forget_value(v: *mut ngx_http_variable_value_t);
    pub fn nginx_bits_is_inside_chunk(r: *mut ngx_http_request_t, state: *const ngx_http_chunked_t) -> ngx_uint_t;
    pub fn nginx_bits_may_linger(r: *mut ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_bits_parse_chunked(
        r: *mut ngx_http_request_t,
        b: *mut ngx_buf_t,
        chunked: *mut ngx_http_chunked_t,
    ) -> ngx_int_t;
    pub fn nginx_bits_persistent(file: *const ngx_temp_file_t) -> ngx_uint_t;
    pub fn nginx_bits_remove_user(r: *mut ngx_http_request_t);
    pub fn nginx_bits_set_last(r: *const ngx_http_request_t, b: *mut ngx_buf_t);
    pub fn nginx_bits_set_value(v: *mut ngx_http_variable_value_t, text: *mut u8, len: usize);

    pub fn nginx_stream_exists(r: *mut ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_stream_is_acknowledged(r: *mut ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_stream_is_open(r: *mut ngx_http_request_t) -> ngx_uint_t;
    pub fn nginx_stream_socket(r: *mut ngx_http_request_t) -> i32;
}
