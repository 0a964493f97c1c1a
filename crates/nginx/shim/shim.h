/*
 * What of nginx the bindings lack or get wrong: bit-fields, macros, inline functions, and members that only some builds or
 * versions have.  One expression a function; what decides is in Rust.
 *
 * bindgen reads the declarations (build.rs), and shim.c compiles the bodies.
 *
 * The place of a bit-field is the C compiler's business, and bindgen 0.72 computes wrong ones for ngx_http_request_t from
 * nginx 1.29.3 on.  Compiled with nginx's own flags, this is right by construction.
 *
 * With two of the bindings' setters in place of these, for expect_tested and lingering_close, nginx 1.30.6 fails 119 of the
 * 292 tests in limit.t, midstream.t, refusal.t and request.t, all of which pass with these.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#if (NGX_HTTP_V2 && nginx_version < 1025001)
#include <ngx_http_v2_module.h>
#endif


#ifndef BODY
#define BODY(statement)  ;
#endif

#define GETTER(name, type, expr)                                             \
    ngx_uint_t nginx_shim_##name(const type *it) BODY(return expr;)

#define SETTER(name, type, field)                                            \
    void nginx_shim_set_##name(type *it, ngx_uint_t on) BODY(field = (on != 0);)

#define SRV_CONF(ctx, type, module)                                          \
    ((type *) ngx_http_get_module_srv_conf(ctx, module))

#define LOC_CONF(r)                                                          \
    ((ngx_http_core_loc_conf_t *) ngx_http_get_module_loc_conf(r, ngx_http_core_module))


/* Requests. */

GETTER(cached, ngx_http_request_t, it->cached)
GETTER(chunked, ngx_http_request_t, it->headers_in.chunked)
GETTER(discard_body, ngx_http_request_t, it->discard_body)
GETTER(done, ngx_http_request_t, it->done)
GETTER(error_page, ngx_http_request_t, it->error_page)
GETTER(filter_finalize, ngx_http_request_t, it->filter_finalize)
GETTER(header_only, ngx_http_request_t, it->header_only)
GETTER(header_sent, ngx_http_request_t, it->header_sent)
GETTER(internal, ngx_http_request_t, it->internal)
GETTER(keepalive, ngx_http_request_t, it->keepalive)
GETTER(limit_conn_status, ngx_http_request_t, it->limit_conn_status)
GETTER(nameless_handler, ngx_http_request_t, LOC_CONF(it)->noname && LOC_CONF(it)->handler != NULL)
GETTER(post_action, ngx_http_request_t, it->post_action)
GETTER(preserve_body, ngx_http_request_t, it->preserve_body)
GETTER(reading_body, ngx_http_request_t, it->reading_body)
GETTER(request_body_no_buffering, ngx_http_request_t, it->request_body_no_buffering)
GETTER(request_complete, ngx_http_request_t, it->request_complete)
GETTER(uri_changes, ngx_http_request_t, it->uri_changes)
GETTER(users, ngx_http_request_t, it->main->count)
GETTER(writing, ngx_http_request_t, it->http_state == NGX_HTTP_WRITING_REQUEST_STATE)

SETTER(chunked, ngx_http_request_t, it->headers_in.chunked)
SETTER(discard_body, ngx_http_request_t, it->discard_body)
SETTER(error_page, ngx_http_request_t, it->error_page)
SETTER(expect_tested, ngx_http_request_t, it->expect_tested)
SETTER(keepalive, ngx_http_request_t, it->keepalive)
GETTER(lingering_close, ngx_http_request_t, it->lingering_close)
SETTER(lingering_close, ngx_http_request_t, it->lingering_close)
SETTER(preserve_body, ngx_http_request_t, it->preserve_body)
SETTER(reading_body, ngx_http_request_t, it->reading_body)
SETTER(request_body_no_buffering, ngx_http_request_t, it->request_body_no_buffering)

/* What the last regular expression has captured, which an nginx without PCRE has no place for. */

