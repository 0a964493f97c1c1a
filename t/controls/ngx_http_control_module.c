/*
 * What the tests need of other modules.
 *
 * Negative controls: two ways not to refuse an upload.  Both answer every request with 413, and both lose the answer:
 * they close the connection while the client still sends, and the kernel resets it.
 *
 * "control_close;" sends the answer and is done with the request at once.
 *
 * "control_double;" is the one that is often recommended: it sends the answer, asks for a lingering close, and
 * finalizes the request with 413.  nginx takes that for an order to answer, finds that the header has been sent
 * already, and closes at once.
 *
 * "control_read_in server_rewrite | rewrite;" reads bodies before their time, in the phase named, and "control_discard_in"
 * discards them there.  "control_wait_in" reads them, too, but leaves the request counted once more until the body has come,
 * as ModSecurity does.  "control_internal;" calls the requests of "control_read_in" internal behind that, as Lua does when a script
 * changes the URI.  "control_pages;" has them read bodies for the pages of errors only.
 *
 * "control_copy;" adds a field to each subrequest at the end of the rewrite phase, and gives its header to the requests that it is
 * of, as headers-more does.
 *
 * "control_hold;" is for a mirror.  It takes fields called "Gone" from the request, as Lua does, and waits.  "control_page;" is for the
 * page of the request's refusal: it adds a few fields to the request and many to the mirror, or with the argument "late" the other way
 * round, lets the mirror end, and answers with the names of the request's fields that begin with "X".
 * "control_clear;" takes fields called "Cleared" from requests before their locations are known.
 *
 * "control_body;" allows a request that has a body, if an empty one, as nginx gives a subrequest of auth_request one.
 *
 * "control_ignore;" reads the body, takes no notice when that fails, and leaves it to others to answer then.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


extern ngx_module_t  ngx_http_control_module;

ngx_module_t  *ngx_modules[] = { &ngx_http_control_module, NULL };
char          *ngx_module_names[] = { "ngx_http_control_module", NULL };
char          *ngx_module_order[] = { NULL };


static void
ngx_http_control_answer(ngx_http_request_t *r)
{
    ngx_buf_t    *b;
    ngx_chain_t   out;

    static u_char  text[] = "too large\n";

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return;
    }

    b->memory = 1;
    b->pos = text;
    b->last = text + sizeof(text) - 1;
    b->last_buf = 1;

    out.buf = b;
    out.next = NULL;

    r->keepalive = 0;
    r->headers_out.status = NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    r->headers_out.content_length_n = sizeof(text) - 1;

    (void) ngx_http_send_header(r);
    (void) ngx_http_output_filter(r, &out);
}


/* nginx finalizes a request with what its handler returns. */

static ngx_int_t
ngx_http_control_close_handler(ngx_http_request_t *r)
{
    ngx_http_control_answer(r);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_control_double_handler(ngx_http_request_t *r)
{
    ngx_http_control_answer(r);

    r->lingering_close = 1;

    return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
}


static void
ngx_http_control_ignore_done(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, NGX_HTTP_NO_CONTENT);
}


static ngx_int_t
ngx_http_control_ignore_handler(ngx_http_request_t *r)
{
    (void) ngx_http_read_client_request_body(r, ngx_http_control_ignore_done);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_control_body_handler(ngx_http_request_t *r)
{
    return r->request_body ? NGX_HTTP_NO_CONTENT : NGX_HTTP_FORBIDDEN;
}


/* Takes the fields with this name from a request, each as Lua does. */

static void
ngx_http_control_take_fields(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_list_t       *l;
    ngx_list_part_t  *part, *rest;
    ngx_table_elt_t  *h;

    l = &r->headers_in.headers;

    for (part = &l->part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == name->len && ngx_strncasecmp(h[i].key.data, name->data, name->len) == 0) {
                break;
            }
        }

        if (i == part->nelts || i == 0) {
            continue;
        }

        if (i == part->nelts - 1) {
            part->nelts--;

            if (part == l->last) {
                l->nalloc--;
            }

            continue;
        }

        rest = ngx_palloc(r->pool, sizeof(ngx_list_part_t));
        if (rest == NULL) {
            return;
        }

        rest->elts = &h[i + 1];
        rest->nelts = part->nelts - i - 1;
        rest->next = part->next;

        part->nelts = i;
        part->next = rest;

        if (part == l->last) {
            l->last = rest;
            l->nalloc = rest->nelts;
        }
    }
}


