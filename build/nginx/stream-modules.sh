#!/bin/sh
# Prints what an nginx has to load for a module for raw connections, in order: a distribution's nginx may have stream in a
# module of its own. Prints nothing where the module was not built, or stream is not installed.
#
#     build/nginx/stream-modules.sh NGINX MODULE

set -eu

nginx=$1 module=$2
[ -f "$module" ] || exit 0

about=$("$nginx" -V 2>&1)
modules=$(echo "$about" | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p')
case $about in
    *--with-stream=dynamic*)
        [ -f "$modules/ngx_stream_module.so" ] || exit 0
        echo "$modules/ngx_stream_module.so"
        ;;
esac
echo "$module"
