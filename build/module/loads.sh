#!/bin/sh
# Sees to it that an nginx loads the module that was built for it:
#
#     build/module/loads.sh NGINX MODULE

set -eu

nginx=$1 module=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

case $module in
    *ngx_stream_*) blocks='stream { limit_session_drain idle=1s; }' ;;
    *) blocks='http { limit_body 1m; }' ;;
esac

# A distribution's nginx may have stream in a module of its own, which has to be loaded first.
stream=
modules=$("$nginx" -V 2>&1 | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p')
case $module in
    *ngx_stream_*) [ ! -f "$modules/ngx_stream_module.so" ] || stream="load_module $modules/ngx_stream_module.so;" ;;
esac

# nginx looks for its default user, which need not exist, where it is run by root.
user=
[ "$(id -u)" -ne 0 ] || user='user root root;'
cat >"$dir/nginx.conf" <<END
$stream
load_module $module;
$user
pid nginx.pid;
events {}
$blocks
END

# Built with AddressSanitizer, it says that "nginx -t" gives nothing back.
if ! ASAN_OPTIONS=detect_leaks=0 "$nginx" -t -q -p "$dir/" -e stderr -c nginx.conf 2>"$dir/log"; then
    echo "error: $nginx does not load $module:" >&2
    cat "$dir/log" >&2
    exit 1
fi
