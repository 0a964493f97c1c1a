#!/bin/sh
# Makes the release: what git has, the crates that it is built from, and checksums:
#
#     build/release/dist.sh DIR
#
# leaves NAME-VERSION.tar.gz and NAME-VERSION.tar.gz.sha256 in DIR. The same commit gives the same file. All dates in it are
# SOURCE_DATE_EPOCH or, where that is not set, the commit's.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

name=ngx_http_limit_body_module
version=$(project_version)
release=$name-$version

# A release that was unpacked within some other repository is not that repository.
if [ "$(git rev-parse --show-toplevel)" != "$(pwd -P)" ] || ! commit=$(git rev-parse --verify HEAD); then
    fail "\"make dist\" makes a release of what git has: it needs the project's repository, and a commit"
fi
[ -z "$(git status --porcelain)" ] || echo "note: changes that are not committed are left out" >&2
date=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct "$commit")}

dir=$(make_dir "$1")
stage=$dir/stage
log=$dir/dist.log
trap 'rm -rf "$stage"' EXIT
rm -rf "$stage"
mkdir "$stage"

git archive --prefix="$release/" "$commit" | tar -x -C "$stage"
tree=$stage/$release

echo "==> bringing the crates (log: $log)"
"$project/build/release/vendor.py" "$tree" >"$log" 2>&1 || fail_log "vendoring the crates failed"
linked=$(cd "$tree" && cargo tree --locked --offline --prefix none --edges normal --target x86_64-unknown-linux-gnu \
    --package ngx-http-limit-body-module --package stream-module | awk '!/\(\// { print $1 }' | sort -u)
# shellcheck disable=SC2086 # names
"$project/build/release/copyright.py" "$tree" $linked >"$tree/debian/copyright"
mkdir -p "$tree/.cargo"
cat >"$tree/.cargo/config.toml" <<END
# A build from this release needs no network: its crates are in vendor/.
[source.crates-io]
replace-with = "vendor"

[source.vendor]
directory = "vendor"
END

tar -c -C "$stage" --format=gnu --sort=name --mtime="@$date" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    "$release" | gzip -9n >"$dir/$release.tar.gz"
(cd "$dir" && sha256sum "$release.tar.gz" | tee "$release.tar.gz.sha256")
