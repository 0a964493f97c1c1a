#!/bin/sh
# Runs cargo, and has what it builds not tell, nor depend on, where it was built:
#
#     build/module/cargo.sh build --release ...
#
# Names of files are in panic messages and in line tables. C files are build.rs's.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

registry=${CARGO_HOME:-$HOME/.cargo}/registry/src

# With crates at hand (vendor/), as a release has them, the registry has no say; without, the same names are given.
remap="--remap-path-prefix=$project=/ngx_http_limit_body_module"
for index in "$registry"/*; do
    remap="$remap --remap-path-prefix=$index=/ngx_http_limit_body_module/vendor"
done

export RUSTFLAGS="${RUSTFLAGS:-} $remap"
exec cargo "$@"
