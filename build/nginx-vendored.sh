#!/bin/sh
# Builds the nginx that the project is developed against, from the source in the crate nginx-src:
#
#     build/nginx-vendored.sh DIR [CC-OPT [LD-OPT]]
#
# leaves DIR/src (the source tree), DIR/objs (the configured build) and DIR/nginx (the program). CC-OPT and LD-OPT are
# more flags for the compiler and the linker. Done once: a second call returns at once.

set -eu

dir=$1 cc_opt=${2-} ld_opt=${3-}
log=$dir/build.log
flags="--with-compat --with-debug --with-threads
       --with-http_ssl_module --with-http_v2_module --with-http_v3_module
       --with-http_auth_request_module --with-http_realip_module --with-http_stub_status_module
       --with-http_addition_module --with-http_dav_module"

about=$flags$cc_opt$ld_opt

if [ -x "$dir/nginx" ] && [ "$(cat "$dir/flags" 2>/dev/null)" = "$about" ]; then
    exit 0
fi

fail() {
    echo "error: $1 failed; the last lines of $log:" >&2
    tail -n 15 "$log" >&2
    exit 1
}

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

source=$(./build/nginx-src.sh "$log")

# configure writes into the tree it is run in, and the registry's copy is not ours to write to.
rm -rf "$dir/src" "$dir/objs"
cp -R "$source" "$dir/src"
chmod -R u+w "$dir/src"

version=$(sed -n "s/.*NGINX_VERSION *\"\(.*\)\"/\1/p" "$dir/src/src/core/nginx.h")
echo "==> building nginx $version (about half a minute; log: $log)"
# shellcheck disable=SC2086 # the flags are words
(cd "$dir/src" && auto/configure --builddir="$dir/objs" $flags \
    ${cc_opt:+"--with-cc-opt=$cc_opt"} ${ld_opt:+"--with-ld-opt=$ld_opt"}) >>"$log" 2>&1 || fail "configure"
make -C "$dir/src" -f "$dir/objs/Makefile" -j "$(nproc)" binary >>"$log" 2>&1 || fail "make"

cp "$dir/objs/nginx" "$dir/nginx"
echo "$about" >"$dir/flags"
