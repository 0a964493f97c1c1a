#!/bin/sh
# Prints where the source of nginx is that the crate nginx-src brings, and fetches it if need be:
#
#     build/nginx/source.sh LOG

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

log=$1

echo "==> fetching the source of nginx (crate nginx-src)" >&2
cargo fetch --locked >"$log" 2>&1 || fail_log "cargo fetch failed"
crate=$(cargo metadata --locked --format-version 1 --features vendored 2>>"$log" |
    grep -o '"manifest_path":"[^"]*/nginx-src-[^"]*/Cargo.toml"' | cut -d '"' -f 4 | head -n 1)
[ -n "$crate" ] || fail_log "looking up the crate nginx-src failed"
echo "$(dirname "$crate")/nginx"
