#!/bin/bash
# Builds the Debian packages for a release of Debian, from the source release, as its builders do: there, as nobody, without a
# network. Then installs them there with that release's nginx, and sees whether they work and go without a trace; as root:
#
#     build/release/deb.sh RELEASE CHROOT DIST DIR [twice]
#
# where CHROOT was made by build/chroot/make.sh, and DIST is where build/release/dist.sh left the release. Leaves the packages, and
# what Debian's archive takes beside them, in DIR. With "twice" it builds a second time, as somebody else, in another directory,
# time zone and locale, 400 days later, and fails unless the packages are the same.

set -euo pipefail

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

release=$1 root=$2 dist=$3 dir=$4 twice=${5:-}
package=libnginx-mod-http-limit-body
packages=("$package" libnginx-mod-stream-limit-session)
links=(50-mod-http-limit-body.conf 70-mod-stream-limit-session.conf)
enabled=etc/nginx/modules-enabled

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

# As a user that is named; the environment may be added to.
as_user() {
    local user=$1
    shift
    alone setpriv --reuid "$user" --regid nogroup --clear-groups env -u CARGO_HOME HOME=/build "$@"
}

# Unpacks the release to a directory below /build, and builds there, as a user; further arguments go before the command.
build() {
    local parent=$1 user=$2
    shift 2
    mkdir -p "$root/build/$parent/$source" &&
        cp "$tarball" "$root/build/$parent/${package}_${version%-*}.orig.tar.gz" &&
        tar -x -C "$root/build/$parent/$source" --strip-components=1 -f "$tarball" &&
        chroot "$root" chown -R "$user:nogroup" /build &&
        as_user "$user" "$@" sh -c "cd /build/$parent/$source && dpkg-buildpackage -us -uc ${profile[*]}" &&
        rm -rf "$root/build/$parent/$source"
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
# What a run that was broken off has left.
there dpkg --purge "${packages[@]}" || true
{ there apt-get update &&
    there apt-get install -y --no-install-recommends blhc dpkg-dev fakeroot lintian curl python3 \
        ${twice:+faketime locales} &&
    there apt-get build-dep -y --no-install-recommends "${profile[@]}" "/build/$source"; } ||
    fail_log "installing what it needs failed"
rm -rf "$root/build/$source"
build . nobody >"$dir/dpkg-buildpackage" 2>&1 || { log=$dir/dpkg-buildpackage; fail_log "dpkg-buildpackage failed"; }
cp "$root"/build/*_* "$dir"

row() {
    printf '%-14s %s\n' "$1" "$2" >>"$dir/table"
}

changes=$(cd "$root/build" && echo *.changes)
debs=()
for name in "${packages[@]}"; do
    deb=$(cd "$root/build" && echo "${name}"_*.deb)
    debs+=("/build/$deb")
    row package "$deb, $(stat -c %s "$dir/$deb") bytes"
done
from=Debian
[ ${#profile[@]} -eq 0 ] || from="this machine"
# shellcheck disable=SC2016 # dpkg-query expands it
built_for=$(alone dpkg-query -W -f '${Version}' nginx-dev)
row "built with" "nginx-dev $built_for, $(alone cargo --version | cut -d ' ' -f 1,2) of $from"

if [ -n "$twice" ]; then
    echo "==> building once more, elsewhere"
    there localedef -i tr_TR -f UTF-8 tr_TR.UTF-8 || fail_log "localedef failed"
    build second/below/another/directory daemon LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8 TZ=Pacific/Kiritimati DEB_BUILD_OPTIONS=parallel=1 \
        faketime -f +400d >>"$log" 2>&1 || fail_log "the second build failed"
    for deb in "${debs[@]}"; do
        cmp "$root$deb" "$root/build/second/below/another/directory/${deb##*/}" >>"$log" 2>&1 ||
            fail_log "$deb came out different. diffoscope tells where"
    done
    rm -rf "$root/build/second"
    row "built twice" "the same, bit for bit"
fi

echo "==> blhc, lintian"
cp "$dir/dpkg-buildpackage" "$root/build/log"
alone blhc --all /build/log >>"$log" 2>&1 || fail_log "blhc found something"
row blhc "nothing"
# The packaging is one for all releases, and lintian says of one what is there for another. Debian 12's uscan, debhelper and dpkg
# want the first four; the version of Debian's policy is that of testing; not each lintian has all tags that are overridden.
explained="older-debian-watch-file-standard|package-uses-old-debhelper-compat-version|redundant-priority-optional-field"
explained="$explained|redundant-rules-requires-root-no-field|newer-standards-version|unused-override|mismatched-override"
alone lintian --info --display-info --pedantic --show-overrides --fail-on none --allow-root "/build/$changes" \
    >"$dir/lintian" 2>>"$log" || fail_log "lintian failed"
found=$(grep '^[EWIP]:' "$dir/lintian" | grep -vE "^.: [^:]*: ($explained)( |$)" || true)
[ -z "$found" ] || { echo "$found" >>"$log"; fail_log "lintian found something"; }
row lintian "nothing, $(grep -c '^O:' "$dir/lintian" || true) overridden"

echo "==> installing, uploading, removing"
# Before, too: nginx makes its own directories when it is called for the first time.
alone nginx -t >>"$log" 2>&1 || fail_log "nginx -t failed without the package"
list_files >"$dir/files.before"
there apt-get install -y "${debs[@]}" || fail_log "installing ${debs[*]} failed"
alone nginx -t >>"$log" 2>&1 || fail_log "nginx -t failed with the packages installed"
row "nginx -t" ok
for link in "${links[@]}"; do
    [ -L "$root/$enabled/$link" ] || fail_log "/$enabled/$link is not there: the module is not enabled"
    row enabled "/$enabled/$link"
done
for test in refusal session; do
    answers=$(alone "$project/debian/tests/$test" 2>&1) ||
        { echo "$answers" >>"$log"; fail_log "clients did not read what they were answered"; }
    while IFS=: read -r client answer; do
        row "$client" "${answer# }"
    done <<<"$answers"
done

there apt-get remove -y "${packages[@]}" || fail_log "removing ${packages[*]} failed"
for link in "${links[@]}"; do
    [ ! -L "$root/$enabled/$link" ] || fail_log "/$enabled/$link is still there, without the module"
done
alone nginx -t >>"$log" 2>&1 || fail_log "nginx -t failed with the packages removed"
row removed "disabled; nginx -t: ok"
there apt-get purge -y "${packages[@]}" || fail_log "purging ${packages[*]} failed"
list_files >"$dir/files.after"
if ! diff "$dir/files.before" "$dir/files.after" >"$dir/files.diff"; then
    cat "$dir/files.diff" >>"$log"
    fail_log "something is left, or lost"
fi
row purged "no file left, none lost"
rm -rf "$root/build" "$dir"/files.*
echo
cat "$dir/table"
