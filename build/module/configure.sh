#!/bin/sh
# Builds the modules as nginx's own configure and make do:
#
#     build/module/configure.sh NAME NGINX DIR
#
# where NGINX is what build/nginx/build.sh left, and NAME one of the ways below. Leaves DIR/NAME/nginx, with the modules in it, or
# beside it in DIR/NAME/*.so. Each way covers several switches at once, as each takes some minutes; so nginx itself is not
# optimized where nothing is found out by that.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

name=$1 nginx=$2 dir=$3
[ -f "$nginx/flags" ] || fail "$nginx: not an nginx that was built here. Run this without NGINX=..."

# All that nginx's modules can do without, as nginx's own list of options has it.
without() {
    grep -oE -e '--without-(pcre|http[_-]|stream_)[a-z_-]*' "$nginx/src/auto/options" | sort -u
}

# shellcheck disable=SC2046 # words
case $name in
    # Nothing but the module: no TLS, no HTTP/2 and 3, no stream, no threads, no debug log, no --with-compat.
    bare) option=--add-module; set -- ;;
    # All that is tested otherwise, in nginx itself, with both modules.
    static) option=--add-module; set -- $(cat "$nginx/flags") ;;
    # As nginx.org's own packages are configured, but for paths and users.
    packaged)
        option=--add-dynamic-module
        set -- $("$project/build/nginx/nginx-org.sh" "$nginx/src" | grep -E -e '^--(prefix|modules-path|with)') \
            '--with-cc-opt=-g -O2 -fstack-protector-strong -Wformat -Werror=format-security -Wp,-D_FORTIFY_SOURCE=2 -fPIC' \
            '--with-ld-opt=-Wl,-z,relro -Wl,-z,now -Wl,--as-needed -pie'
        ;;
    # Without each module and library that nginx can do without, and HTTP/3 without HTTP/2; with the event methods that nginx does
    # not take itself.
    lean)
        option=--add-dynamic-module
        set -- $(without) --with-http_v3_module --with-select_module --with-poll_module --with-stream --with-cc-opt=-O0
        ;;
    # What is built without TLS, HTTP/2 and 3, and has the same signature as for an nginx with them.
    compat) option=--add-dynamic-module; set -- --with-compat --with-stream --with-cc-opt=-O0 ;;
    # Raw connections alone, without TLS, and with stream in a shared object of its own.
    raw) option=--add-dynamic-module; set -- --without-http --with-stream=dynamic --with-threads --with-cc-opt=-O0 ;;
    *) fail "$0: \"$name\" is none of bare, static, packaged, lean, raw and compat" ;;
esac

out=$(make_dir "$dir/$name")
log=$out/build.log

# The same tree for all: cargo keeps there what does not depend on nginx.
dir=$(make_dir "$dir/tree")
[ -d "$dir/src" ] || cp -R "$nginx/src" "$dir/src"

echo "==> $name: ./configure $option, make (about two minutes; log: $log)"
rm -f "$dir/objs/nginx" "$dir"/objs/*.so "$out/nginx" "$out"/*.so
run_configure "$dir" "$@" "$option=$project" >"$log" 2>&1 || fail_log "configure failed"
make -C "$dir/src" -j "$(nproc)" >>"$log" 2>&1 || fail_log "make failed"
cp "$dir/objs/nginx" "$out/nginx"
for module in "$dir"/objs/*.so; do
    [ ! -f "$module" ] || cp "$module" "$out/"
done
