#!/bin/sh
# Builds the module as nginx's own configure and make do:
#
#     build/configure.sh static|dynamic NGINX DIR
#
# where NGINX is what build/nginx-vendored.sh left. Leaves DIR/objs/nginx, with the module in it, or beside
# it in DIR/objs/*.so.

set -eu

way=$1 nginx=$2 dir=$3
module=$(cd "$(dirname "$0")/.." && pwd)

case $way in
    static) option=--add-module=$module ;;
    dynamic) option=--add-dynamic-module=$module ;;
    *) echo "error: $0: \"$way\" is neither static nor dynamic" >&2; exit 1 ;;
esac

if [ ! -f "$nginx/flags" ]; then
    echo "error: $nginx: not a nginx that was built here. Run this without NGINX=..." >&2
    exit 1
fi

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
log=$dir/build.log

fail() {
    echo "error: $1 failed; the last lines of $log:" >&2
    tail -n 15 "$log" >&2
    exit 1
}

# The tree is nginx's, as unpacked: what an earlier run has built is made anew where it has to be.
[ -d "$dir/src" ] || cp -R "$nginx/src" "$dir/src"

echo "==> ./configure $option, make (about two minutes; log: $log)"
# shellcheck disable=SC2046 # the flags are words
(cd "$dir/src" && auto/configure --builddir="$dir/objs" $(cat "$nginx/flags") "$option") >"$log" 2>&1 || fail "configure"
make -C "$dir/src" -j "$(nproc)" >>"$log" 2>&1 || fail "make"
