#!/bin/sh
# Checks that commits have a subject of at most 72 characters, those since the commit that added this script:
#
#     build/check/subjects.sh
#
# In a shallow clone it checks the commits that are there; in a release, which has no commits, none.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$project"

# A release may have been unpacked within some other repository.
[ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ] || exit 0
first=$(git log --diff-filter=A --format=%H -- build/check/subjects.sh 2>/dev/null | tail -n 1)
[ -n "$first" ] || exit 0

long=$(git log --no-merges --format='%h %s' "$first..HEAD" | LC_ALL=C.UTF-8 grep -E '^[0-9a-f]+ .{73}' || true)
[ -z "$long" ] || fail "the subject of a commit has at most 72 characters:" "$long"