#if (NGX_PCRE)
#define CAPTURES(r)  (r)->captures
#define NCAPTURES(r)  (r)->ncaptures
#define CAPTURES_DATA(r)  (r)->captures_data
#define MOST_CAPTURES(r)                                                     \
    ((ngx_http_core_main_conf_t *) ngx_http_get_module_main_conf(r, ngx_http_core_module))->ncaptures
#define SET_CAPTURES(r, place, n, data)                                      \
    (r)->captures = place, (r)->ncaptures = n, (r)->captures_data = data
#else
#define CAPTURES(r)  NULL
#define NCAPTURES(r)  0
#define CAPTURES_DATA(r)  NULL
#define MOST_CAPTURES(r)  0
#define SET_CAPTURES(r, place, n, data)  (void) r
#endif

GETTER(ncaptures, ngx_http_request_t, NCAPTURES(it))
GETTER(most_captures, ngx_http_request_t, MOST_CAPTURES(it))
int *nginx_shim_captures(const ngx_http_request_t *r) BODY(return CAPTURES(r);)
u_char *nginx_shim_captures_data(const ngx_http_request_t *r) BODY(return CAPTURES_DATA(r);)
void nginx_shim_set_captures(ngx_http_request_t *r, int *place, ngx_uint_t n, u_char *data)
    BODY(SET_CAPTURES(r, place, n, data);)


/* Fields of one name: before 1.23.0 in arrays of pointers; since then linked, those that nginx does not know when first needed. */

#if (nginx_version >= 1023000)
#define NEXT_FIELD(field)  &(field)->next
#define RELINK(r)          (r)->headers_in.multi_linked = 0
#define COOKIES(r)         NULL
#define FORWARDED(r)       NULL
#else
#define NEXT_FIELD(field)  NULL
#define RELINK(r)          (void) (r)
#define COOKIES(r)         &(r)->headers_in.cookies
#if (NGX_HTTP_X_FORWARDED_FOR)
#define FORWARDED(r)       &(r)->headers_in.x_forwarded_for
#else
#define FORWARDED(r)       NULL
#endif
#endif

ngx_table_elt_t **nginx_shim_next_field(ngx_table_elt_t *field) BODY(return NEXT_FIELD(field);)
void nginx_shim_relink_fields(ngx_http_request_t *r) BODY(RELINK(r);)
const ngx_array_t *nginx_shim_cookies(const ngx_http_request_t *r) BODY(return COOKIES(r);)
const ngx_array_t *nginx_shim_forwarded(const ngx_http_request_t *r) BODY(return FORWARDED(r);)

void nginx_shim_add_user(ngx_http_request_t *r) BODY(r->main->count++;)
void nginx_shim_remove_user(ngx_http_request_t *r) BODY(r->main->count--;)

#if (nginx_version >= 1027002)
#define PARSE_CHUNKED(r, b, chunked)  ngx_http_parse_chunked(r, b, chunked, 0)
#else
#define PARSE_CHUNKED(r, b, chunked)  ngx_http_parse_chunked(r, b, chunked)
#endif

ngx_int_t nginx_shim_parse_chunked(ngx_http_request_t *r, ngx_buf_t *b, ngx_http_chunked_t *chunked)
    BODY(return PARSE_CHUNKED(r, b, chunked);)


/* Connections and their events. */

GETTER(buffered, ngx_connection_t, it->buffered)
GETTER(close, ngx_connection_t, it->close)
GETTER(destroyed, ngx_connection_t, it->destroyed)
GETTER(failed, ngx_connection_t, it->error)
GETTER(reusable, ngx_connection_t, it->reusable)
GETTER(sendfile, ngx_connection_t, it->sendfile)
GETTER(timedout, ngx_connection_t, it->timedout)

SETTER(buffered, ngx_connection_t, it->buffered)
SETTER(close, ngx_connection_t, it->close)
SETTER(timedout, ngx_connection_t, it->timedout)

#if (NGX_SSL)
ngx_ssl_connection_t *nginx_shim_ssl(const ngx_connection_t *c) BODY(return c->ssl;)
#else
ngx_ssl_connection_t *nginx_shim_ssl(const ngx_connection_t *c) BODY(return NULL;)
#endif

void nginx_shim_report_as_client(ngx_connection_t *c) BODY(c->log_error = NGX_ERROR_INFO;)

