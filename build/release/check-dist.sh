#!/bin/bash
# Shows that a release is reproducible, and has no binaries:
#
#     build/release/check-dist.sh DIR [MAKE ARGUMENT ...]
#
# Makes it twice from the same commit; then builds the modules from it twice, in two directories, time zones and locales, without
# a network and with no crates but its own. Fails unless both come out the same, bit for bit, or if there is something in the
# release that is neither text nor a picture of the documentation. Arguments, as NGINX=/usr/sbin/nginx, go to "make build".

set -euo pipefail

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

dir=$(make_dir "$1")
shift
rm -rf "$dir"/{one,two}

same() {
    cmp "$1" "$2" || fail "$3 came out different. diffoscope tells where: diffoscope $1 $2"
    echo "==> $3: twice the same, SHA-256 $(sha256sum "$1" | cut -d ' ' -f 1)"
}

# Only root may have a network namespace without asking for a user namespace.
offline=(unshare --net)
[ "$(id -u)" -eq 0 ] || offline=(unshare --map-root-user --net)
# What make tells the makes it starts is not for these.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES NGINX_SOURCE_DIR NGINX_BUILD_DIR CARGO_TARGET_DIR

for copy in one two; do
    ./build/release/dist.sh "$dir/$copy" >/dev/null
done
tarball=$(basename "$dir"/one/*.tar.gz)
same "$dir/one/$tarball" "$dir/two/$tarball" "$tarball"

surroundings=(LC_ALL=C TZ=UTC)
for copy in one two/below/another/directory; do
    mkdir -p "$dir/$copy/build"
    tar -x -C "$dir/$copy/build" -f "$dir/${copy%%/*}/$tarball"
    tree=$dir/$copy/build/${tarball%.tar.gz}
    binaries=$(cd "$tree" && find . -type f -size +0 ! -path './docs/*.png' -exec env LC_ALL=C grep -IL . {} +) || true
    [ -z "$binaries" ] || fail "there are binaries in $tarball:" "$binaries"
    log=$dir/${copy%%/*}/build.log
    echo "==> building in $tree (log: $log)"
    # RUSTUP_HOME is beside CARGO_HOME, where rustup looks for it.
    RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} CARGO_HOME=$dir/$copy/cargo \
        "${offline[@]}" env "${surroundings[@]}" make -C "$tree" build "$@" >"$log" 2>&1 || fail_log "the build failed"
    surroundings=(LC_ALL=C.UTF-8 TZ=Pacific/Kiritimati)
done
echo "==> no binaries in $tarball"
for module in "$dir"/one/build/*/objs/*/ngx_*_module.so; do
    name=${module##*/}
    same "$module" "$(echo "$dir"/two/below/another/directory/build/*/objs/*/"$name")" "$name"
done
