#!/bin/sh
# Builds the modules for another architecture, and tests them there, with that architecture's nginx of Debian; as root:
#
#     build/test/arch.sh OBJS ARCH TESTS EMULATED JOBS
#
# where ARCH is Debian's name of it. What this machine cannot run itself it runs with qemu: then EMULATED are the tests, as
# each takes many times as long. OBJS is where everything is built, TESTS and JOBS are as for "make test".

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

objs=$1 arch=$2 tests=$3 emulated=$4 jobs=$5

# The release of Debian to take; and the names of the architecture, by gcc, Rust and the kernel.
case $arch in
    arm64) set -- trixie aarch64-linux-gnu aarch64-unknown-linux-gnu aarch64 ;;
    armhf) set -- trixie arm-linux-gnueabihf armv7-unknown-linux-gnueabihf armv7l ;;
    i386) set -- trixie i686-linux-gnu i686-unknown-linux-gnu i686 ;;
    # Big endian. Of its packages in trixie, those that were updated since are not on all mirrors.
    s390x) set -- forky s390x-linux-gnu s390x-unknown-linux-gnu s390x ;;
    *) fail "ARCH=$arch: not one of arm64, armhf, i386 and s390x, as in: make test-arch ARCH=arm64" ;;
esac
release=$1 gnu=$2 rust=$3 machine=$4

here=$(dpkg --print-architecture)
[ "$here" = amd64 ] || fail "make test-arch runs on amd64, and this machine is $here. \"make test\" tests on its own."
[ "$(id -u)" -eq 0 ] || fail "a chroot can only be made by root. Run the same make again with sudo."

# Has the kernel start qemu for programs that are not its own.
emulate() {
    # A machine without systemd may have it, and not show it.
    [ -e /proc/sys/fs/binfmt_misc/register ] || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc ||
        fail "this machine runs no programs for $arch: its kernel shows no binfmt_misc. Try \"modprobe binfmt_misc\" first."
    update-binfmts --enable >&2
    arch-test "$arch" >/dev/null 2>&1 ||
        fail "this machine runs no programs for $arch, even with qemu. \"update-binfmts --display\" tells what it runs."
}

how="which this machine runs itself" patience=
if ! arch-test -n "$arch" >/dev/null 2>&1; then
    # For nginx to start and to end; and for clients.
    how="with qemu" patience="TEST_NGINX_TIMEOUT=10 TEST_PATIENCE=60" tests=$emulated
    arch-test "$arch" >/dev/null 2>&1 || emulate
fi

root=$objs/chroot/$release-$arch
"$project/build/chroot/make.sh" "$release" "$root"
"$project/build/chroot/foreign.sh" "$root" "$arch" "$gnu" "$machine"

echo "==> testing on $arch, $how"
linker=CARGO_TARGET_$(echo "$rust" | tr a-z- A-Z_)_LINKER
shared=$objs/test-arch/$release
mkdir -p "$shared/$arch"
# What runs on this machine is built once for all architectures: build scripts, and clients.
# shellcheck disable=SC2086 # words
exec "$project/build/chroot/run.sh" "$root" env CC="$gnu-gcc" "$linker=$gnu-gcc" $patience \
    make --no-print-directory test NGINX=/usr/sbin/nginx RUST_TARGET="$rust" TESTS="$tests" JOBS="$jobs" \
    OBJS="$shared/$arch" CARGO_TARGET_DIR="$shared/target" TOOLS="$shared/test-tools"
