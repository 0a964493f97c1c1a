#!/bin/sh
# Brings the nginx of Debian's testing release, which the benchmark holds beside the one that is tested:
#
#     build/bench/nginx.sh DIR
#
# leaves the program as DIR/nginx. It runs with the libraries of that release, on any machine with Debian.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

dir=$(make_dir "$1")
log=$dir/nginx.log
[ ! -x "$dir/nginx" ] || exit 0

echo "==> fetching nginx from Debian testing (log: $log)"
unpack_debian testing "$dir/apt" nginx libc6 libcrypt1 libpcre2-8-0 libssl3t64 zlib1g libzstd1 >"$log" 2>&1 ||
    fail_log "fetching nginx from Debian testing failed"
root=$dir/root
rm -rf "$root"
mv "$dir/apt/root" "$root"
rm -rf "$dir/apt"
loader=$(find "$root" -name 'ld-linux*.so*' | head -n 1)
libraries=$(dirname "$(find "$root" -name libcrypto.so.3 | head -n 1)")
printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' "$loader" "$libraries" "$root/usr/sbin/nginx" >"$dir/nginx"
chmod +x "$dir/nginx"
"$dir/nginx" -v >>"$log" 2>&1 || { rm "$dir/nginx"; fail_log "nginx from Debian testing does not start"; }
