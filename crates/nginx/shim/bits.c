/*
 * What of nginx's headers Rust cannot have from the bindings: bit-fields and macros.
 *
 * The place of a bit-field is the C compiler's business, and bindgen 0.72 computes wrong ones for
 * ngx_http_request_t from nginx 1.29.3 on.  Compiled with nginx's own flags, this is right by construction.
 *
 * With two of the bindings' setters in place of these, for expect_tested and lingering_close, nginx 1.30.6 fails 119 of the
 * 292 tests in limit.t, midstream.t, refusal.t and request.t, all of which pass with these.
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
GETTER(done, r->done)
GETTER(filter_finalize, r->filter_finalize)
GETTER(header_only, r->header_only)
GETTER(internal, r->internal)
GETTER(keepalive, r->keepalive)
GETTER(post_action, r->post_action)
GETTER(reading_body, r->reading_body)
GETTER(uri_changes, r->uri_changes)
GETTER(users, r->main->count)

SETTER(chunked, r->headers_in.chunked)
SETTER(discard_body, r->discard_body)
SETTER(error_page, r->error_page)
SETTER(expect_tested, r->expect_tested)
SETTER(keepalive, r->keepalive)
SETTER(lingering_close, r->lingering_close)
SETTER(reading_body, r->reading_body)
SETTER(request_body_no_buffering, r->request_body_no_buffering)


#define CONNECTION_GETTER(name, expr)                                        \
    ngx_uint_t nginx_bits_##name(const ngx_connection_t *c);                 \
    ngx_uint_t nginx_bits_##name(const ngx_connection_t *c)                  \
    { return (expr); }

CONNECTION_GETTER(close, c->close)
CONNECTION_GETTER(destroyed, c->destroyed)
CONNECTION_GETTER(error, c->error)
CONNECTION_GETTER(pending_eof, c->read->pending_eof)
CONNECTION_GETTER(reusable, c->reusable)
CONNECTION_GETTER(timedout, c->timedout || c->read->timedout)

#if (NGX_SSL)
CONNECTION_GETTER(tls, c->ssl != NULL)
CONNECTION_GETTER(is_tls_waiting, c->ssl && (c->ssl->saved_read_handler || c->ssl->saved_write_handler))
#else
CONNECTION_GETTER(tls, c == NULL)
CONNECTION_GETTER(is_tls_waiting, c == NULL)
#endif


/* Whether there may be something to read. */

void nginx_bits_set_ready(ngx_connection_t *c, ngx_uint_t on);

void
nginx_bits_set_ready(ngx_connection_t *c, ngx_uint_t on)
{
    c->read->ready = (on != 0);
}


/* There is nothing more to read, ever. */

void nginx_bits_set_eof(ngx_connection_t *c);

void
nginx_bits_set_eof(ngx_connection_t *c)
{
    c->read->ready = 0;
    c->read->eof = 1;
}


/* Has the connection's read handler called in the next round of the event loop. */

void nginx_bits_post_read(ngx_connection_t *c);

void
nginx_bits_post_read(ngx_connection_t *c)
{
    ngx_post_event(c->read, &ngx_posted_next_events);
}


/* Parses what stands between the insides of chunks: NGX_OK where an inside begins, NGX_DONE behind the last, NGX_AGAIN. */

ngx_int_t nginx_bits_parse_chunked(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_chunked_t *chunked);

ngx_int_t
nginx_bits_parse_chunked(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_chunked_t *chunked)
{
#if (nginx_version >= 1027002)
    return ngx_http_parse_chunked(r, b, chunked, 0);
#else
    return ngx_http_parse_chunked(r, b, chunked);
#endif
}


/*
 * Whether the next byte of a chunked body belongs to the inside of a chunk.  The parser's states have no public names;
 * but it has only then an answer when it is given one byte that is no part of the syntax.
 */

ngx_uint_t nginx_bits_is_inside_chunk(ngx_http_request_t *r,
    const ngx_http_chunked_t *state);

ngx_uint_t
nginx_bits_is_inside_chunk(ngx_http_request_t *r,
    const ngx_http_chunked_t *state)
{
    u_char              byte;
    ngx_buf_t           b;
    ngx_http_chunked_t  chunked;

    byte = 'x';
    chunked = *state;

    ngx_memzero(&b, sizeof(ngx_buf_t));
    b.pos = &byte;
    b.last = &byte + 1;

    return nginx_bits_parse_chunked(r, &b, &chunked) == NGX_OK;
}


/* Whether a connection may linger when its request has ended. */

ngx_uint_t nginx_bits_may_linger(ngx_http_request_t *r);

ngx_uint_t
nginx_bits_may_linger(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return clcf->lingering_close != NGX_HTTP_LINGERING_OFF;
}


/* Counts one more user of a request, who ends with ngx_http_finalize_request(r, NGX_DONE). */

void nginx_bits_add_user(ngx_http_request_t *r);

void
nginx_bits_add_user(ngx_http_request_t *r)
{
    r->main->count++;
}


/* Has one user less of a request that has others. */

void nginx_bits_remove_user(ngx_http_request_t *r);

void
nginx_bits_remove_user(ngx_http_request_t *r)
{
    r->main->count--;
}


/* Has nginx wait for the client no more. */

void nginx_bits_delete_read_timer(ngx_connection_t *c);

void
nginx_bits_delete_read_timer(ngx_connection_t *c)
{
    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }
}


/* Lets a connection linger no longer: when nginx closes it, it says goodbye and looks once at what there is to read. */

void nginx_bits_end_lingering(ngx_http_request_t *r);

void
nginx_bits_end_lingering(ngx_http_request_t *r)
{
    r->lingering_close = 1;
    r->lingering_time = ngx_time();
    r->connection->read->ready = 1;
}


/* Whether a chain ends the response to a request of a client. */

ngx_uint_t nginx_bits_ends_response(const ngx_chain_t *in);

ngx_uint_t
nginx_bits_ends_response(const ngx_chain_t *in)
{
    for ( /* void */ ; in; in = in->next) {
        if (in->buf->last_buf) {
            return 1;
        }
    }

    return 0;
}


/*
 * Marks a buffer, which may be empty, as the last one of a request's answer.  The response to the client ends with the main
 * request only.
 */

void nginx_bits_set_last(const ngx_http_request_t *r, ngx_buf_t *b);

void
nginx_bits_set_last(const ngx_http_request_t *r, ngx_buf_t *b)
{
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;
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


/* Has a variable evaluated anew when it is asked for again. */

void nginx_bits_forget_value(ngx_http_variable_value_t *v);

void
nginx_bits_forget_value(ngx_http_variable_value_t *v)
{
    v->valid = 0;
    v->not_found = 0;
}
