#!/bin/sh
# Brings what the tests need and Debian's stable release has not:
#
#     build/test-tools.sh DIR
#
# leaves Test::Nginx in DIR/perl (if Perl does not have it) and HTTP clients for Python in DIR/python.

set -eu

mkdir -p "$1"
dir=$(cd "$1" && pwd)
log=$dir/test-tools.log
requirements=$(dirname "$0")/../t/requirements.txt

fail() {
    echo "error: $1 failed; the last lines of $log:" >&2
    tail -n 15 "$log" >&2
    exit 1
}

# Test::Nginx is in Debian's testing and sid only, but runs anywhere. An apt of its own fetches it, so that the
# machine's own lists and sources stay as they are.
fetch_test_nginx() {
    apt=$dir/apt
    rm -rf "$apt"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    # shellcheck disable=SC2016 # apt-get expands it
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | head -n 1)
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >"$apt/sources.list"

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
    fetch_test_nginx >"$log" 2>&1 || fail "fetching libtest-nginx-perl from Debian sid"
fi

if ! cmp -s "$requirements" "$dir/python/requirements.txt"; then
    echo "==> installing HTTP/2 and HTTP/3 clients for Python (log: $log)"
    rm -rf "$dir/python"
    python=/usr/bin/python3
    [ -x "$python" ] || python=python3
    { "$python" -m venv "$dir/python" && "$dir/python/bin/pip" install -r "$requirements"; } >"$log" 2>&1 ||
        fail "installing $requirements"
    cp "$requirements" "$dir/python/requirements.txt"
fi
