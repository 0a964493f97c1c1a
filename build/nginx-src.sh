#!/bin/sh
# Prints where the source of nginx is that the crate nginx-src brings, and fetches it if need be:
#
#     build/nginx-src.sh LOG

set -eu

log=$1

fail() {
    echo "error: $1 failed; the last lines of $log:" >&2
    tail -n 15 "$log" >&2
    exit 1
}

echo "==> fetching the source of nginx (crate nginx-src)" >&2
cargo fetch --locked >"$log" 2>&1 || fail "cargo fetch"
crate=$(cargo metadata --locked --format-version 1 --features vendored 2>>"$log" |
    grep -o '"manifest_path":"[^"]*/nginx-src-[^"]*/Cargo.toml"' | cut -d '"' -f 4 | head -n 1)
[ -n "$crate" ] || fail "looking up the crate nginx-src"
echo "$(dirname "$crate")/nginx"
