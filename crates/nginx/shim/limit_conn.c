/*
 * What ngx_http_limit_conn_module counts of a request is in its hands until the request ends: it hangs on cleanups of the
 * request's pool.  Here that is given back earlier.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


void nginx_limit_conn_release(ngx_http_request_t *r);


/* That module; NULL if nginx has been built without it. */

static ngx_module_t *
nginx_limit_conn_module(void)
{
    ngx_uint_t  i;

    for (i = 0; ngx_cycle->modules[i]; i++) {
        if (ngx_strcmp(ngx_cycle->modules[i]->name, "ngx_http_limit_conn_module") == 0) {
            return ngx_cycle->modules[i];
        }
    }

    return NULL;
}


/* Whether a pool has handed out the memory that begins there, and at least the size of a pointer of it. */

static ngx_uint_t
nginx_limit_conn_is_of_pool(ngx_pool_t *pool, u_char *data)
{
    ngx_pool_t        *p;
    ngx_pool_large_t  *large;

    for (p = pool; p; p = p->d.next) {
        if (data > (u_char *) p && data < p->d.last) {
            return (size_t) (p->d.last - data) >= sizeof(void *);
        }
    }

    for (large = pool->large; large; large = large->next) {
        if (large->alloc == data) {
            return data != NULL;
        }
    }

    return 0;
}


/* Whether there is a shared memory zone of a module at an address. */

static ngx_uint_t
nginx_limit_conn_is_zone(ngx_module_t *module, void *address)
{
    ngx_uint_t        i;
    ngx_shm_zone_t   *zone;
    ngx_list_part_t  *part;

    for (part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part; part; part = part->next) {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (address == &zone[i]) {
                return zone[i].tag == module;
            }
        }
    }

    return 0;
}


/*
 * Gives back all that limit_conn counts of a request.  Its cleanups are known by what they begin with: the zone that they
 * count in, which is one of that module's, and nobody else's.
 */

void
nginx_limit_conn_release(ngx_http_request_t *r)
{
    void                *zone;
    ngx_module_t        *module;
    ngx_pool_cleanup_t  *cln, **next;

    if (r->main->limit_conn_status == 0) {
        /* Nothing is counted. */
        return;
    }

    module = nginx_limit_conn_module();
    if (module == NULL) {
        return;
    }

    next = &r->pool->cleanup;

    while (*next) {
        cln = *next;

        if (cln->handler && nginx_limit_conn_is_of_pool(r->pool, cln->data)) {
            ngx_memcpy(&zone, cln->data, sizeof(void *));

            if (nginx_limit_conn_is_zone(module, zone)) {
                *next = cln->next;
                cln->handler(cln->data);
                continue;
            }
        }

        next = &cln->next;
    }
}
