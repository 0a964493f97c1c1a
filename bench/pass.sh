#!/bin/bash
# What an accepted request costs: instructions per request, counted by valgrind's callgrind, with the module and
# without it:
#
#     bench/pass.sh NGINX MODULE PYTHON
#
# Counts are repeatable where times are not. Each case is run twice, with few requests and with many; the difference
# is what the requests cost, without start-up and end.

set -euo pipefail

nginx=$1 module=$2 python=$3
dir=$(pwd)/objs/bench-pass
few=10 many=110

rm -rf "$dir"
mkdir -p "$dir/files"

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

configuration() { # what to load, what to set
    cat <<END
$1
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log error.log;
events { }
http {
    client_max_body_size 8m; keepalive_requests 100000;
    server {
        listen 127.0.0.1:$port;
        location / { $2 dav_methods PUT; root files; }
    }
}
END
}

instructions() { # name, upload, number of requests
    valgrind --tool=callgrind --callgrind-out-file="$dir/$1.out" "$nginx" -p "$dir/" -c "$1.conf" -e error.log \
        2>"$dir/$1.log" &
    local pid=$!
    "$python" bench/pass-client.py "$port" "$2" "$3" >&2
    kill -QUIT "$pid"
    wait "$pid" || { tail -n 20 "$dir/$1.log" "$dir/error.log" >&2; exit 1; }
    sed -n 's/^summary: //p' "$dir/$1.out"
}

per_request() { # name, upload
    local a b
    a=$(instructions "$1" "$2" $few)
    b=$(instructions "$1" "$2" $many)
    echo -n . >&2
    echo $(((b - a) / (many - few)))
}

load="load_module $module;"
configuration "" "" >"$dir/without.conf"
configuration "$load" "" >"$dir/loaded.conf"
configuration "$load" "limit_body 8m;" >"$dir/enabled.conf"

printf '%-22s %12s %12s %8s %12s %8s\n' upload without loaded '' enabled ''
for upload in small declared chunked; do
    without=$(per_request without $upload)
    loaded=$(per_request loaded $upload)
    enabled=$(per_request enabled $upload)
    case $upload in
        small) name='POST of 100 bytes' ;;
        declared) name='1 MiB, declared' ;;
        chunked) name='1 MiB, chunked' ;;
    esac
    printf '%-22s %12d %12d %+7.2f%% %12d %+7.2f%%\n' "$name" "$without" \
        "$loaded" "$(bc -l <<<"100 * ($loaded - $without) / $without")" \
        "$enabled" "$(bc -l <<<"100 * ($enabled - $without) / $without")"
done
