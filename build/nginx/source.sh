#!/bin/sh
# Prints where the source of nginx is that the crate nginx-src brings, and fetches it if need be:
#
#     build/nginx/source.sh LOG

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

log=$1
manifest=$project/build/nginx/source/Cargo.toml

echo "==> fetching the source of nginx (crate nginx-src)" >&2
# From elsewhere: in a release, .cargo/config.toml allows no crates but those in vendor/, and this is not one of them.
crate=$({ cd / && cargo metadata --locked --format-version 1 --manifest-path "$manifest" \
    --filter-platform "$(rustc -vV | sed -n 's/^host: //p')"; } 2>"$log" |
    grep -o '"manifest_path":"[^"]*/nginx-src-[^"]*/Cargo.toml"' | cut -d '"' -f 4 | head -n 1)
[ -n "$crate" ] || fail_log "fetching the crate nginx-src failed"
echo "$(dirname "$crate")/nginx"
