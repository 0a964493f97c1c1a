#!/bin/sh
# Starts nginx with nginx-conf/demo/nginx.conf, and without the module with alone.conf. What was started for the same DIR is
# stopped before:
#
#     build/demo/start.sh NGINX WORK PORT DIR
#
# WORK is where the modules for this nginx are. It takes ports from PORT on: cleartext and TLS, the next two for nginx without
# the module and, where nginx has stream, two for raw connections. "build/demo/stop.sh DIR" stops both.

set -eu

nginx=$1 work=$2 port=$3 dir=$4

./build/demo/stop.sh "$dir"

mkdir -p "$dir/modules" "$dir/html" "$dir/alone"
./build/test/certificate.sh "$dir"
cp "$work/ngx_http_limit_body_module.so" "$work/controls/ngx_http_control_module.so" "$dir/modules/"

with_ports() {
    sed -e "s/\b8413\b/$port/" -e "s/\b8414\b/$((port + 1))/" -e "s/\b8415\b/$((port + 2))/" -e "s/\b8416\b/$((port + 3))/" \
        -e "s/\b8417\b/$((port + 4))/" -e "s/\b8418\b/$((port + 5))/" "$@"
}

start() {
    rm -f "$1/error.log"
    "$nginx" -p "$1/" -c nginx.conf -e error.log 2>"$1/start.log" && return
    if busy=$(grep -o 'bind() to [^ ]* failed (98' "$1/start.log" | head -n 1 | cut -d ' ' -f 3) && [ -n "$busy" ]; then
        echo "error: $busy is in use by another program. Choose six free ports: make run PORT=9000 (to 9005)" >&2
    else
        echo "error: nginx did not start:" >&2
        cat "$1/start.log" >&2
    fi
    ./build/demo/stop.sh "$dir"
    exit 1
}

with_ports nginx-conf/demo/index.html >"$dir/html/index.html"
stream=$(./build/nginx/stream-modules.sh "$nginx" "$work/ngx_stream_limit_session_module.so")
for module in $stream; do
    echo "load_module $module;"
done >"$dir/nginx.conf"
with_ports nginx-conf/demo/nginx.conf ${stream:+nginx-conf/demo/stream.conf} >>"$dir/nginx.conf"
with_ports nginx-conf/demo/alone.conf >"$dir/alone/nginx.conf"
start "$dir"
start "$dir/alone"
