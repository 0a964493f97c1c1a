/*
 * What it takes to go on receiving the body of an HTTP/2 or HTTP/3 stream that nginx has done with, and to drop it.
 *
 * Over HTTP/2 nginx hands DATA frames to whoever reads the request's body, so the body is read once more, as one that
 * nothing is known of, into a buffer that nobody looks at.  Over HTTP/3 the stream can be read from like a connection.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#if (NGX_HTTP_V2 && nginx_version < 1025001)
#include <ngx_http_v2_module.h>
#endif


/* What came of reading; the same numbers as in stream.rs. */

enum {
    NGINX_STREAM_MORE = 0,      /* there is more to read */
    NGINX_STREAM_WAIT,          /* there is nothing to read now */
    NGINX_STREAM_WHOLE,         /* the client has ended its side */
    NGINX_STREAM_CLOSED,        /* the client has reset the stream, or closed the connection */
    NGINX_STREAM_FAILED,        /* the stream or the connection has failed */
    NGINX_STREAM_EVICTED        /* nginx needs the connection for others */
};


/* Where bytes go that nobody looks at; all streams share it. */

static u_char  nginx_stream_scratch[65536];


/* How much of a body a client may send ahead over HTTP/2, at most: about as much as the kernel lets it (tcp_rmem). */

#define NGINX_STREAM_WINDOW  (4 * 1024 * 1024)


/* What the streams of a connection share; in its pool. */

typedef struct {
    /* How many of them are taken. */
    ngx_uint_t           taken;

    /* Why the connection cannot be ended although there are such: a request that goes on. */
    ngx_http_request_t  *blocker;

#if (NGX_HTTP_V2)
    /* Frames that are not on their way, and how many there are in all. */
    ngx_http_v2_out_frame_t  *frames;
    ngx_uint_t           nframes;
#endif
} nginx_stream_shared_t;


ngx_uint_t nginx_stream_exists(ngx_http_request_t *r);
ngx_uint_t nginx_stream_most(ngx_http_request_t *r);
ngx_uint_t nginx_stream_taken(ngx_http_request_t *r);
ngx_uint_t nginx_stream_is_open(ngx_http_request_t *r);
ngx_uint_t nginx_stream_is_acknowledged(ngx_http_request_t *r);
ngx_socket_t nginx_stream_socket(ngx_http_request_t *r);
ngx_int_t nginx_stream_reopen(ngx_http_request_t *r, uint64_t *dropped);
ngx_uint_t nginx_stream_drop(ngx_http_request_t *r, uint64_t most, uint64_t *dropped);
ngx_uint_t nginx_stream_is_last(ngx_http_request_t *r, uint64_t *dropped);
void nginx_stream_end_response(ngx_http_request_t *r);
void nginx_stream_close(ngx_http_request_t *r);
void nginx_stream_set_reusable(ngx_http_request_t *r, ngx_event_handler_pt handler);
void nginx_stream_handlers(ngx_connection_t *c, ngx_event_handler_pt ours, ngx_event_handler_pt read,
    ngx_event_handler_pt write);
ngx_event_t *nginx_stream_timer(ngx_http_request_t *r, ngx_event_handler_pt handler);
void nginx_stream_set_timer(ngx_event_t *timer, ngx_msec_t left);
void nginx_stream_grant(ngx_http_request_t *r, uint64_t most);
void nginx_stream_release(ngx_http_request_t *r, ngx_event_t *timer, uint64_t dropped);


/* The connection that a stream is of. */

static ngx_connection_t *
nginx_stream_parent(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    if (r->stream) {
        return r->stream->connection->connection;
    }
#endif

#if (NGX_HTTP_V3)
    if (r->connection->quic) {
        return r->connection->quic->parent;
    }
#endif

    return r->connection;
}


/* Has nothing to clean; by its address what streams share is told from other things in a pool. */

static void
nginx_stream_cleanup_shared(void *data)
{
    nginx_stream_shared_t  *shared;

    shared = data;
    shared->taken = 0;
}


/* What the streams of a connection share; NULL if there is nothing yet. */

static nginx_stream_shared_t *
nginx_stream_shared(ngx_connection_t *c)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = c->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == nginx_stream_cleanup_shared) {
            return cln->data;
        }
    }

    return NULL;
}


/* The same, made if there is none; NULL if memory is out. */

