#!/bin/sh
# Brings what the tests need and Debian's stable release has not:
#
#     build/test/tools.sh DIR
#
# leaves Test::Nginx in DIR/perl (if Perl does not have it) and HTTP clients for Python in DIR/python.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

dir=$(make_dir "$1")
log=$dir/test-tools.log
requirements=$project/t/requirements.txt

# Test::Nginx is in Debian's testing and sid only, but runs anywhere.
fetch_test_nginx() {
    unpack_debian sid "$dir/apt" libtest-nginx-perl &&
        mv "$dir/apt/root/usr/share/perl5" "$dir/perl" && rm -rf "$dir/apt"
}

if [ ! -d "$dir/perl" ] && ! perl -MTest::Nginx::Socket -e 1 2>/dev/null; then
    echo "==> fetching Test::Nginx (log: $log)"
    fetch_test_nginx >"$log" 2>&1 || fail_log "fetching libtest-nginx-perl from Debian sid failed"
fi

if ! cmp -s "$requirements" "$dir/python/requirements.txt"; then
    echo "==> installing HTTP/2 and HTTP/3 clients for Python (log: $log)"
    python_environment "$dir/python" "$requirements" >"$log" 2>&1 || fail_log "installing $requirements failed"
fi
