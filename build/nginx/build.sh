#!/bin/sh
# Builds the nginx that the project is developed against, from the source in the crate nginx-src:
#
#     build/nginx/build.sh DIR [CC-OPT [LD-OPT]]
#
# leaves DIR/src (the source tree), DIR/objs (the configured build) and DIR/nginx (the program). CC-OPT and LD-OPT are
# more flags for the compiler and the linker. Done once: a second call returns at once.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

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

dir=$(make_dir "$dir")

source=$(./build/nginx/source.sh "$log")

# configure writes into the tree it is run in, and the registry's copy is not ours to write to.
rm -rf "$dir/src" "$dir/objs"
cp -R "$source" "$dir/src"
chmod -R u+w "$dir/src"

echo "==> building nginx $(nginx_version "$dir/src") (about half a minute; log: $log)"
# shellcheck disable=SC2086 # the flags are words
configure_nginx "$dir" $flags ${cc_opt:+"--with-cc-opt=$cc_opt"} ${ld_opt:+"--with-ld-opt=$ld_opt"} >>"$log" 2>&1 ||
    fail_log "configure failed"
make -C "$dir/src" -f "$dir/objs/Makefile" -j "$(nproc)" binary >>"$log" 2>&1 || fail_log "make failed"

cp "$dir/objs/nginx" "$dir/nginx"
echo "$about" >"$dir/flags"
