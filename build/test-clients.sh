#!/bin/sh
# Brings the HTTP libraries that "make clients" uploads with:
#
#     build/test-clients.sh DIR

set -eu

mkdir -p "$1"
dir=$(cd "$1" && pwd)
log=$dir/test-clients.log
cd "$(dirname "$0")/../t/clients"

fail() {
    echo "error: $1 failed; the last lines of $log:" >&2
    tail -n 15 "$log" >&2
    exit 1
}

# niquests brings an urllib3 of its own, which requests would use too.
for requirements in requirements*.txt; do
    environment=$dir/python$(echo "$requirements" | sed 's/requirements//; s/.txt//')
    if ! cmp -s "$requirements" "$environment/$requirements"; then
        echo "==> installing HTTP libraries for Python (log: $log)"
        python3 -m venv --clear "$environment" >"$log" 2>&1 || fail "python3 -m venv"
        "$environment/bin/pip" install --disable-pip-version-check -r "$requirements" >"$log" 2>&1 || fail "pip"
        cp "$requirements" "$environment"
    fi
done

if ! cmp -s package.json "$dir/installed.json"; then
    echo "==> installing HTTP libraries for Node.js (log: $log)"
    cp package.json "$dir"
    npm install --prefix "$dir" --no-audit --no-fund >"$log" 2>&1 || fail "npm"
    cp package.json "$dir/installed.json"
fi
cp node.mjs "$dir"

if ! [ -e "$dir/upload-reqwest" ]; then
    echo "==> building reqwest, for Rust (log: $log)"
fi
CARGO_TARGET_DIR=$dir/reqwest cargo build --quiet --locked --release --manifest-path reqwest/Cargo.toml >"$log" 2>&1 ||
    fail "cargo build"
cp "$dir/reqwest/release/upload-reqwest" "$dir"

GO111MODULE=off GOCACHE="$dir/go" go build -o "$dir/upload-go" upload.go >"$log" 2>&1 || fail "go build"
javac -d "$dir/java" Upload.java >"$log" 2>&1 || fail "javac"
cc -O2 -Wall -Wextra -Werror -o "$dir/link" link.c >"$log" 2>&1 || fail "cc"
