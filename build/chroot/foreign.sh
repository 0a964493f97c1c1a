#!/bin/sh
# Makes a chroot one that builds for another architecture, and tests there; as root:
#
#     build/chroot/foreign.sh DIR ARCH GNU MACHINE
#
# where build/chroot/make.sh made DIR, ARCH is Debian's name of the architecture, GNU is the beginning of the names of its
# compiler's programs, and MACHINE is what "uname -m" prints there. Compilers and clients stay those of this machine, and run
# without emulation; nginx and the libraries that it loads are ARCH's. Done once: a second call returns at once.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

root=$1 arch=$2 gnu=$3 machine=$4
log=$root.log

[ ! -e "$root/etc/foreign" ] || exit 0

there() {
    "$project/build/chroot/run.sh" "$root" env DEBIAN_FRONTEND=noninteractive "$@" >>"$log" 2>&1
}

echo "==> installing a compiler for $arch, and its nginx (about two minutes; log: $log)"
{
    chroot "$root" dpkg --add-architecture "$arch" && there apt-get update &&
        there apt-get install -y --no-install-recommends "gcc-$gnu" "libc6-dev:$arch" "libstd-rust-dev:$arch" \
            "libpcre2-dev:$arch" "libssl-dev:$arch" "zlib1g-dev:$arch" "nginx:$arch" "libnginx-mod-stream:$arch" \
            "libfaketime:$arch"
} || fail_log "apt-get failed"

# The source that nginx was built from, as it is there for all architectures. As a package it would want this machine's nginx.
# shellcheck disable=SC2016 # expanded there
there sh -euc 'cd /var/cache/apt/archives && apt-get download nginx-dev && dpkg-deb -x nginx-dev_*.deb /' ||
    fail_log "fetching nginx-dev failed"

# nginx's configure goes by this.
cat >"$root/usr/local/bin/uname" <<END
#!/bin/sh
[ "\$*" != -m ] || { echo $machine; exit; }
exec /bin/uname "\$@"
END
chmod +x "$root/usr/local/bin/uname"
touch "$root/etc/foreign"
