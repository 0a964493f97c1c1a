#!/bin/sh
# Brings the programs and libraries that "make programs" uploads with and Debian has not, or only older:
#
#     build/test/programs.sh DIR

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

dir=$(make_dir "$1")
log=$dir/test-programs.log
cd "$project/t/programs"

bring_python "$dir" "programs"
bring_node "$dir" "libraries"
build_link "$dir"
GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$dir/go" go build -o "$dir/grpc-call" grpc_call.go >"$log" 2>&1 ||
    fail_log "go build failed"
