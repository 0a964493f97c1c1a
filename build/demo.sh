#!/bin/sh
# Starts nginx with nginx-conf/demo.conf, uploads too much to it in several ways, and shows what each client got:
#
#     build/demo.sh NGINX WORK PORT
#
# WORK is where the modules for this nginx are. nginx goes on running; "make stop" ends it.

set -eu

nginx=$1 work=$2 port=$3
tls_port=$((port + 1))
dir=$(pwd)/objs/demo
mib=64

./build/demo-stop.sh

mkdir -p "$dir/modules"
./build/certificate.sh "$dir"
cp "$work/ngx_http_limit_body_module.so" "$work/controls/ngx_http_control_module.so" "$dir/modules/"
sed -e "s/127.0.0.1:8413/127.0.0.1:$port/" -e "s/127.0.0.1:8414/127.0.0.1:$tls_port/" nginx-conf/demo.conf \
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

[ -f "$dir/upload" ] || head -c "${mib}M" /dev/zero >"$dir/upload"

echo
echo "Uploading $mib MiB where 1 MiB is allowed. What the client gets:"
echo
python3 build/demo-client.py "$port" "$tls_port" "$dir/upload"
cat <<END

limit_body is this module. The other two refuse the upload as well, but close the connection while the client still
sends. The kernel resets it, the client's sending fails, and the answer is lost. curl looks for an answer while it sends,
and is quick enough on this machine; most HTTP libraries look only when all is sent.

Try it by hand:
    curl -i --data-binary @objs/demo/upload http://127.0.0.1:$port/upload
    curl -i --data-binary 'small enough'    http://127.0.0.1:$port/upload
    tail objs/demo/access.log objs/demo/error.log

nginx runs with objs/demo/nginx.conf until you stop it:
    make stop
END
