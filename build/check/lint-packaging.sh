#!/bin/sh
# Checks the recipes in packaging/ with the tools of their distributions, as far as Debian has them, the Dockerfiles with hadolint,
# and all shell scripts:
#
#     build/check/lint-packaging.sh DIR
#
# Builds nothing. packaging/README.md lists the recipes that were built. DIR is where hadolint is left, which comes from PyPI.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

dir=$(make_dir "$1")
log=$dir/lint-packaging.log
cd "$project/packaging"

echo "==> shell scripts"
(cd "$project" && shellcheck build/*.sh build/*/*.sh .ci/run config config.make debian/tests/refusal debian/tests/suite \
    packaging/nginx.org/debian/*.postinst packaging/nginx.org/debian/*.postrm)

version=$(project_version)
spec=rpm/nginx-mod-http-limit-body.spec

same_version() {
    [ "$2" = "$version" ] || fail "packaging/$1 is for version $2, Cargo.toml says $version"
}

echo "==> $spec"
rpmspec --load rpm/macros.debian -P "$spec" >/dev/null
rpmlint --strict --rpmlintrc rpm/rpmlintrc "$spec"
same_version "$spec" "$(rpmspec --load rpm/macros.debian -q --srpm --qf '%{version}' "$spec")"

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

echo "==> docker/Dockerfile*"
python_environment "$dir/python" "$project/build/check/hadolint-requirements.txt" --require-hashes --only-binary :all: >"$log" 2>&1 ||
    fail_log "PyPI has no hadolint for this machine, or cannot be reached"
"$dir/python/bin/hadolint" docker/Dockerfile docker/Dockerfile.alpine
