#!/bin/sh
# Stops the demo's nginx, if it runs.

set -eu

pid_file=objs/demo/nginx.pid

[ -f "$pid_file" ] || exit 0
pid=$(cat "$pid_file")

# A stale file may name a process that is none of ours.
case $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null || true) in
    *nginx*"$(pwd)/objs/demo/"*) ;;
    *) rm -f "$pid_file"; exit 0 ;;
esac

kill "$pid"
tries=0
while [ -f "$pid_file" ] && [ "$tries" -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
