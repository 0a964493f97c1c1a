#!/bin/bash
# Builds the Debian package for a release of Debian, from the source release, as its builders do: there, as nobody, without a
# network. Then installs it there with that release's nginx, and sees whether it works and goes without a trace; as root:
#
#     build/release/deb.sh RELEASE CHROOT DIST DIR
#
# where CHROOT was made by build/chroot/make.sh, and DIST is where build/release/dist.sh left the release. Leaves the package, and what
# Debian's archive takes beside it, in DIR.

set -euo pipefail

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

release=$1 root=$2 dist=$3 dir=$4
package=libnginx-mod-http-limit-body
link=etc/nginx/modules-enabled/50-mod-http-limit-body.conf

rm -rf "$dir"
dir=$(make_dir "$dir")
log=$dir/build.log

there() {
    "$project/build/chroot/run.sh" "$root" env DEBIAN_FRONTEND=noninteractive "$@" >>"$log" 2>&1
}

# Without a network.
alone() {
    "$project/build/chroot/run.sh" -n "$root" "$@"
}

as_nobody() {
    alone setpriv --reuid nobody --regid nogroup --clear-groups env -u CARGO_HOME HOME=/build "$@"
}

# What is in the chroot, less what apt keeps of its own doings.
list_files() {
    (cd "$root" && find . \( -path ./var/log -o -path ./var/cache -o -path ./var/lib/apt -o -path ./build -o -path ./tmp \
        -o -path ./root \) -prune -o -print | sort)
}

version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$project/debian/changelog")
source=$package-${version%-*}
tarball=$dist/ngx_http_limit_body_module-${version%-*}.tar.gz
if [ ! -f "$tarball" ]; then
    fail "debian/changelog is for $version, but there is no $tarball. Does it lack an entry for a new version?"
fi
profile=()
[ -x "$root/usr/bin/cargo" ] || profile=("-Ppkg.$package.rustup")

echo "==> building $package $version for Debian $release (about five minutes; log: $log)"
rm -rf "$root/build"
mkdir -p "$root/build/$source"
tar -x -C "$root/build/$source" --strip-components=1 -f "$tarball"
cp "$tarball" "$root/build/${package}_${version%-*}.orig.tar.gz"
# What a run that was broken off has left.
there dpkg --purge "$package" || true
{ there apt-get update &&
    there apt-get install -y --no-install-recommends dpkg-dev fakeroot lintian curl python3 &&
    there apt-get build-dep -y --no-install-recommends "${profile[@]}" "/build/$source"; } ||
    fail_log "installing what it needs failed"
chown -R nobody:nogroup "$root/build"
as_nobody sh -c "cd /build/$source && dpkg-buildpackage -us -uc ${profile[*]}" >>"$log" 2>&1 ||
    fail_log "dpkg-buildpackage failed"
rm -rf "$root/build/$source"
cp "$root"/build/*_* "$dir"

row() {
    printf '%-14s %s\n' "$1" "$2" >>"$dir/table"
}

deb=$(cd "$root/build" && echo ${package}_*.deb)
row package "$deb, $(stat -c %s "$dir/$deb") bytes"
from=Debian
[ ${#profile[@]} -eq 0 ] || from="this machine"
# shellcheck disable=SC2016 # dpkg-query expands it
built_for=$(alone dpkg-query -W -f '${Version}' nginx-dev)
row "built with" "nginx-dev $built_for, $(alone cargo --version | cut -d ' ' -f 1,2) of $from"

echo "==> lintian"
# Twice: where it shows what is overridden, Debian 12's lintian counts that too.
as_nobody sh -c 'lintian --info --show-overrides /build/*.changes' >"$dir/lintian" 2>&1 || true
as_nobody sh -c 'lintian --fail-on error,warning --info /build/*.changes' >>"$log" 2>&1 || fail_log "lintian found something"
row lintian "no error, no warning, $(grep -c '^O:' "$dir/lintian" || true) overridden"

echo "==> installing, uploading, removing"
# Before, too: nginx makes its own directories when it is called for the first time.
alone nginx -t >>"$log" 2>&1 || fail_log "nginx -t failed without the package"
list_files >"$dir/files.before"
there apt-get install -y "/build/$deb" || fail_log "installing $deb failed"
alone nginx -t >>"$log" 2>&1 || fail_log "nginx -t failed with the package installed"
row "nginx -t" ok
[ -L "$root/$link" ] || fail_log "/$link is not there: the module is not enabled"
row enabled "/$link"
answers=$(alone "$project/debian/tests/refusal" 2>&1) ||
    { echo "$answers" >>"$log"; fail_log "clients did not read the refusal"; }
while IFS=: read -r client answer; do
    row "$client" "${answer# }"
done <<<"$answers"

there apt-get remove -y "$package" || fail_log "removing $package failed"
[ ! -L "$root/$link" ] || fail_log "/$link is still there, without the module"
alone nginx -t >>"$log" 2>&1 || fail_log "nginx -t failed with the package removed"
row removed "disabled; nginx -t: ok"
there apt-get purge -y "$package" || fail_log "purging $package failed"
list_files >"$dir/files.after"
if ! diff "$dir/files.before" "$dir/files.after" >"$dir/files.diff"; then
    cat "$dir/files.diff" >>"$log"
    fail_log "something is left, or lost"
fi
row purged "no file left, none lost"
rm -rf "$root/build" "$dir"/files.*
echo
cat "$dir/table"
