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

bring_python "$dir" "application servers"
bring_node "$dir" "application servers"
cp node.mjs "$dir"

GO111MODULE=off GOCACHE="$dir/go" go build -o "$dir/server-go" server.go >"$log" 2>&1 || fail_log "go build failed"
javac -cp '/usr/share/java/*' -d "$dir/java" Server.java >"$log" 2>&1 || fail_log "javac failed"
