#!/bin/sh
# Prints what nginx's Makefile has to say besides for bindings to be made from it, in its own language:
#
#     build/nginx/bindings.sh SOURCE OBJS

set -eu

objs=$2

# The crates need HTTP's declarations also for an nginx without HTTP.
grep -q 'src/http/ngx_http\.o' "$objs/Makefile" || echo 'ALL_INCS += -I src/http -I src/http/modules'
