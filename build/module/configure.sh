#!/bin/sh
# Builds the module as nginx's own configure and make do:
#
#     build/module/configure.sh static|dynamic NGINX DIR
#
# where NGINX is what build/nginx/build.sh left. Leaves DIR/objs/nginx, with the module in it, or beside
# it in DIR/objs/*.so.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

way=$1 nginx=$2 dir=$3

case $way in
    static) option=--add-module=$project ;;
    dynamic) option=--add-dynamic-module=$project ;;
    *) fail "$0: \"$way\" is neither static nor dynamic" ;;
esac

[ -f "$nginx/flags" ] || fail "$nginx: not an nginx that was built here. Run this without NGINX=..."

dir=$(make_dir "$dir")
log=$dir/build.log

# The tree is nginx's, as unpacked: what an earlier run has built is made anew where it has to be.
[ -d "$dir/src" ] || cp -R "$nginx/src" "$dir/src"

echo "==> ./configure $option, make (about two minutes; log: $log)"
# shellcheck disable=SC2046 # the flags are words
configure_nginx "$dir" $(cat "$nginx/flags") "$option" >"$log" 2>&1 || fail_log "configure failed"
make -C "$dir/src" -j "$(nproc)" >>"$log" 2>&1 || fail_log "make failed"