static void
ngx_http_control_add_fields(ngx_http_request_t *r, char *name, ngx_uint_t n)
{
    ngx_table_elt_t  *h;

    while (n--) {
        h = ngx_list_push(&r->headers_in.headers);
        if (h == NULL) {
            return;
        }

        ngx_memzero(h, sizeof(ngx_table_elt_t));
        h->hash = 1;
        h->key.data = (u_char *) name;
        h->key.len = ngx_strlen(name);
        ngx_str_set(&h->value, "1");
        h->lowcase_key = (u_char *) name;
    }
}


static ngx_http_request_t  *ngx_http_control_held;


static ngx_int_t
ngx_http_control_hold_handler(ngx_http_request_t *r)
{
    static ngx_str_t  gone = ngx_string("gone");

    ngx_http_control_take_fields(r->main, &gone);

    ngx_http_control_held = r;
    r->main->count++;

    return NGX_DONE;
}


static ngx_int_t
ngx_http_control_page_handler(ngx_http_request_t *r)
{
    u_char              *p, *end;
    ngx_buf_t           *b;
    ngx_uint_t           i, late;
    ngx_chain_t          out;
    ngx_list_part_t     *part;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *sr;

    late = (r->args.len != 0);

    if (!late) {
        ngx_http_control_add_fields(r, "page", 2);
    }

    sr = ngx_http_control_held;
    ngx_http_control_held = NULL;

    if (sr) {
        ngx_http_control_add_fields(sr, "mirror", 50);
    }

    if (late) {
        ngx_http_control_add_fields(r, "page", 2);
    }

    if (sr) {
        ngx_http_finalize_request(sr, NGX_OK);
    }

    b = ngx_create_temp_buf(r->pool, 4096);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = b->last;
    end = b->end - 1;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len && (h[i].key.data[0] | 0x20) == 'x') {
                p = ngx_slprintf(p, end, "%V ", &h[i].key);
            }
        }

        if (part == &r->headers_in.headers.part && part->nelts > 20) {
            p = ngx_slprintf(p, end, "%ui fields in the first part ", part->nelts);
        }
    }

    *p++ = '\n';
    b->last = p;
    b->last_buf = 1;

    out.buf = b;
    out.next = NULL;

    r->headers_out.content_length_n = b->last - b->pos;

    (void) ngx_http_send_header(r);

    return ngx_http_output_filter(r, &out);
}


static ngx_uint_t  ngx_http_control_clears;


static ngx_int_t
ngx_http_control_clear_handler(ngx_http_request_t *r)
{
    static ngx_str_t  cleared = ngx_string("cleared");

    if (r == r->main) {
        ngx_http_control_take_fields(r, &cleared);
    }

    return NGX_DECLINED;
}


/* The phase to read or discard bodies in, or -1, and the handler that does so. */

static ngx_int_t            ngx_http_control_phase;
static ngx_http_handler_pt  ngx_http_control_phase_handler;
static ngx_uint_t           ngx_http_control_sets_internal;
static ngx_uint_t           ngx_http_control_reads_pages;
static ngx_uint_t           ngx_http_control_copies;


static void
ngx_http_control_read_done(ngx_http_request_t *r)
{
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


static ngx_int_t
ngx_http_control_read_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r != r->main || (ngx_http_control_reads_pages && !r->error_page)) {
        return NGX_DECLINED;
    }

    if (r->request_body) {
        if (ngx_http_control_sets_internal) {
            r->internal = 1;
        }

        return NGX_DECLINED;
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_control_read_done);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static void
ngx_http_control_wait_done(ngx_http_request_t *r)
{
    r->main->count--;

    if (ngx_http_get_module_ctx(r, ngx_http_control_module) != NULL) {
        ngx_http_control_read_done(r);
    }
}


static ngx_int_t
ngx_http_control_wait_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r != r->main || r->request_body) {
        return NGX_DECLINED;
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_control_wait_done);

    if (rc == NGX_AGAIN) {
        ngx_http_set_ctx(r, r, ngx_http_control_module);
        return NGX_DONE;
    }

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DECLINED;
}


