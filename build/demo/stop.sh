#!/bin/sh
# Stops the two nginx that build/demo/start.sh has started for a directory, if they run:
#
#     build/demo/stop.sh DIR

set -eu

dir=$1

stop() {
    pid_file=$1/nginx.pid
    [ -f "$pid_file" ] || return 0
    pid=$(cat "$pid_file")

    # A stale file may name a process that is none of ours.
    case $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null || true) in
        *nginx*"$1/"*) ;;
        *) rm -f "$pid_file"; return 0 ;;
    esac

    kill "$pid"
    tries=0
    while [ -f "$pid_file" ] && [ "$tries" -lt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
}

stop "$dir/alone"
stop "$dir"