static nginx_stream_shared_t *
nginx_stream_make_shared(ngx_connection_t *c)
{
    ngx_pool_cleanup_t     *cln;
    nginx_stream_shared_t  *shared;

    shared = nginx_stream_shared(c);
    if (shared) {
        return shared;
    }

    cln = ngx_pool_cleanup_add(c->pool, sizeof(nginx_stream_shared_t));
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = nginx_stream_cleanup_shared;
    ngx_memzero(cln->data, sizeof(nginx_stream_shared_t));

    return cln->data;
}


/* How many streams of the same connection are taken. */

ngx_uint_t
nginx_stream_taken(ngx_http_request_t *r)
{
    nginx_stream_shared_t  *shared;

    shared = nginx_stream_shared(nginx_stream_parent(r));

    return shared ? shared->taken : 0;
}


/* How many streams the same connection may have at once. */

ngx_uint_t
nginx_stream_most(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    ngx_http_v2_srv_conf_t  *h2scf;

    if (r->stream) {
        h2scf = ngx_http_get_module_srv_conf(r->stream->connection->http_connection->conf_ctx, ngx_http_v2_module);
        return h2scf->concurrent_streams;
    }
#endif

#if (NGX_HTTP_V3)
    ngx_http_v3_srv_conf_t  *h3scf;

    if (r->connection->quic) {
        h3scf = ngx_http_v3_get_module_srv_conf(r->connection, ngx_http_v3_module);
        return h3scf->max_concurrent_streams;
    }
#endif

    return 1;
}


/* Whether a request came over a stream of its own. */

ngx_uint_t
nginx_stream_exists(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    if (r->stream) {
        return 1;
    }
#endif

#if (NGX_HTTP_V3)
    if (r->connection->quic) {
        return 1;
    }
#endif

    return 0;
}


/* Whether the client may still send. */

ngx_uint_t
nginx_stream_is_open(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    if (r->stream) {
        return !r->stream->in_closed && !r->stream->rst_sent && !r->connection->error;
    }
#endif

#if (NGX_HTTP_V3)
    if (r->connection->quic) {
        return r->connection->quic->recv_state == NGX_QUIC_STREAM_RECV_RECV
               || r->connection->quic->recv_state == NGX_QUIC_STREAM_RECV_SIZE_KNOWN;
    }
#endif

    return 0;
}


#if (NGX_HTTP_V2)

static void
nginx_stream_has_body(ngx_http_request_t *r)
{
    /* nginx calls it at the end of a body that it keeps. */
}


/*
 * Has nothing in a buffer, and no room: so nginx asks the body filters before it copies the next frame, and the last one can
 * end the request at once.  Otherwise nginx gets to that when it has read all that has come over the connection, and a client
 * that makes new requests meanwhile is told that it has too many.
 */

static void
nginx_stream_fill_v2(ngx_buf_t *b)
{
    b->pos = b->end;
    b->last = b->end;
}


static ngx_int_t
nginx_stream_reopen_v2(ngx_http_request_t *r, uint64_t *dropped)
{
    ngx_buf_t                *b;
    ngx_http_v2_stream_t     *stream;
    ngx_http_request_body_t  *rb;

    stream = r->stream;

    /* What came before anyone asked for it; or, if someone has, memory that is no longer there. */

    if (stream->preread && r->request_body == NULL) {
        *dropped = stream->preread->last - stream->preread->pos;
        ngx_pfree(r->pool, stream->preread->start);
    }

    stream->preread = NULL;
    stream->skip_data = 1;

    r->request_body = NULL;
    r->request_body_no_buffering = 0;
    r->reading_body = 0;
    r->read_event_handler = ngx_http_block_reading;

    if (r->connection->read->timer_set) {
        ngx_del_timer(r->connection->read);
    }

    rb = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    b = ngx_calloc_buf(r->pool);

    if (rb == NULL || b == NULL) {
        return NGX_ERROR;
    }

    b->start = nginx_stream_scratch;
    b->end = b->start + sizeof(nginx_stream_scratch);
    nginx_stream_fill_v2(b);

    /* A body as nginx has it while it reads one; what it counts is held against client_max_body_size. */

    rb->rest = 1;
    rb->buf = b;
    rb->received = -NGX_MAX_OFF_T_VALUE;
    rb->post_handler = nginx_stream_has_body;

    r->request_body = rb;
    r->main->count++;

    /* Frames are skipped unless there is a length, or there are chunks; a length would be passed on to upstreams. */

    r->headers_in.content_length_n = -1;
    r->headers_in.chunked = 1;

    /* How much the client may send is not nginx's business any more: see nginx_stream_grant(). */

    stream->skip_data = 0;
    stream->no_flow_control = 0;

    return NGX_OK;
}


