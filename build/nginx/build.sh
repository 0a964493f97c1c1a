#!/bin/sh
# Builds an nginx to develop and test with, from a source tree or, where SOURCE is empty, from the crate nginx-src:
#
#     build/nginx/build.sh DIR SOURCE [CC-OPT [LD-OPT]]
#
# leaves DIR/src (the source tree), DIR/objs (the configured build) and DIR/nginx (the program). CC-OPT and LD-OPT are
# more flags for the compiler and the linker. Done once for each version: a second call returns at once.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

dir=$1 source=$2 cc_opt=${3-} ld_opt=${4-}
log=$dir/build.log
flags="--with-compat --with-debug --with-threads
       --with-http_ssl_module --with-http_v2_module --with-http_v3_module
       --with-http_auth_request_module --with-http_realip_module --with-http_stub_status_module
       --with-http_addition_module --with-http_dav_module
       --with-stream --with-stream_ssl_module --with-stream_ssl_preread_module
       --with-select_module --with-poll_module"

version=
if [ -n "$source" ]; then
    version=$(source_version "$source")
fi
about="$source $version $flags $cc_opt $ld_opt"

if [ -x "$dir/nginx" ] && [ "$(cat "$dir/about" 2>/dev/null)" = "$about" ]; then
    exit 0
fi

dir=$(make_dir "$dir")

[ -n "$source" ] || source=$(./build/nginx/source.sh "$log")

# configure writes into the tree it is run in, and the registry's copy is not ours to write to. What tests load beside the
# module was made for the nginx before.
rm -rf "$dir/src" "$dir/objs" "$dir/controls"
cp -R "$source" "$dir/src"
chmod -R u+w "$dir/src"

# shellcheck disable=SC2086 # words
known=$(known_arguments "$dir/src" $flags)

echo "==> building nginx $(nginx_version "$dir/src") (about half a minute; log: $log)"
# shellcheck disable=SC2086 # the flags are words
configure_nginx "$dir" $known ${cc_opt:+"--with-cc-opt=$cc_opt"} ${ld_opt:+"--with-ld-opt=$ld_opt"} >>"$log" 2>&1 ||
    fail_log "configure failed"
make -C "$dir/src" -f "$dir/objs/Makefile" -j "$(nproc)" binary >>"$log" 2>&1 || fail_log "make failed"

cp "$dir/objs/nginx" "$dir/nginx"
echo "$known" >"$dir/flags"
echo "$about" >"$dir/about"