static ngx_int_t
ngx_http_control_discard_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);

    return (rc == NGX_OK) ? NGX_DECLINED : rc;
}


static ngx_int_t
ngx_http_control_copy_handler(ngx_http_request_t *r)
{
    ngx_http_request_t  *sr;

    if (r == r->main) {
        return NGX_DECLINED;
    }

    ngx_http_control_add_fields(r, "copied", 1);

    for (sr = r; sr != r->main; sr = sr->parent) {
        sr->parent->headers_in = sr->headers_in;
    }

    return NGX_DECLINED;
}


static char *
ngx_http_control_set_phase(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    ngx_http_control_phase = (ngx_strcmp(value[1].data, "rewrite") == 0)
                             ? NGX_HTTP_REWRITE_PHASE
                             : NGX_HTTP_SERVER_REWRITE_PHASE;
    ngx_http_control_phase_handler = (ngx_http_handler_pt) cmd->post;

    return NGX_CONF_OK;
}


static char *
ngx_http_control_set_flag(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    *(ngx_uint_t *) cmd->post = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_control_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_control_clears = 0;
    ngx_http_control_copies = 0;
    ngx_http_control_phase = -1;
    ngx_http_control_sets_internal = 0;
    ngx_http_control_reads_pages = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_control_postconfiguration(ngx_conf_t *cf)
{
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (ngx_http_control_clears) {
        h = ngx_array_push(&cmcf->phases[NGX_HTTP_SERVER_REWRITE_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_control_clear_handler;
    }

    if (ngx_http_control_copies) {
        handlers = &cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers;

        if (ngx_array_push(handlers) == NULL) {
            return NGX_ERROR;
        }

        /* The first is called last. */

        h = handlers->elts;
        ngx_memmove(h + 1, h, (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));
        *h = ngx_http_control_copy_handler;
    }

    if (ngx_http_control_phase == -1) {
        return NGX_OK;
    }

    h = ngx_array_push(&cmcf->phases[ngx_http_control_phase].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_control_phase_handler;

    return NGX_OK;
}


static char *
ngx_http_control(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = (ngx_http_handler_pt) cmd->post;

    return NGX_CONF_OK;
}


static ngx_command_t  ngx_http_control_commands[] = {

    { ngx_string("control_close"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_control,
      0,
      0,
      ngx_http_control_close_handler },

    { ngx_string("control_double"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_control,
      0,
      0,
      ngx_http_control_double_handler },

    { ngx_string("control_ignore"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_control,
      0,
      0,
      ngx_http_control_ignore_handler },

    { ngx_string("control_body"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_control,
      0,
      0,
      ngx_http_control_body_handler },

    { ngx_string("control_hold"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_control,
      0,
      0,
      ngx_http_control_hold_handler },

    { ngx_string("control_page"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_control,
      0,
      0,
      ngx_http_control_page_handler },

    { ngx_string("control_clear"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_NOARGS,
      ngx_http_control_set_flag,
      0,
      0,
      &ngx_http_control_clears },

    { ngx_string("control_read_in"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_control_set_phase,
      0,
      0,
      ngx_http_control_read_handler },

    { ngx_string("control_internal"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_NOARGS,
      ngx_http_control_set_flag,
      0,
      0,
      &ngx_http_control_sets_internal },

    { ngx_string("control_pages"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_NOARGS,
      ngx_http_control_set_flag,
      0,
      0,
      &ngx_http_control_reads_pages },

    { ngx_string("control_copy"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_NOARGS,
      ngx_http_control_set_flag,
      0,
      0,
      &ngx_http_control_copies },

    { ngx_string("control_wait_in"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_control_set_phase,
      0,
      0,
      ngx_http_control_wait_handler },

    { ngx_string("control_discard_in"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_control_set_phase,
      0,
      0,
      ngx_http_control_discard_handler },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_control_module_ctx = {
    ngx_http_control_preconfiguration,
    ngx_http_control_postconfiguration,
    NULL, NULL, NULL, NULL, NULL, NULL
};


ngx_module_t  ngx_http_control_module = {
    NGX_MODULE_V1,
    &ngx_http_control_module_ctx,
    ngx_http_control_commands,
    NGX_HTTP_MODULE,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NGX_MODULE_V1_PADDING
};