static ngx_uint_t
nginx_stream_drop_v2(ngx_http_request_t *r, uint64_t *dropped)
{
    ngx_buf_t                *b;
    ngx_connection_t         *c, *parent;
    ngx_http_v2_stream_t     *stream;
    ngx_http_request_body_t  *rb;

    c = r->connection;
    stream = r->stream;
    parent = stream->connection->connection;

    rb = r->request_body;
    b = rb->buf;
    *dropped = b->last - b->pos;
    nginx_stream_fill_v2(b);

    /* Set by nginx for each piece of the body. */

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    c->read->timedout = 0;

    if (rb->rest == 0) {
        return NGINX_STREAM_WHOLE;
    }

    if (c->read->eof) {
        /* The connection is at its end. */

        if (parent->read->error) {
            return NGINX_STREAM_FAILED;
        }

        if (parent->read->eof) {
            return NGINX_STREAM_CLOSED;
        }

        return ngx_exiting || ngx_terminate ? NGINX_STREAM_EVICTED : NGINX_STREAM_FAILED;
    }

    if (c->error) {
        return stream->in_closed && !stream->rst_sent ? NGINX_STREAM_CLOSED : NGINX_STREAM_FAILED;
    }

    return c->close ? NGINX_STREAM_EVICTED : NGINX_STREAM_WAIT;
}


/* A WINDOW_UPDATE has been sent, or not all of it yet. */

static ngx_int_t
nginx_stream_window_sent_v2(ngx_http_v2_connection_t *h2c, ngx_http_v2_out_frame_t *frame)
{
    ngx_buf_t              *b;
    nginx_stream_shared_t  *shared;

    b = frame->first->buf;

    if (b->pos != b->last) {
        return NGX_AGAIN;
    }

    shared = nginx_stream_shared(h2c->connection);
    frame->next = shared->frames;
    shared->frames = frame;

    h2c->total_bytes += NGX_HTTP_V2_FRAME_HEADER_SIZE + frame->length;

    return NGX_OK;
}


/*
 * A frame for a WINDOW_UPDATE; NULL if memory is out, or if so many wait to be sent that the client cannot be in need of one.
 * It may outlive its stream, and what nginx keeps of a connection with streams.
 */

static ngx_http_v2_out_frame_t *
nginx_stream_frame_v2(ngx_http_request_t *r)
{
    ngx_connection_t         *c;
    nginx_stream_shared_t    *shared;
    ngx_http_v2_out_frame_t  *frame;

    c = r->stream->connection->connection;
    shared = nginx_stream_shared(c);
    frame = shared->frames;

    if (frame) {
        shared->frames = frame->next;
        frame->blocked = 0;
        return frame;
    }

    if (shared->nframes > 2 * nginx_stream_most(r)) {
        return NULL;
    }

    frame = ngx_pcalloc(c->pool, sizeof(ngx_http_v2_out_frame_t));
    if (frame == NULL) {
        return NULL;
    }

    frame->first = ngx_alloc_chain_link(c->pool);
    if (frame->first == NULL) {
        return NULL;
    }

    frame->first->buf = ngx_create_temp_buf(c->pool, NGX_HTTP_V2_FRAME_HEADER_SIZE + sizeof(uint32_t));
    if (frame->first->buf == NULL) {
        return NULL;
    }

    /* Over TLS nothing is sent before such a buffer. */
    frame->first->buf->last_buf = 1;

    frame->last = frame->first;
    frame->length = sizeof(uint32_t);
    frame->handler = nginx_stream_window_sent_v2;
    shared->nframes++;

    return frame;
}


/* Lets the client send so much of a body from now on, if that is much more than it may anyway. */