#if (NGX_SSL)
SETTER(no_send_shutdown, ngx_connection_t, it->ssl->no_send_shutdown)
SETTER(no_wait_shutdown, ngx_connection_t, it->ssl->no_wait_shutdown)

#ifdef BIO_get_ktls_recv
#define IS_DECRYPTED_BY_KERNEL(ssl)  BIO_get_ktls_recv(SSL_get_rbio(ssl))
#else
#define IS_DECRYPTED_BY_KERNEL(ssl)  0
#endif

GETTER(ssl_by_kernel, ngx_connection_t, IS_DECRYPTED_BY_KERNEL(it->ssl->connection))
GETTER(ssl_has_pending, ngx_connection_t, SSL_has_pending(it->ssl->connection))
GETTER(ssl_pending, ngx_connection_t, SSL_pending(it->ssl->connection))
void nginx_shim_ssl_read_no_further(ngx_connection_t *c) BODY(SSL_set_read_ahead(c->ssl->connection, 0);)
void nginx_shim_ssl_end(ngx_connection_t *c) BODY((void) SSL_shutdown(c->ssl->connection);)
void nginx_shim_ssl_forget_errors(void) BODY(ERR_clear_error();)
#endif

#if (NGX_STAT_STUB)
#define COUNT_ACTIVE(number)  (void) ngx_atomic_fetch_add(ngx_stat_active, number);
#else
#define COUNT_ACTIVE(number)  (void) number;
#endif

void nginx_shim_count_active(ngx_int_t number) BODY(COUNT_ACTIVE(number))

GETTER(event_active, ngx_event_t, it->active)
GETTER(event_eof, ngx_event_t, it->eof)
GETTER(event_failed, ngx_event_t, it->error)
GETTER(event_pending_eof, ngx_event_t, it->pending_eof)
GETTER(event_ready, ngx_event_t, it->ready)
GETTER(event_timedout, ngx_event_t, it->timedout)
GETTER(event_timer_set, ngx_event_t, it->timer_set)

SETTER(event_delayed, ngx_event_t, it->delayed)
SETTER(event_eof, ngx_event_t, it->eof)
SETTER(event_failed, ngx_event_t, it->error)
SETTER(event_ready, ngx_event_t, it->ready)
SETTER(event_timedout, ngx_event_t, it->timedout)

void nginx_shim_post(ngx_event_t *ev) BODY(
    if (ev->posted) {
        ngx_delete_posted_event(ev);
    }
    ngx_post_event(ev, &ngx_posted_events);
)
void nginx_shim_post_next(ngx_event_t *ev) BODY(ngx_post_event(ev, &ngx_posted_next_events);)
void nginx_shim_add_timer(ngx_event_t *ev, ngx_msec_t timer) BODY(ngx_add_timer(ev, timer);)
void nginx_shim_del_timer(ngx_event_t *ev) BODY(ngx_del_timer(ev);)


/* Upstreams. */

GETTER(nopush, ngx_connection_t, it->tcp_nopush == NGX_TCP_NOPUSH_SET)
GETTER(preserve_output, ngx_http_upstream_conf_t, it->preserve_output)
GETTER(upstream_header_sent, ngx_http_upstream_t, it->header_sent)
GETTER(upstream_kept, ngx_http_upstream_t, it->peer.cached)
GETTER(upstream_request_sent, ngx_http_upstream_t, it->request_sent)
GETTER(upstream_stores, ngx_http_upstream_t, it->buffering && (it->cacheable || it->store))

GETTER(upstream_blocked, ngx_http_upstream_t, it->request_body_blocked)
SETTER(upstream_blocked, ngx_http_upstream_t, it->request_body_blocked)

void nginx_shim_push(ngx_connection_t *c) BODY((void) ngx_tcp_push(c->fd);)
void nginx_shim_unset_nopush(ngx_connection_t *c) BODY(c->tcp_nopush = NGX_TCP_NOPUSH_UNSET;)
void nginx_shim_clear_errno(void) BODY(ngx_set_errno(0);)


/* Buffers, temporary files, and values of variables. */

