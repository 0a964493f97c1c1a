#!/bin/sh
# Cargo, with the crates that the distribution has packaged (Debian's librust-*-dev) in the place of those in vendor/:
#
#     CARGO=$PWD/build/module/system-cargo.sh ./configure --add-dynamic-module=...
#
# Of vendor/ only those crates are used that Debian has not, or not in a version that will do; packaging/README.md has the
# list. Versions are what is installed: Cargo.lock is left alone and not looked at, the one that was used is objs/system/Cargo.lock.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

packaged=/usr/share/cargo/registry
lacking="allocator-api2 nginx-sys ngx"
tree=$project/objs/system

# The tree, but for Cargo.lock and for .cargo/, which belong to vendor/.
if [ ! -d "$tree" ]; then
    new=$(make_dir "$tree.$$")
    mkdir "$new/registry"
    ln -s "$packaged"/* "$new/registry"
    for name in $lacking; do
        ln -s "$project/vendor/$name"-[0-9]* "$new/registry"
    done
    for name in Cargo.toml build.rs src crates t; do
        ln -s "$project/$name" "$new/$name"
    done
    # Another cargo may have been faster.
    mv -T "$new" "$tree" 2>/dev/null || rm -rf "$new"
fi

cd "$tree"
count=$#
for argument; do
    case $argument in
        --locked | --frozen) argument=--offline ;;
    esac
    set -- "$@" "$argument"
done
shift "$count"
exec cargo --config 'source.crates-io.replace-with="system"' --config "source.system.directory=\"$tree/registry\"" "$@"