static void
nginx_stream_grant_v2(ngx_http_request_t *r, uint64_t most)
{
    size_t                     window;
    ngx_buf_t                 *b;
    ngx_http_v2_stream_t      *stream;
    ngx_http_v2_out_frame_t   *frame;
    ngx_http_v2_connection_t  *h2c;

    stream = r->stream;
    h2c = stream->connection;

    /* What is still to come of a frame is no part of the window any more. */

    if (h2c->state.stream == stream) {
        most -= ngx_min(most, h2c->state.length);
    }

    window = ngx_min(most, NGINX_STREAM_WINDOW);

    if (stream->in_closed || window <= stream->recv_window || stream->recv_window > window / 2) {
        return;
    }

    frame = nginx_stream_frame_v2(r);
    if (frame == NULL) {
        return;
    }

    b = frame->first->buf;
    b->pos = b->start;
    b->last = ngx_http_v2_write_len_and_type(b->pos, frame->length, NGX_HTTP_V2_WINDOW_UPDATE_FRAME);
    *b->last++ = NGX_HTTP_V2_NO_FLAG;
    b->last = ngx_http_v2_write_uint32(b->last, stream->node->id);
    b->last = ngx_http_v2_write_uint32(b->last, window - stream->recv_window);

    stream->recv_window = window;
    ngx_http_v2_queue_blocked_frame(h2c, frame);

    if (!h2c->blocked) {
        (void) ngx_http_v2_send_output_queue(h2c);
    }
}


/*
 * To nginx a connection is flooded when more than eight times as much has come as was of use.  What was dropped has paid for
 * itself, and for the heads of its frames, but is to pay for nothing else.  What the client may have sent on the credit that
 * it has left, before it knows that the stream is at its end, is paid for.
 */

static void
nginx_stream_settle_v2(ngx_http_request_t *r, uint64_t dropped)
{
    ngx_http_v2_stream_t  *stream;

    stream = r->stream;

    stream->connection->payload_bytes -= dropped - dropped / 8 - dropped / 512;

    if (!stream->in_closed) {
        stream->connection->payload_bytes += ngx_min(stream->recv_window, NGINX_STREAM_WINDOW) / 8;
    }
}


/* The handler of streams that may be ended, and nginx's own of HTTP/2 connections. */

static ngx_event_handler_pt  nginx_stream_handler;
static ngx_event_handler_pt  nginx_stream_next_read_v2;


static void nginx_stream_read_v2(ngx_event_t *rev);


/* The first of a connection's requests that goes on, or whose stream is not taken; NULL if there is none. */

static ngx_http_request_t *
nginx_stream_blocker_v2(ngx_http_v2_connection_t *h2c)
{
    ngx_uint_t               i;
    ngx_http_request_t      *r;
    ngx_http_v2_node_t      *node;
    ngx_http_v2_srv_conf_t  *h2scf;

    h2scf = ngx_http_get_module_srv_conf(h2c->http_connection->conf_ctx, ngx_http_v2_module);

    for (i = 0; i <= h2scf->streams_index_mask; i++) {
        for (node = h2c->streams_index[i]; node; node = node->index) {
            if (node->stream == NULL) {
                continue;
            }

            r = node->stream->request;

            if (r->connection->read->handler != nginx_stream_handler || !r->done) {
                return r;
            }
        }
    }

    return NULL;
}


/* Tells all streams of a connection, each of which is taken, that they are to end. */

static void
nginx_stream_evict_v2(ngx_http_v2_connection_t *h2c)
{
    ngx_uint_t               i;
    ngx_connection_t        *fc;
    ngx_http_v2_node_t      *node;
    ngx_http_v2_srv_conf_t  *h2scf;

    h2scf = ngx_http_get_module_srv_conf(h2c->http_connection->conf_ctx, ngx_http_v2_module);

    for (i = 0; i <= h2scf->streams_index_mask; i++) {
        for (node = h2c->streams_index[i]; node; node = node->index) {
            if (node->stream) {
                fc = node->stream->request->connection;
                fc->close = 1;
                fc->read->handler(fc->read);
            }
        }
    }
}


/* A request ends that went on when nginx needed its connection: perhaps it can have that now. */

static void
nginx_stream_unblock_v2(void *data)
{
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    nginx_stream_shared_t  *shared;

    r = data;
    c = r->stream->connection->connection;
    shared = nginx_stream_shared(c);

    if (shared->blocker != r) {
        return;
    }

    shared->blocker = NULL;

    if (shared->taken && c->read->handler == nginx_stream_read_v2) {
        ngx_reusable_connection(c, 1);
    }
}


/*
 * Something has happened to an HTTP/2 connection: perhaps nginx wants to have it for others.  To nginx a connection with
 * streams is in use, so they have to end first.  When nginx exits, it waits for them.
 */

