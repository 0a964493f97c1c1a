#!/usr/bin/env bash
# Runs tests as prove does; what failing ones have said is shown again behind its summary, and kept:
#
#     build/test/prove.sh LOG ARGUMENTS...

set -euo pipefail

log=$1
shift

{ prove "$@" 2>&1 >&3 | tee "$log" >&2; } 3>&1 || {
    printf '\n==> what was said, of which this is the end: %s\n' "$log" >&2
    grep -v '^WARNING: ' "$log" | tail -n 60 | cut -c 1-1000 >&2
    exit 1
}
