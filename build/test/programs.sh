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

cmp -s requirements.txt "$dir/python/requirements.txt" || echo "==> installing programs in Python (log: $log)"
python_environment "$dir/python" requirements.txt >"$log" 2>&1 || fail_log "installing requirements.txt failed"

cmp -s package.json "$dir/installed.json" || echo "==> installing libraries for Node.js (log: $log)"
node_packages "$dir" >"$log" 2>&1 || fail_log "npm failed"
