#!/bin/sh
# Starts nginx with nginx-conf/demo.conf, uploads too much to it in several ways, and shows what each client got:
#
#     build/demo/run.sh NGINX WORK PORT
#
# WORK is where the modules for this nginx are. nginx goes on running; "make stop" ends it.

set -eu

nginx=$1 work=$2 port=$3
dir=$(pwd)/objs/demo
mib=64

./build/demo/start.sh "$nginx" "$work" "$port" "$dir"
[ -f "$dir/upload" ] || head -c "${mib}M" /dev/zero >"$dir/upload"

echo
echo "Uploading $mib MiB where 1 MiB is allowed. What the client gets:"
echo
python3 build/demo/client.py "$port" "$((port + 1))" "$dir/upload"
cat <<END

limit_body is this module. The other two refuse the upload as well, but close the connection while the client still
sends. The kernel resets it, the client's sending fails, and the answer is lost. curl looks for an answer while it sends,
and is quick enough on this machine; most HTTP libraries look only when all is sent.

See it in a browser, with live counters: http://127.0.0.1:$port/

Try it by hand:
    curl -i --data-binary @objs/demo/upload http://127.0.0.1:$port/upload
    curl -i --data-binary 'small enough'    http://127.0.0.1:$port/upload
    tail objs/demo/access.log objs/demo/error.log

nginx runs with objs/demo/nginx.conf until you stop it:
    make stop
END
