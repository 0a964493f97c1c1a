#!/bin/sh
# Reads what is in packaging/ as the tools of those distributions read it, as far as Debian has them:
#
#     build/lint-packaging.sh
#
# Nothing is built. packaging/README.md tells what was.

set -eu

cd "$(dirname "$0")/../packaging"

version=$(sed -n '/^\[workspace.package\]/,/^\[package\]/s/^version = "\(.*\)"/\1/p' ../Cargo.toml)
spec=rpm/nginx-mod-http-limit-body.spec

same_version() {
    if [ "$2" != "$version" ]; then
        echo "error: packaging/$1 is for version $2, Cargo.toml says $version" >&2
        exit 1
    fi
}

echo "==> $spec"
rpmspec --load rpm/macros.debian -P "$spec" >/dev/null
rpmlint --strict --rpmlintrc rpm/rpmlintrc "$spec"
same_version "$spec" "$(rpmspec --load rpm/macros.debian -q --qf '%{version}' "$spec")"

echo "==> arch/PKGBUILD"
shellcheck -s bash arch/PKGBUILD
# makepkg will not be run by root.
as_user=
[ "$(id -u)" -ne 0 ] || as_user='unshare --map-user=1000 --map-group=1000'
info=$(cd arch && $as_user makepkg --printsrcinfo)
same_version arch/PKGBUILD "$(echo "$info" | sed -n 's/^.pkgver = //p')"

echo "==> alpine/APKBUILD"
shellcheck -s dash alpine/APKBUILD
same_version alpine/APKBUILD "$(sed -n 's/^pkgver=//p' alpine/APKBUILD)"