GETTER(last_buf, ngx_buf_t, it->last_buf)
GETTER(persistent, ngx_temp_file_t, it->persistent)
GETTER(last_saved, ngx_http_request_body_t, it->last_saved)

SETTER(last_buf, ngx_buf_t, it->last_buf)
SETTER(last_in_chain, ngx_buf_t, it->last_in_chain)

/* None of a file that is closed. */
off_t nginx_shim_buf_size(ngx_buf_t *b) BODY(
    return !ngx_buf_in_memory(b) && b->in_file && b->file->fd == NGX_INVALID_FILE ? 0 : ngx_buf_size(b);
)

GETTER(value_not_found, ngx_http_variable_value_t, it->not_found)

SETTER(value_no_cacheable, ngx_http_variable_value_t, it->no_cacheable)
SETTER(value_not_found, ngx_http_variable_value_t, it->not_found)
SETTER(value_valid, ngx_http_variable_value_t, it->valid)

void nginx_shim_set_value_len(ngx_http_variable_value_t *v, size_t len) BODY(v->len = len;)


/* Memory for what has bit-fields, whose size is the C compiler's business too: all zero; NULL if memory is out. */

ngx_buf_t *nginx_shim_alloc_buf(ngx_pool_t *pool) BODY(return ngx_calloc_buf(pool);)
ngx_event_t *nginx_shim_alloc_event(ngx_pool_t *pool) BODY(return ngx_pcalloc(pool, sizeof(ngx_event_t));)
ngx_http_request_body_t *nginx_shim_alloc_request_body(ngx_pool_t *pool)
    BODY(return ngx_pcalloc(pool, sizeof(ngx_http_request_body_t));)


/* The handler of a cleanup that has nothing to clean, and is known by its address: in Rust two functions may have the same. */

void nginx_shim_clean_shared(void *data) BODY((void) data;)


#if (NGX_HTTP_V2)

GETTER(v2_blocked, ngx_http_v2_connection_t, it->blocked)
GETTER(v2_frame_flags, ngx_http_v2_connection_t, it->state.flags)
GETTER(v2_frame_incomplete, ngx_http_v2_connection_t, it->state.incomplete)
GETTER(v2_concurrent_streams, ngx_http_v2_connection_t,
    SRV_CONF(it->http_connection->conf_ctx, ngx_http_v2_srv_conf_t, ngx_http_v2_module)->concurrent_streams)
GETTER(v2_in_closed, ngx_http_v2_stream_t, it->in_closed)
GETTER(v2_rst_sent, ngx_http_v2_stream_t, it->rst_sent)
GETTER(v2_skip_data, ngx_http_v2_stream_t, it->skip_data)
GETTER(v2_streams_index_mask, ngx_http_v2_connection_t,
    SRV_CONF(it->http_connection->conf_ctx, ngx_http_v2_srv_conf_t, ngx_http_v2_module)->streams_index_mask)

SETTER(v2_blocked, ngx_http_v2_connection_t, it->blocked)
SETTER(v2_frame_blocked, ngx_http_v2_out_frame_t, it->blocked)
SETTER(v2_no_flow_control, ngx_http_v2_stream_t, it->no_flow_control)
SETTER(v2_skip_data, ngx_http_v2_stream_t, it->skip_data)

ngx_http_v2_out_frame_t *nginx_shim_v2_alloc_frame(ngx_pool_t *pool)
    BODY(return ngx_pcalloc(pool, sizeof(ngx_http_v2_out_frame_t));)
void nginx_shim_v2_queue_frame(ngx_http_v2_connection_t *h2c, ngx_http_v2_out_frame_t *frame)
    BODY(ngx_http_v2_queue_blocked_frame(h2c, frame);)

#endif


#if (NGX_HTTP_V3)

GETTER(v3_concurrent_streams, ngx_connection_t,
    SRV_CONF(ngx_http_quic_get_connection(it)->conf_ctx, ngx_http_v3_srv_conf_t, ngx_http_v3_module)->max_concurrent_streams)

static const int NGINX_SHIM_WRITE_SHUTDOWN = NGX_WRITE_SHUTDOWN;

#endif
