#!/bin/sh
# Prints where the source of a version of nginx is:
#
#     build/nginx/version-source.sh LOG [VERSION [SOURCE]]
#
# In SOURCE if that is not empty, else the crate nginx-src has it. Without a VERSION any will do.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

log=$1 wanted=${2-} source=${3-}

case $wanted in
    *[!0-9.]*) fail "NGINX_VERSION=$wanted: not a version of nginx, as 1.28.3" ;;
esac

if [ -n "$source" ]; then
    found=$(source_version "$source")
    [ "${wanted:-$found}" = "$found" ] || fail "NGINX_VERSION=$wanted, but the source in NGINX_SOURCE_DIR=$source is $found"
    (cd "$source" && pwd)
else
    found=$(crate_nginx_version)
    [ "${wanted:-$found}" = "$found" ] || fail "there is no source of nginx $wanted here; the crate nginx-src has $found." \
        "Unpack https://nginx.org/download/nginx-$wanted.tar.gz, and give its directory: NGINX_SOURCE_DIR=/path/to/nginx-$wanted"
    mkdir -p "$(dirname "$log")"
    "$project/build/nginx/source.sh" "$log"
fi
