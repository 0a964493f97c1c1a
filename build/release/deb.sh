#!/bin/bash
# Builds the Debian packages for a release of Debian, from the source release, as its builders do: there, as nobody, without a
# network. Then installs them there with that release's nginx, and sees whether they work and go without a trace; as root:
#
#     build/release/deb.sh RELEASE CHROOT DIST DIR [system-crates] [twice]
#
# where CHROOT was made by build/chroot/make.sh, and DIST is where build/release/dist.sh left the release. Leaves the packages, and
# what Debian's archive takes beside them, in DIR. With "system-crates" it builds with the crates that this Debian has packaged.
# With "twice" it builds a second time, as somebody else, in another directory, time zone and locale, 400 days later, and fails
# unless the packages are the same.

set -euo pipefail

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=deb-steps.sh
. "$(dirname "$0")/deb-steps.sh"

release=$1 root=$2 dist=$3 dir=$4
shift 4
system_crates='' twice=''
for option; do
    case $option in
        system-crates) system_crates=1 ;;
        twice) twice=1 ;;
    esac
done
package=libnginx-mod-http-limit-body
packages=("$package" libnginx-mod-stream-limit-session)
links=(50-mod-http-limit-body.conf 70-mod-stream-limit-session.conf)
enabled=etc/nginx/modules-enabled

lay_source() {
    mkdir -p "$1/$source" &&
        cp "$tarball" "$1/${package}_${version%-*}.orig.tar.gz" &&
        tar -x -C "$1/$source" --strip-components=1 -f "$tarball"
}

begin
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$project/debian/changelog")
source=$package-${version%-*}
tarball=$dist/ngx_http_limit_body_module-${version%-*}.tar.gz
if [ ! -f "$tarball" ]; then
    fail "debian/changelog is for $version, but there is no $tarball. Does it lack an entry for a new version?"
fi
profile=()
if [ -n "$system_crates" ]; then
    [ -x "$root/usr/bin/cargo" ] || fail "the Rust of Debian $release is too old, and its crates are for that Rust"
    profile=("-Ppkg.$package.system-crates")
elif [ ! -x "$root/usr/bin/cargo" ]; then
    profile=("-Ppkg.$package.rustup")
fi

echo "==> building $package $version for Debian $release (about five minutes; log: $log)"
build_packages
# shellcheck disable=SC2016 # dpkg-query expands it
built_for=$(alone dpkg-query -W -f '${Version}' nginx-dev)
row "built with" "nginx-dev $built_for, $(builder)"
[ -z "$twice" ] || build_again
lint

install_packages
check_nginx "with the packages installed"
row "nginx -t" ok
for link in "${links[@]}"; do
    [ -L "$root/$enabled/$link" ] || fail_log "/$enabled/$link is not there: the module is not enabled"
    row enabled "/$enabled/$link"
done
try_clients ''

remove_packages
for link in "${links[@]}"; do
    [ ! -L "$root/$enabled/$link" ] || fail_log "/$enabled/$link is still there, without the module"
done
check_nginx "with the packages removed"
row removed "disabled; nginx -t: ok"
purge_packages
