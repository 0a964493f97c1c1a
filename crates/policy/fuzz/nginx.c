/* nginx's own parser of sizes. */

#include <ngx_config.h>
#include <ngx_core.h>


int64_t nginx_parse_offset(u_char *text, size_t len);


/* The size in bytes, or -1. */

int64_t
nginx_parse_offset(u_char *text, size_t len)
{
    ngx_str_t  line;

    line.data = text;
    line.len = len;

    return ngx_parse_offset(&line);
}
