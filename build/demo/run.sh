#!/bin/sh
# Starts nginx with nginx-conf/demo/nginx.conf and, without the module, with alone.conf; uploads too much to both in several
# ways, and shows what each client got:
#
#     build/demo/run.sh NGINX WORK PORT
#
# WORK is where the modules for this nginx are. Both go on running; "make stop" ends them.

set -eu

nginx=$1 work=$2 port=$3
dir=$(pwd)/objs/demo
mib=64

./build/demo/start.sh "$nginx" "$work" "$port" "$dir"
[ -f "$dir/upload" ] || head -c "${mib}M" /dev/zero >"$dir/upload"

echo
echo "Uploading $mib MiB where 1 MiB is allowed. What the client gets:"
echo
python3 build/demo/client.py "$port" "$dir/upload"
if grep -q '^stream {' "$dir/nginx.conf"; then
    echo
    echo "Sending $mib MiB over a raw connection, to a server of nginx's stream that answers at once:"
    echo
    python3 build/demo/raw.py "$((port + 4))" "$((port + 5))" "$dir/upload"
fi
cat <<END

limit_body is nginx with this module. "nginx alone" is the same nginx without it, with client_max_body_size: it delivers
the answer to a fast upload, and loses it if the client pauses for more than 5 seconds or sends for more than 30. The other
two refuse the upload and close the connection while the client still sends: the kernel resets it, and the answer is lost.
curl reads the answer while it sends; most HTTP libraries only after sending the whole body.

See it in a browser, with live counters: http://127.0.0.1:$port/

Try it by hand:
    curl -i --data-binary @objs/demo/upload http://127.0.0.1:$port/upload
    curl -i --data-binary 'small enough'    http://127.0.0.1:$port/upload
    tail objs/demo/access.log objs/demo/error.log

nginx runs with objs/demo/nginx.conf, and without the module with objs/demo/alone/nginx.conf, until you stop both:
    make stop
END
