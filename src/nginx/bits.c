/*
 * What of nginx's headers Rust cannot have from the bindings: bit-fields and macros.
 *
 * The place of a bit-field is the C compiler's business, and bindgen 0.72 computes wrong ones for
 * ngx_http_request_t from nginx 1.29.3 on.  Compiled with nginx's own flags, this is right by construction.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


#define GETTER(name, expr)                                                   \
    ngx_uint_t nginx_bits_##name(const ngx_http_request_t *r);               \
    ngx_uint_t nginx_bits_##name(const ngx_http_request_t *r)                \
    { return (expr); }

#define SETTER(name, field)                                                  \
    void nginx_bits_set_##name(ngx_http_request_t *r, ngx_uint_t on);        \
    void nginx_bits_set_##name(ngx_http_request_t *r, ngx_uint_t on)         \
    { (field) = (on != 0); }

GETTER(chunked, r->headers_in.chunked)
GETTER(discard_body, r->discard_body)
GETTER(filter_finalize, r->filter_finalize)
GETTER(internal, r->internal)

SETTER(chunked, r->headers_in.chunked)
SETTER(expect_tested, r->expect_tested)
SETTER(keepalive, r->keepalive)
SETTER(lingering_close, r->lingering_close)
SETTER(reading_body, r->reading_body)
SETTER(request_body_no_buffering, r->request_body_no_buffering)


/* Whether there may be something to read, or room to write. */

void nginx_bits_set_ready(ngx_event_t *ev, ngx_uint_t on);

void
nginx_bits_set_ready(ngx_event_t *ev, ngx_uint_t on)
{
    ev->ready = (on != 0);
}


/* Whether a temporary file has a name, and is there to stay. */

ngx_uint_t nginx_bits_persistent(const ngx_temp_file_t *tf);

ngx_uint_t
nginx_bits_persistent(const ngx_temp_file_t *tf)
{
    return tf->persistent;
}


/* Fills in the value of a variable; a text of NULL is no value. */

void nginx_bits_set_value(ngx_http_variable_value_t *v, u_char *text, size_t len);

void
nginx_bits_set_value(ngx_http_variable_value_t *v, u_char *text, size_t len)
{
    v->len = len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = (text == NULL);
    v->data = text;
}
