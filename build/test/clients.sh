#!/bin/sh
# Brings the HTTP libraries that "make clients" uploads with:
#
#     build/test/clients.sh DIR

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

dir=$(make_dir "$1")
log=$dir/test-clients.log
cd "$project/t/clients"

# niquests brings an urllib3 of its own, which requests would use too.
for requirements in requirements*.txt; do
    environment=$dir/python$(echo "$requirements" | sed 's/requirements//; s/.txt//')
    cmp -s "$requirements" "$environment/requirements.txt" || echo "==> installing HTTP libraries for Python (log: $log)"
    python_environment "$environment" "$requirements" >"$log" 2>&1 || fail_log "installing $requirements failed"
done

bring_node "$dir" "HTTP libraries"
cp node.mjs "$dir"

if ! [ -e "$dir/upload-reqwest" ]; then
    echo "==> building reqwest, for Rust (log: $log)"
fi
CARGO_TARGET_DIR=$dir/reqwest cargo build --quiet --locked --release --manifest-path reqwest/Cargo.toml >"$log" 2>&1 ||
    fail_log "cargo build failed"
cp "$dir/reqwest/release/upload-reqwest" "$dir"

GO111MODULE=off GOCACHE="$dir/go" go build -o "$dir/upload-go" upload.go >"$log" 2>&1 || fail_log "go build failed"
javac -cp /usr/share/java/okhttp.jar:/usr/share/java/okio.jar -d "$dir/java" Upload.java >"$log" 2>&1 || fail_log "javac failed"
# shellcheck disable=SC2046 # flags are words
c++ -O2 -Wall -Wextra -Werror -fPIC -o "$dir/upload-qt" upload.cpp $(pkg-config --cflags --libs Qt6Network) >"$log" 2>&1 ||
    fail_log "c++ failed"
build_link "$dir"
