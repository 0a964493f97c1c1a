#!/bin/bash
# Prepares the build of the module for a given nginx:
#
#     build/nginx/installed.sh NGINX DIR [SOURCE]
#
# leaves DIR/src and DIR/objs, the source tree and the configured build that match it. The source is SOURCE where that is
# given, else Debian's nginx-dev or the crate nginx-src, whichever is of nginx's version. It is configured with the arguments
# that "nginx -V" shows. Done once for each nginx.

set -euo pipefail

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

nginx=$1 dir=$2 given=${3:-}
debian=/usr/share/nginx/src
log=$dir/build.log

find_source() {
    if [ -n "$given" ]; then
        local found
        found=$(source_version "$given")
        [ "$found" = "$version" ] || fail "$nginx is version $version, the source in $given is $found"
        tree=$given
    elif [ "$(nginx_version $debian)" = "$version" ]; then
        tree=$debian
    elif [ "$crate_version" = "$version" ]; then
        tree=$(./build/nginx/source.sh "$log")
    else
        local installed
        installed=$(nginx_version $debian)
        cat >&2 <<END
error: $nginx is version $version, and there is no source of that version here:
    $debian (Debian's nginx-dev): ${installed:-not installed}
    crate nginx-src: $crate_version
Unpack https://nginx.org/download/nginx-$version.tar.gz, or the source your nginx was built from, and give its directory:
    make build NGINX=$nginx NGINX_SOURCE_DIR=/path/to/nginx-$version
END
        exit 1
    fi
}

# What nginx was configured with, less what a module does not depend on and this machine may not have: other modules, the
# libraries that some of nginx's own need, and libraries that were built along with nginx.
set_arguments() {
    local argument
    eval "set -- $(sed -n 's/^configure arguments: //p' <<<"$about")"
    for argument; do
        case $argument in
            # The module for raw connections needs what stream declares.
            --with-stream=dynamic) arguments+=("$argument") ;;
            --add-module=* | --add-dynamic-module=* | --with-*=dynamic | --builddir=*) ;;
            --with-http_xslt_module | --with-http_image_filter_module | --with-http_geoip_module) ;;
            --with-http_perl_module | --with-stream_geoip_module | --with-google_perftools_module | --with-libatomic*) ;;
            --with-openssl=* | --with-openssl-opt=* | --with-pcre-opt=* | --with-zlib=* | --with-zlib-opt=*) ;;
            --with-zlib-asm=*) ;;
            --with-pcre=*) arguments+=(--with-pcre) ;;
            *) arguments+=("$argument") ;;
        esac
    done
}

# The signature that nginx holds a module against, as the program has it: sizes of types, then a digit for each feature.
signature_of_program() {
    grep -aoE '[0-9]+,[0-9]+,[0-9]+,[01]{30,}' "$nginx" | head -n 1 || true
}

signature_of_source() {
    make -s -f build/nginx/signature.mk NGINX_SOURCE_DIR="$dir/src" NGINX_BUILD_DIR="$dir/objs" 2>>"$log"
}

# Compares both, and tells which features differ: each digit stands for the "#if" before it in ngx_module.h.
compare_signatures() {
    local program source
    program=$(signature_of_program)
    source=$(signature_of_source) || fail_log "the C compiler failed"
    if [ -z "$program" ] || [ "$program" = "$source" ]; then
        return
    fi
    {
        echo "error: nginx would not load the module: \"is not binary compatible\"."
        echo "$nginx and the source in $tree, configured alike, differ in:"
        awk -v program="$program" -v source="$source" '
            BEGIN {
                split(program, p, ","); split(source, s, ",")
                split("size of a pointer,size of sig_atomic_t,size of time_t", names, ",")
                for (i = 1; i <= 3; i++) if (p[i] != s[i]) printf "    %s: nginx %s, source %s\n", names[i], p[i], s[i]
            }
            function told(digit) { return digit == "1" ? "yes" : "no" }
            /^#if/ { condition = substr($0, 5) }
            /^#define NGX_MODULE_SIGNATURE_[0-9]+ +"1"/ {
                i = $2; sub(/.*_/, "", i)
                a = told(substr(p[4], i, 1)); b = told(substr(s[4], i, 1))
                if (a != b) printf "    %s: nginx %s, source %s\n", condition, a, b
            }
        ' "$dir/src/src/core/ngx_module.h"
        echo "Give the source that this nginx was built from, with NGINX_SOURCE_DIR; or install what configure did not find"
        echo "(log: $log)."
    } >&2
    exit 1
}

[ -e "$nginx" ] || fail "$nginx: not found"
[ -f "$nginx" ] || fail "$nginx: not a file"
[ -x "$nginx" ] || fail "$nginx: not executable"
about=$("$nginx" -V 2>&1 </dev/null) || true
refuse_unsupported "$(grep ' version: ' <<<"$about")"
version=$(sed -n 's|^nginx version: [^/]*/\([0-9]*\.[0-9]*\.[0-9]*\).*|\1|p' <<<"$about")
[ -n "$version" ] || fail "$nginx is not an nginx. Its answer to -V: $(head -n 1 <<<"$about")"

stamp="$nginx"$'\n'"$given"$'\n'"$about"
if [ "$(cat "$dir/about" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi

crate_version=$(crate_nginx_version)
mkdir -p "$dir"
find_source

echo "==> configuring the source of $nginx, $version, from $tree (log: $log)"
rm -rf "$dir"
dir=$(make_dir "$dir")
# configure writes into the tree it is run in.
cp -R "$tree" "$dir/src"
chmod -R u+w "$dir/src"
arguments=()
set_arguments
configure_nginx "$dir" "${arguments[@]}" >"$log" 2>&1 || fail_log "configure failed"
compare_signatures
printf '%s\n' "$stamp" >"$dir/about"
