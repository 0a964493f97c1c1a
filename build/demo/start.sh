#!/bin/sh
# Starts nginx with nginx-conf/demo.conf; one that was started for the same DIR is stopped before:
#
#     build/demo/start.sh NGINX WORK PORT DIR
#
# WORK is where the modules for this nginx are. It listens on PORT, and with TLS one above. "build/demo/stop.sh DIR"
# stops it.

set -eu

nginx=$1 work=$2 port=$3 dir=$4

./build/demo/stop.sh "$dir"

mkdir -p "$dir/modules" "$dir/html"
./build/test/certificate.sh "$dir"
cp "$work/ngx_http_limit_body_module.so" "$work/controls/ngx_http_control_module.so" "$dir/modules/"
cp nginx-conf/demo/index.html "$dir/html/"
sed -e "s/127.0.0.1:8413/127.0.0.1:$port/" -e "s/127.0.0.1:8414/127.0.0.1:$((port + 1))/" nginx-conf/demo.conf \
    >"$dir/nginx.conf"
rm -f "$dir/error.log"

if ! "$nginx" -p "$dir/" -c nginx.conf -e error.log 2>"$dir/start.log"; then
    if busy=$(grep -o 'bind() to [^ ]* failed (98' "$dir/start.log" | head -n 1 | cut -d ' ' -f 3) && [ -n "$busy" ]; then
        echo "error: $busy is in use by another program. Choose two free ports: make run PORT=9000 (and 9001)" >&2
    else
        echo "error: nginx did not start:" >&2
        cat "$dir/start.log" >&2
    fi
    exit 1
fi
