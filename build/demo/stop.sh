#!/bin/sh
# Stops the nginx that build/demo/start.sh has started for a directory, if it runs:
#
#     build/demo/stop.sh DIR

set -eu

dir=$1
pid_file=$dir/nginx.pid

[ -f "$pid_file" ] || exit 0
pid=$(cat "$pid_file")

# A stale file may name a process that is none of ours.
case $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null || true) in
    *nginx*"$dir/"*) ;;
    *) rm -f "$pid_file"; exit 0 ;;
esac

kill "$pid"
tries=0
while [ -f "$pid_file" ] && [ "$tries" -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
