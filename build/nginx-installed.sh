#!/bin/bash
# Prepares the build of the module for an nginx that is installed:
#
#     build/nginx-installed.sh NGINX DIR
#
# leaves DIR/src and DIR/objs, the source tree and the configured build that match it, from Debian's nginx-dev.
# Done once for each version of nginx.

set -euo pipefail

nginx=$1 dir=$2
tree=/usr/share/nginx/src
log=$dir/build.log

if [ ! -x "$nginx" ]; then
    echo "error: $nginx: not found" >&2
    exit 1
fi

about=$("$nginx" -V 2>&1)
if [ "$(cat "$dir/about" 2>/dev/null)" = "$about" ]; then
    exit 0
fi

version=$(sed -n 's|^nginx version: .*/\([0-9.]*\).*|\1|p' <<<"$about")
source_version=$(sed -n 's/.*define NGINX_VERSION *"\(.*\)"/\1/p' "$tree/src/core/nginx.h" 2>/dev/null || true)
if [ "$version" != "$source_version" ]; then
    echo "error: $nginx is version $version, nginx-dev (in $tree) is ${source_version:-not installed}" >&2
    exit 1
fi

echo "==> configuring the source of $nginx, $version (log: $log)"
rm -rf "$dir"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
cp -R "$tree" "$dir/src"
(
    cd "$dir/src"
    # shellcheck source=/dev/null
    . ./conf_flags
    ./configure --builddir="$dir/objs" "${NGX_CONF_FLAGS[@]}"
) >"$log" 2>&1 || {
    echo "error: configure failed; the last lines of $log:" >&2
    tail -n 15 "$log" >&2
    exit 1
}
echo "$about" >"$dir/about"
