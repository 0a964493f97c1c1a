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

if ! cmp -s requirements.txt "$dir/requirements.txt"; then
    echo "==> installing HTTP libraries for Python (log: $log)"
    python3 -m venv "$dir/python" >"$log" 2>&1 || fail "python3 -m venv"
    "$dir/python/bin/pip" install --disable-pip-version-check -r requirements.txt >"$log" 2>&1 || fail "pip"
    cp requirements.txt "$dir"
fi

if ! cmp -s package.json "$dir/installed.json"; then
    echo "==> installing HTTP libraries for Node.js (log: $log)"
    cp package.json "$dir"
    npm install --prefix "$dir" --no-audit --no-fund >"$log" 2>&1 || fail "npm"
    cp package.json "$dir/installed.json"
fi
cp node.mjs "$dir"

GO111MODULE=off GOCACHE="$dir/go" go build -o "$dir/upload-go" upload.go >"$log" 2>&1 || fail "go build"
