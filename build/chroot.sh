#!/bin/sh
# Brings a Debian release into a directory, to build and test there with that release's nginx; as root:
#
#     build/chroot.sh RELEASE DIR
#
# where RELEASE is a code name, as trixie. Done once: a second call returns at once. build/in-chroot.sh runs commands in it.

set -eu

release=$1 root=$2
log=$root.log
here=$(dirname "$0")

fail() {
    echo "error: $1; the last lines of $log:" >&2
    tail -n 15 "$log" >&2
    exit 1
}

if [ "$(id -u)" -ne 0 ]; then
    echo "error: a chroot can only be made by root. Run the same make again with sudo." >&2
    exit 1
fi
[ ! -e "$root/etc/made" ] || exit 0

# shellcheck disable=SC2016 # apt-get expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | head -n 1)

# debootstrap knows releases by name, and may be older than this one. What it does for sid has held for all of them.
scripts=/usr/share/debootstrap/scripts
script=
[ -e "$scripts/$release" ] || script=sid

echo "==> fetching Debian $release (about a minute; log: $log)"
mkdir -p "$(dirname "$root")"
rm -rf "$root"
# shellcheck disable=SC2086 # no word where the release has a script of its own
debootstrap --variant=minbase --include=ca-certificates,make "$release" "$root" "$mirror" $script >"$log" 2>&1 ||
    fail "debootstrap of $release failed"

# Nothing that is installed there starts as a service.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"
# Nothing in it outlives a crash.
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
# A mirror that lags behind will do; what comes from it is signed all the same.
echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/90valid"
# Who this machine trusts beside Debian's authorities, as a proxy on its way out, is trusted there.
[ ! -d /usr/local/share/ca-certificates ] || cp -R /usr/local/share/ca-certificates "$root/usr/local/share/"
chroot "$root" update-ca-certificates >>"$log" 2>&1 || fail "update-ca-certificates failed"

# The release's own Rust, with which its maintainers build, where it is new enough. Else build/in-chroot.sh brings this
# machine's.
minimum=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$here/../Cargo.toml")
candidate=$(chroot "$root" apt-cache policy cargo | sed -n 's/ *Candidate: //p')
if [ "$(printf '%s\n' "$minimum" "$candidate" | sort -V | head -n 1)" = "$minimum" ]; then
    echo "==> installing its cargo, $candidate"
    "$here/in-chroot.sh" "$root" apt-get install -y --no-install-recommends cargo >>"$log" 2>&1 || fail "apt-get failed"
fi
touch "$root/etc/made"