static void
nginx_stream_read_v2(ngx_event_t *rev)
{
    ngx_connection_t          *c;
    ngx_atomic_uint_t          number;
    ngx_http_request_t        *r;
    ngx_pool_cleanup_t        *cln;
    nginx_stream_shared_t     *shared;
    ngx_http_v2_connection_t  *h2c;

    c = rev->data;
    h2c = c->data;

    if (c->close && !ngx_exiting && !ngx_terminate) {

        r = nginx_stream_blocker_v2(h2c);

        if (r) {
            c->close = 0;
            ngx_reusable_connection(c, 0);

            shared = nginx_stream_shared(c);

            if (shared) {
                cln = ngx_pool_cleanup_add(r->pool, 0);

                if (cln) {
                    cln->handler = nginx_stream_unblock_v2;
                    cln->data = r;
                    shared->blocker = r;
                }
            }

            return;
        }

        h2c->blocked = 1;
        nginx_stream_evict_v2(h2c);
        h2c->blocked = 0;
    }

    number = c->number;

    nginx_stream_next_read_v2(rev);

    if (c->fd == (ngx_socket_t) -1 || c->number != number || rev->handler != nginx_stream_read_v2) {
        /* It is closed, and perhaps another one by now, or idle. */
        return;
    }

    /* With each request nginx takes the connection for one in use (1.22.1). */

    shared = nginx_stream_shared(c);

    if (shared && shared->taken && shared->blocker == NULL && !c->reusable) {
        ngx_reusable_connection(c, 1);
    }
}

#endif


#if (NGX_HTTP_V3)

/*
 * Drops the bytes of a buffer that are DATA frames, and what is of a type that means nothing (RFC 9114, section 9); ends where
 * trailers begin.  nginx's parser gets the heads of frames, a byte at a time: it skips what it finds behind that of a frame
 * without a meaning, but then the length of that stays, as if it were that of a body.
 */

