#!/bin/sh
# Checks what is in .github/ against the schemas that GitHub's tools go by, and that workflows call targets that there are:
#
#     build/check/lint-workflows.sh DIR
#
# DIR is where the program is left that does the first, check-jsonschema from PyPI.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

dir=$(make_dir "$1")
log=$dir/lint-workflows.log
cd "$project"

python_environment "$dir/python" build/check/workflows-requirements.txt >"$log" 2>&1 ||
    fail_log "installing check-jsonschema failed"

check() {
    schema=$1
    shift
    echo "==> $*"
    "$dir/python/bin/check-jsonschema" --builtin-schema "$schema" "$@"
}

check vendor.github-workflows .github/workflows/*.yaml
check custom.github-workflows-require-timeout .github/workflows/*.yaml
check vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yaml
check vendor.dependabot .github/dependabot.yml

for target in $(sed -n "s/.*run: make \([a-z-]*\).*/\1/p; s/.*target: \[\(.*\)\]$/\1/p" .github/workflows/*.yaml | tr -d , | sort -u); do
    grep -q "^$target:" Makefile || fail ".github/workflows: there is no target \"$target\" in the Makefile"
done
