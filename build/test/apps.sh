#!/bin/sh
# Brings the application servers that "make apps" uploads to:
#
#     build/test/apps.sh DIR

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

dir=$(make_dir "$1")
log=$dir/test-apps.log
cd "$project/t/apps/programs"

cmp -s requirements.txt "$dir/python/requirements.txt" || echo "==> installing application servers for Python (log: $log)"
python_environment "$dir/python" requirements.txt >"$log" 2>&1 || fail_log "installing requirements.txt failed"

cmp -s package.json "$dir/installed.json" || echo "==> installing application servers for Node.js (log: $log)"
node_packages "$dir" >"$log" 2>&1 || fail_log "npm failed"
cp node.mjs "$dir"

GO111MODULE=off GOCACHE="$dir/go" go build -o "$dir/server-go" server.go >"$log" 2>&1 || fail_log "go build failed"
javac -cp '/usr/share/java/*' -d "$dir/java" Server.java >"$log" 2>&1 || fail_log "javac failed"
