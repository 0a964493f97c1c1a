#!/bin/bash
# What an accepted upload costs: instructions that nginx executes for it, counted by valgrind's callgrind, with the
# module and without it:
#
#     bench/pass.sh NGINX MODULE
#
# Counts are repeatable where times are not, but for how a body happens to be cut into reads; they leave out what the
# kernel does. Each case is run with few requests and with many: the difference is what the requests cost, without
# start-up and end, and the median of three runs is shown. "loaded": the module is loaded, limit_body is off; "enabled":
# limit_body is set.

set -euo pipefail
shopt -s inherit_errexit

nginx=$1 module=$2
dir=$(pwd)/objs/bench-pass
few=20 many=220

rm -rf "$dir"
mkdir -p "$dir/logs"

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
backend=$dir/backend.sock

configuration() { # what to load, where to listen, what is in the location
    cat <<END
$1
daemon off;
master_process off;
pid $3.pid;
error_log logs/error.log;
events { }
http {
    client_max_body_size 8m;
    keepalive_requests 100000;
    server { listen $2; location / { $4 } }
}
END
}

load="load_module $module;"
proxy="proxy_pass http://unix:$backend;"
configuration '' "unix:$backend" backend 'access_log off; return 200;' >"$dir/backend.conf"
configuration '' "127.0.0.1:$port" proxy "$proxy" >"$dir/without.conf"
configuration "$load" "127.0.0.1:$port" proxy "$proxy" >"$dir/loaded.conf"
configuration "$load" "127.0.0.1:$port" proxy "$proxy limit_body 8m;" >"$dir/enabled.conf"

"$nginx" -p "$dir/" -c backend.conf -e logs/error.log &
backend_pid=$!
trap 'kill "$backend_pid"' EXIT

instructions() { # configuration, upload, number of requests
    local pid
    valgrind --tool=callgrind --callgrind-out-file="$dir/$1.out" "$nginx" -p "$dir/" -c "$1.conf" -e logs/error.log \
        2>"$dir/logs/$1.log" &
    pid=$!
    if ! python3 bench/pass-client.py "$port" "$2" "$3" >&2; then
        echo "error: the uploads failed; see $dir/logs" >&2
        exit 1
    fi
    kill -QUIT "$pid"
    wait "$pid"
    sed -n 's/^summary: //p' "$dir/$1.out"
}

per_request() { # configuration, upload; the median of three
    local some more
    for _ in 1 2 3; do
        some=$(instructions "$1" "$2" $few)
        more=$(instructions "$1" "$2" $many)
        echo $(((more - some) / (many - few)))
    done | sort -n | sed -n 2p
}

row() { # text, upload
    local without loaded enabled
    without=$(per_request without "$2")
    loaded=$(per_request loaded "$2")
    enabled=$(per_request enabled "$2")
    python3 - "$1" "$without" "$loaded" "$enabled" <<'END'
import sys
name, without, *others = sys.argv[1], *map(int, sys.argv[2:])
print(f"{name:20}{without:10}" + "".join(f"{n:12} {100 * (n - without) / without:+6.2f}%" for n in others))
END
}

echo 'instructions for an accepted upload, proxied, buffered, with an access log:'
printf '%-20s%10s%20s%20s\n' '' without loaded enabled
row 'POST of 100 bytes' small
row '1 MiB, declared' declared
row '1 MiB, chunked' chunked