static ngx_int_t
nginx_stream_drop_frames_v3(ngx_http_request_t *r, ngx_buf_t *b, uint64_t *dropped)
{
    size_t                     size;
    ngx_int_t                  rc;
    ngx_buf_t                  head;
    ngx_http_v3_session_t     *h3c;
    ngx_http_v3_parse_data_t  *st;

    h3c = ngx_http_v3_get_session(r->connection);
    st = &r->v3_parse->body;

    while (b->pos < b->last) {

        if (st->length) {
            size = ngx_min((uint64_t) (b->last - b->pos), st->length);
            b->pos += size;
            st->length -= size;

            r->request_length += size;
            h3c->total_bytes += size;

            if (st->type == NGX_HTTP_V3_FRAME_DATA) {
                h3c->payload_bytes += size;
                *dropped += size;

            } else if (ngx_http_v3_check_flood(r->connection) != NGX_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        ngx_memzero(&head, sizeof(ngx_buf_t));
        head.pos = b->pos;
        head.last = b->pos + 1;

        rc = ngx_http_v3_parse_data(r->connection, st, &head);

        b->pos++;
        r->request_length++;
        h3c->total_bytes++;

        if (ngx_http_v3_check_flood(r->connection) != NGX_OK) {
            return NGX_ERROR;
        }

        if (rc == NGX_DONE) {
            b->pos = b->last;
            return NGX_DONE;
        }

        if (rc != NGX_OK && rc != NGX_AGAIN) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
nginx_stream_drop_v3(ngx_http_request_t *r, uint64_t most, uint64_t *dropped)
{
    ssize_t            n;
    ngx_int_t          rc;
    ngx_buf_t          b, *ahead[2];
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = r->connection;

    if (c->close && !c->read->error) {
        /* Not to have the answer taken back. */
        c->close = 0;
        return NGINX_STREAM_EVICTED;
    }

    /* What has been read and not used. */

    ahead[0] = r->header_in;
    ahead[1] = r->request_body ? r->request_body->buf : NULL;
    rc = NGX_OK;

    for (i = 0; i < 2; i++) {
        if (ahead[i] && rc == NGX_OK) {
            rc = nginx_stream_drop_frames_v3(r, ahead[i], dropped);
        }
    }

    while (rc == NGX_OK) {

        if (*dropped >= most) {
            return NGINX_STREAM_MORE;
        }

        n = c->recv(c, nginx_stream_scratch, ngx_min(most - *dropped, sizeof(nginx_stream_scratch)));

        if (n == NGX_AGAIN) {
            return ngx_handle_read_event(c->read, 0) == NGX_OK ? NGINX_STREAM_WAIT : NGINX_STREAM_FAILED;
        }

        if (n == 0) {
            /* A frame that is not whole is an error whatever it means (RFC 9114, section 7.1). */
            return r->v3_parse->body.length ? NGINX_STREAM_FAILED : NGINX_STREAM_WHOLE;
        }

        if (n == NGX_ERROR) {
            return NGINX_STREAM_CLOSED;
        }

        ngx_memzero(&b, sizeof(ngx_buf_t));
        b.pos = nginx_stream_scratch;
        b.last = b.pos + n;

        rc = nginx_stream_drop_frames_v3(r, &b, dropped);
    }

    /* Trailers end a request. */

    return rc == NGX_DONE ? NGINX_STREAM_WHOLE : NGINX_STREAM_FAILED;
}

#endif


/*
 * Takes the body of a stream away from nginx, until nginx_stream_release(): whoever asks for one finds none, and what comes
 * can be dropped.  Counts one more user of the request, until nginx_stream_close().  Adds to dropped what had come already.
 */

ngx_int_t
nginx_stream_reopen(ngx_http_request_t *r, uint64_t *dropped)
{
    nginx_stream_shared_t  *shared;

    shared = nginx_stream_make_shared(nginx_stream_parent(r));
    if (shared == NULL) {
        return NGX_ERROR;
    }

#if (NGX_HTTP_V2)
    if (r->stream) {
        if (nginx_stream_reopen_v2(r, dropped) != NGX_OK) {
            return NGX_ERROR;
        }

        shared->taken++;

        return NGX_OK;
    }
#endif

    r->main->count++;
    shared->taken++;

    return NGX_OK;
}


/* Drops what has come, or as much as is asked for (over HTTP/3; over HTTP/2 see nginx_stream_grant()); says how much that was. */

ngx_uint_t
nginx_stream_drop(ngx_http_request_t *r, uint64_t most, uint64_t *dropped)
{
    *dropped = 0;

#if (NGX_HTTP_V2)
    if (r->stream) {
        return nginx_stream_drop_v2(r, dropped);
    }
#endif

#if (NGX_HTTP_V3)
    return nginx_stream_drop_v3(r, most, dropped);
#else
    return NGINX_STREAM_FAILED;
#endif
}


/* Whether the frame that nginx is about to copy is the last one of a stream; adds to dropped how long it is. */

ngx_uint_t
nginx_stream_is_last(ngx_http_request_t *r, uint64_t *dropped)
{
#if (NGX_HTTP_V2)
    ngx_http_v2_connection_t  *h2c;

    if (r->stream) {
        h2c = r->stream->connection;

        if (h2c->state.stream == r->stream && r->stream->in_closed) {
            *dropped += h2c->state.length;
            return 1;
        }
    }
#endif

    return 0;
}


/* Tells the client that the response is over, where that comes with the end of the request.  For responses that are. */

void
nginx_stream_end_response(ngx_http_request_t *r)
{
#if (NGX_HTTP_V3)
    if (r->connection->quic) {
        (void) ngx_quic_shutdown_stream(r->connection, NGX_WRITE_SHUTDOWN);
    }
#endif
}


/* Whether the client has acknowledged all of a response, where that is nginx's business: over HTTP/3. */

ngx_uint_t
nginx_stream_is_acknowledged(ngx_http_request_t *r)
{
#if (NGX_HTTP_V3)
    ngx_quic_stream_t  *qs;

    qs = r->connection->quic;

    if (qs) {
        return qs->send_state == NGX_QUIC_STREAM_SEND_DATA_RECVD;
    }
#endif

    return 0;
}


/* The socket that all of a response has been written to; -1 if some has not, and over HTTP/3. */

ngx_socket_t
nginx_stream_socket(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    if (c->buffered) {
        return (ngx_socket_t) -1;
    }

#if (NGX_HTTP_V2)
    if (r->stream) {
        c = r->stream->connection->connection;

        if (c->buffered || r->stream->queued) {
            return (ngx_socket_t) -1;
        }
    }
#endif

#if (NGX_HTTP_V3)
    if (c->quic) {
        return (ngx_socket_t) -1;
    }
#endif

    return c->fd;
}


/* Leaves what is still to come to nginx, and has one user less of the request, which may be the last one. */

void
nginx_stream_close(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    ngx_http_v2_connection_t  *h2c;

    if (r->stream) {
        h2c = r->stream->connection;
        r->stream->skip_data = 1;

        ngx_http_finalize_request(r, NGX_DONE);

        /* A reset waits for something else to be sent. */

        if (!h2c->blocked && h2c->last_out) {
            (void) ngx_http_v2_send_output_queue(h2c);
        }

        return;
    }
#endif

    ngx_http_finalize_request(r, NGX_DONE);
}


/*
 * Lets nginx end a request when it runs out of connections.  Over HTTP/2 one alone would be of no use: it is ended with all
 * others of its connection, if the same may be done with each of them; handler tells which these are.
 */

void
nginx_stream_set_reusable(ngx_http_request_t *r, ngx_event_handler_pt handler)
{
    ngx_connection_t  *c;

#if (NGX_HTTP_V2)
    nginx_stream_shared_t  *shared;
#endif

    c = r->connection;

#if (NGX_HTTP_V2)
    if (r->stream) {
        c = r->stream->connection->connection;
        shared = nginx_stream_shared(c);

        if (shared->blocker == r) {
            shared->blocker = NULL;
        }

        if (shared->blocker) {
            /* That one will tell when it ends. */
            return;
        }

        if (c->read->handler != nginx_stream_read_v2) {

#if (NGX_HTTP_SSL)
            if (c->ssl && c->ssl->saved_read_handler) {
                /* Not nginx's own for a while. */
                return;
            }
#endif

            nginx_stream_handler = handler;
            nginx_stream_next_read_v2 = c->read->handler;
            c->read->handler = nginx_stream_read_v2;
        }
    }
#endif

    if (!c->reusable) {
        ngx_reusable_connection(c, 1);
    }
}


/* Puts nginx's handlers of a connection in the place of ours, also where TLS has set them aside. */

void
nginx_stream_handlers(ngx_connection_t *c, ngx_event_handler_pt ours, ngx_event_handler_pt read,
    ngx_event_handler_pt write)
{
    if (c->read->handler == ours) {
        c->read->handler = read;
    }

    if (c->write->handler == ours) {
        c->write->handler = write;
    }

#if (NGX_HTTP_SSL)
    if (c->ssl && c->ssl->saved_read_handler == ours) {
        c->ssl->saved_read_handler = read;
    }

    if (c->ssl && c->ssl->saved_write_handler == ours) {
        c->ssl->saved_write_handler = write;
    }
#endif
}


/* A timer for a request; NULL if memory is out. */

ngx_event_t *
nginx_stream_timer(ngx_http_request_t *r, ngx_event_handler_pt handler)
{
    ngx_event_t  *timer;

    timer = ngx_pcalloc(r->pool, sizeof(ngx_event_t));
    if (timer == NULL) {
        return NULL;
    }

    timer->data = r->connection;
    timer->handler = handler;
    timer->log = r->connection->log;

    return timer;
}


void
nginx_stream_set_timer(ngx_event_t *timer, ngx_msec_t left)
{
    ngx_add_timer(timer, left);
}


/* Lets the client send so much of a body from now on, and no more, as far as it has not been let already. */

void
nginx_stream_grant(ngx_http_request_t *r, uint64_t most)
{
#if (NGX_HTTP_V2)
    if (r->stream) {
        nginx_stream_grant_v2(r, most);
    }
#endif

    /* Over HTTP/3 it is let when something is read. */
}


/* Ends what nginx_stream_reopen() has begun, when so much was dropped; the timer is that of nginx_stream_timer(). */

void
nginx_stream_release(ngx_http_request_t *r, ngx_event_t *timer, uint64_t dropped)
{
    ngx_connection_t       *c;
    nginx_stream_shared_t  *shared;

    if (timer->timer_set) {
        ngx_del_timer(timer);
    }

    if (!nginx_stream_exists(r)) {
        return;
    }

    c = nginx_stream_parent(r);
    shared = nginx_stream_shared(c);
    shared->taken--;

#if (NGX_HTTP_V2)
    if (r->stream) {
        nginx_stream_settle_v2(r, dropped);

        if (shared->taken == 0) {
            /* nginx alone decides. */
            ngx_reusable_connection(c, 0);
        }
    }
#endif
}
