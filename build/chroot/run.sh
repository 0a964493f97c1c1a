#!/bin/sh
# Runs a command in a chroot that build/chroot/make.sh made, in the directory it was called from; as root:
#
#     build/chroot/run.sh [-n] DIR CMD [ARG...]
#
#     -n: with a network of its own, that has only loopback
#
# The project's tree and cargo's downloads are seen there at the paths they have outside. Where the chroot has no Rust, the
# machine's own is seen in /opt/rust. All of that is mounted for the command alone, and what it leaves running ends with it.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

network=
if [ "$1" = -n ]; then
    network=--net
    shift
fi
root=$(cd "$1" && pwd)
shift
cargo_home=${CARGO_HOME:-$HOME/.cargo}
rust=
if [ ! -x "$root/usr/bin/cargo" ]; then
    rust=$(rustc --print sysroot)
    if [ "$rust" = /usr ]; then
        fail "the Rust of $root is too old, and this machine's is of no use there. See https://rustup.rs"
    fi
fi

# The names are for the script below, which runs where mounting is of no consequence to others.
export root project cargo_home rust network
# shellcheck disable=SC2016 # expanded there
exec unshare --mount --propagation private --pid --fork --kill-child $network -- sh -eu -c '
    [ -z "$network" ] || ip link set lo up
    share() {
        mkdir -p "$1" "$root$2"
        mount --bind "$1" "$root$2"
    }
    # Its root is a mount, as everywhere: "ip netns" asks for that.
    mount --bind "$root" "$root"
    share "$project" "$project"
    share "$cargo_home/registry" "$cargo_home/registry"
    [ -z "$rust" ] || share "$rust" /opt/rust
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount -t tmpfs tmpfs "$root/run"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    here=$PWD
    # Not in place of this shell, which is the first process there, and buries those that others have left.
    status=0
    chroot "$root" env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 CARGO_HOME="$cargo_home" \
        PATH="${rust:+/opt/rust/bin:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
        sh -c "cd \"\$1\" && shift && exec \"\$@\"" sh "$here" "$@" || status=$?
    exit $status
' sh "$@"
