#!/bin/bash
# Runs the whole test suite with several versions of nginx, and prints a table of what came out; as root:
#
#     build/test/all.sh OBJS TESTS JOBS RELEASE...
#
# with the nginx from the crate nginx-src, and with the one that each RELEASE of Debian has, in a chroot. OBJS is where
# everything is built, TESTS and JOBS are as for "make test". Fails if any test did.

set -euo pipefail

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

objs=$(cd "$1" && pwd)
tests=$2 jobs=$3
shift 3
cd "$project"
results=$objs/test-all
table=$results/table
failed=0

# Tests with one nginx, and adds a line to the table:
#
#     suite NAME FROM NGINX OBJS [COMMAND...]
#
# NAME is its log's, FROM is for people, NGINX and OBJS are for make, and COMMAND leads to where that is to be called.
suite() {
    local name=$1 from=$2 nginx=$3 built=$4 start=$SECONDS outcome=ok
    shift 4
    local log=$results/$name.log tap=$results/$name.tap
    rm -rf "$tap"
    mkdir -p "$tap" "$built"
    echo "==> testing with nginx from $from (five to fifteen minutes; log: $log)"
    if ! "$@" env PERL_TEST_HARNESS_DUMP_TAP="$tap" make test NGINX="$nginx" OBJS="$built" TESTS="$tests" JOBS="$jobs" 2>&1 |
        tee "$log" | { grep --line-buffered -E '^(==>|\[[0-9:]+\] t/)' || true; }; then
        outcome=FAILED
        failed=1
        echo "error: not all passed with nginx from $from; the last lines of $log:" >&2
        tail -n 15 "$log" >&2
    fi

    # What perl's tests said one by one, and what cargo says of its own in sum.
    local said program=${nginx:-$built/1.28.3/nginx}
    said=$(
        cat "$tap"/t/*.t 2>/dev/null || true
        sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed.*/\1 \2/p' "$log"
    )
    awk -v version="$("$@" "$program" -v 2>&1 | sed 's|.*/\([0-9.]*\).*|\1|')" -v from="$from" -v outcome=$outcome \
        -v seconds=$((SECONDS - start)) -v OFS='\t' '
        /# skip/ { skipped++; next }
        /^ok / { passed++ }
        /^not ok / { failed++ }
        /^[0-9]+ [0-9]+$/ { passed += $1; failed += $2 }
        END { print version, from, passed + failed + skipped, passed + 0, failed + 0, skipped + 0, seconds, outcome }
    ' <<<"$said" >>"$table"
}

mkdir -p "$results"
: >"$table"
for release; do
    build/chroot/make.sh "$release" "$objs/chroot/$release"
    suite "$release" "Debian $release" /usr/sbin/nginx "$results/$release" build/chroot/run.sh "$objs/chroot/$release"
done
suite nginx-src "crate nginx-src" "" "$objs"

echo
{
    printf 'nginx\tfrom\ttests\tpassed\tfailed\tskipped\tseconds\t\n'
    sort -V "$table"
} | awk -F '\t' '{ printf "%-8s %-16s %6s %7s %7s %8s %8s  %s\n", $1, $2, $3, $4, $5, $6, $7, $8 }'
exit $failed
