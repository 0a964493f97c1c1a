#!/bin/sh
# Brings a Debian release into a directory, to build and test there with that release's nginx; as root:
#
#     build/chroot/make.sh RELEASE DIR
#
# where RELEASE is a code name, as trixie. Done once: a second call returns at once. build/chroot/run.sh runs commands in it.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

release=$1 root=$2
log=$root.log

[ "$(id -u)" -eq 0 ] || fail "a chroot can only be made by root. Run the same make again with sudo."
[ ! -e "$root/etc/made" ] || exit 0

# debootstrap knows releases by name, and may be older than this one. What it does for sid has held for all of them.
scripts=/usr/share/debootstrap/scripts
script=
[ -e "$scripts/$release" ] || script=sid

echo "==> fetching Debian $release (about a minute; log: $log)"
mkdir -p "$(dirname "$root")"
rm -rf "$root"
# shellcheck disable=SC2086 # no word where the release has a script of its own
debootstrap --variant=minbase --include=ca-certificates,make "$release" "$root" "$(debian_mirror)" $script >"$log" 2>&1 ||
    fail_log "debootstrap of $release failed"

# Nothing that is installed there starts as a service.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"
# Nothing in it outlives a crash.
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
# A mirror that lags behind will do; what comes from it is signed all the same.
echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/90valid"
# Who this machine trusts beside Debian's authorities, as a proxy on its way out, is trusted there.
[ ! -d /usr/local/share/ca-certificates ] || cp -R /usr/local/share/ca-certificates "$root/usr/local/share/"
chroot "$root" update-ca-certificates >>"$log" 2>&1 || fail_log "update-ca-certificates failed"

# The release's own Rust, with which its maintainers build, where it is new enough. Else build/chroot/run.sh brings this
# machine's.
candidate=$(chroot "$root" apt-cache policy cargo | sed -n 's/ *Candidate: //p')
if at_least "$(minimum_rust)" "$candidate"; then
    echo "==> installing its cargo, $candidate"
    "$project/build/chroot/run.sh" "$root" apt-get install -y --no-install-recommends cargo >>"$log" 2>&1 ||
        fail_log "apt-get failed"
fi
touch "$root/etc/made"
