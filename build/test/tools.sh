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

# Test::Nginx is in Debian's testing and sid only, but runs anywhere. An apt of its own fetches it, so that the
# machine's own lists and sources stay as they are.
fetch_test_nginx() {
    apt=$dir/apt
    rm -rf "$apt"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) sid main" >"$apt/sources.list"

    # A mirror that lags behind will do; what comes from it is signed all the same.
    own_apt() {
        (cd "$apt" && apt-get -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
            -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root \
            -o Acquire::Check-Valid-Until=false \
            -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "$@")
    }
    own_apt update && own_apt download libtest-nginx-perl && dpkg-deb -x "$apt"/libtest-nginx-perl_*.deb "$apt/root" &&
        mv "$apt/root/usr/share/perl5" "$dir/perl" && rm -rf "$apt"
}

if [ ! -d "$dir/perl" ] && ! perl -MTest::Nginx::Socket -e 1 2>/dev/null; then
    echo "==> fetching Test::Nginx (log: $log)"
    fetch_test_nginx >"$log" 2>&1 || fail_log "fetching libtest-nginx-perl from Debian sid failed"
fi

if ! cmp -s "$requirements" "$dir/python/requirements.txt"; then
    echo "==> installing HTTP/2 and HTTP/3 clients for Python (log: $log)"
    python_environment "$dir/python" "$requirements" >"$log" 2>&1 || fail_log "installing $requirements failed"
fi
