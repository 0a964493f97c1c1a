#!/bin/bash
# What the drain of a refused upload costs, as ratios to nginx without the module, in one run:
#
#     bench/drain.sh NGINX MODULE CERTIFICATE
#
# CPU is the worker's, user and system, from /proc; each figure is the median of three uploads of 4 GiB (SIZE, in MiB,
# sets another size). Memory is what a worker with 10,000 draining connections (CONNECTIONS) has more than before.

set -euo pipefail
shopt -s inherit_errexit

nginx=$1 module=$2 certificate=$3
dir=$(pwd)/objs/bench-drain
size=${SIZE:-4096} connections=${CONNECTIONS:-10000}

rm -rf "$dir"
mkdir -p "$dir/logs"
read -r port tls_port h2c_port < <(python3 - <<'END'
import socket
sockets = [socket.socket() for _ in range(3)]
for s in sockets:
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))
END
)

# The directive, or the parameter that it was before 1.25.1.
http2=' http2' http2_on=
if version=$("$nginx" -v 2>&1 | cut -d / -f 2) && [ "$(printf '%s\n' 1.25.1 "$version" | sort -V | head -n 1)" = 1.25.1 ]; then
    http2= http2_on='http2 on;'
fi

# nginx drops no more of a stream's body than the client may send anyway; so it is held against an upload that nginx reads,
# as any for an upstream, and does nothing with.
accepted="client_max_body_size 0; proxy_pass_request_body off; proxy_set_header Content-Length '';
            proxy_pass http://127.0.0.1:$port/answer;"

configuration() { # what to load, what is in the server, what is in the location for HTTP/2
    cat <<END
$1
daemon off;
pid $dir/nginx.pid;
worker_processes 1;
worker_rlimit_nofile 65536;
error_log logs/error.log;
events { worker_connections 30000; }
http {
    access_log off;
    server {
        listen 127.0.0.1:$port backlog=4096;
        listen 127.0.0.1:$h2c_port$http2;
        listen 127.0.0.1:$tls_port ssl$http2;
        ssl_certificate $certificate.pem;
        ssl_certificate_key $certificate.key;
        ssl_protocols TLSv1.3;
        lingering_time 1h;
        lingering_timeout 1h;
        $http2_on
        location /read { proxy_pass http://127.0.0.1:$port; }
        location = /stream { $3 }
        location = /answer { return 204; }
        $2
    }
}
END
}

configuration '' 'client_max_body_size 1k;' "$accepted" >"$dir/without.conf"
configuration "load_module $module;" 'limit_body 1k; limit_body_drain idle=1h time=1h;' \
    "proxy_pass http://127.0.0.1:$port;" >"$dir/with.conf"

measure() { # configuration, what to measure
    local pid worker
    "$nginx" -p "$dir/" -c "$1.conf" -e logs/error.log &
    pid=$!
    until worker=$(pgrep -P "$pid") && (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.1; done
    python3 bench/drain-client.py "$port" "$tls_port" "$h2c_port" "$worker" "$2" "$size" "$connections" || kill "$pid"
    kill -QUIT "$pid" 2>/dev/null || true
    pkill -TERM -P "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

row() { # text, what to measure
    local i
    for i in 1 2 3; do
        for configuration in without with; do
            echo "$configuration $(measure "$configuration" "$2")"
        done
    done | python3 -c '
import statistics, sys
figures = {"without": [], "with": []}
for line in sys.stdin:
    name, *numbers = line.split()
    figures[name].append([float(number) for number in numbers])
without, with_ = ([statistics.median(column) for column in zip(*figures[name])] for name in ("without", "with"))
cpu, speed, first = zip(without, with_)
print(f"{sys.argv[1]:28}{cpu[0]:9.3f}{cpu[1]:8.3f}{cpu[1] / cpu[0]:8.2f}{speed[0]:11.2f}{speed[1]:7.2f}"
      f"{speed[1] / speed[0]:8.2f}{first[0]:11.2f}{first[1]:7.2f}")
' "$1"
}

echo "an upload of $size MiB over loopback that is refused and drained, without the module and with it:"
printf '%-28s%25s%26s%18s\n' '' 'CPU seconds per GB' 'GB per second' 'first byte, ms'
printf '%-28s%9s%8s%8s%11s%7s%8s%11s%7s\n' '' without with ratio without with ratio without with
row 'plain, Content-Length' plain
row 'TLS 1.3, Content-Length' tls
row 'plain, 64 KiB chunks' chunked
row 'plain, chunks, mid-stream' chunked-read
row 'TLS 1.3, 64 KiB chunks' tls-chunked
row 'TLS 1.3, chunks, mid-stream' tls-chunked-read

echo
echo "the same over HTTP/2; without the module it is accepted, and goes to a file:"
row 'TLS 1.3, HTTP/2' h2
row 'plain, HTTP/2' h2c

echo
without=$(measure without memory)
with=$(measure with memory)
echo "memory of $connections draining connections, bytes each: without $without, with $with"
