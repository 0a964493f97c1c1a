#!/bin/sh
# Says what the processes of a test run have left in the directory where their memory was watched:
#
#     build/test/memory-report.sh DIR STATUS
#
# STATUS is how the tests themselves have ended. Ends with 1 if they failed, or if a process had something to say.

set -eu

dir=$1 status=$2

starts=$(wc -l <"$dir/started")
found=$(find "$dir" -type f ! -name started -size +0 | sort)

for file in $found; do
    echo "$file:" >&2
    head -n 25 "$file" >&2
done
echo "$starts starts of nginx, $(printf %s "$found" | grep -c '' || true) processes with errors or leaks; tests: $(
    [ "$status" -eq 0 ] && echo passed || echo failed)"

if [ -n "$found" ]; then
    echo "error: memory; all of it is in $dir" >&2
    exit 1
fi
exit "$status"
