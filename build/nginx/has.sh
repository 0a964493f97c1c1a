#!/bin/sh
# Returns whether a configured build of nginx has http or stream, in nginx itself or as a module of its own:
#
#     build/nginx/has.sh OBJS http|stream

exec grep -qs "src/$2/ngx_$2\.o" "$1/Makefile"
