#!/bin/sh
# Returns whether a configured build of nginx has stream, in nginx itself or as a module of its own:
#
#     build/nginx/has-stream.sh OBJS

exec grep -qs 'src/stream' "$1/Makefile"
