#!/bin/bash
# Builds the package of the modules for the nginx packages of nginx.org, from the source release and the source of that nginx, in a
# release of Debian; then installs it there with nginx, and sees whether it works and goes without a trace; as root:
#
#     build/release/deb-nginx-org.sh RELEASE CHROOT DIST SOURCE DIR [twice]
#
# where CHROOT was made by build/chroot/make.sh, and is used for nothing else; DIST is where build/release/dist.sh left the release,
# and SOURCE the source of nginx. Leaves the package in DIR. "twice" is as in deb.sh.
#
# nginx.org itself is not asked: the nginx that the package is tried with is a stand-in for its package nginx, which stand-in.sh
# makes from the same source.

set -euo pipefail

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=deb-steps.sh
. "$(dirname "$0")/deb-steps.sh"

release=$1 root=$2 dist=$3 nginx=$4 dir=$5 twice=${6:-}
package="nginx-module-limit-body"
packages=("$package")
packaging=packaging/nginx.org/debian
conf=etc/nginx/nginx.conf
base_version=$(nginx_version "$nginx")
own_version=$(project_version)
# As nginx.org has it for its own modules that have a version of their own; and as its nginx.
revision="1~$release"
version=$base_version+$own_version-$revision
source=$package-${version%-*}
tarball=$dist/ngx_http_limit_body_module-$own_version.tar.gz

lay_source() {
    local tree=$1/$source
    # What debian/copyright says of the modules and their crates holds here, too.
    mkdir -p "$tree/nginx" &&
        cp "$tarball" "$1/${package}_${version%-*}.orig.tar.gz" &&
        cp "$dir/nginx.tar.gz" "$1/${package}_${version%-*}.orig-nginx.tar.gz" &&
        tar -x -C "$tree" --strip-components=1 -f "$tarball" &&
        tar -x -C "$tree/nginx" --strip-components=1 -f "$dir/nginx.tar.gz" &&
        about_nginx "$tree/nginx/LICENSE" >>"$tree/debian/copyright" &&
        mv "$tree/debian/copyright" "$tree/copyright" &&
        rm -rf "$tree/debian" &&
        cp -R "$tree/$packaging" "$tree/debian" &&
        mv "$tree/copyright" "$tree/debian/copyright" &&
        changelog >"$tree/debian/changelog"
}

# The version is that of nginx and that of the modules, which have a changelog of their own. The date is that of the modules'
# packaging.
changelog() {
    cat <<END
$package ($version) $release; urgency=medium

  * Version $own_version of the modules, for nginx $base_version of nginx.org.

$(grep -m 1 '^ -- ' "$project/debian/changelog")
END
}

# The part of debian/copyright that is about the source of nginx.
about_nginx() {
    echo
    echo "Files: nginx/*"
    sed -n 's/^Copyright (C) //p' "$1" | sed '1s/^/Copyright: /; 1!s/^/ /'
    echo "License: BSD-2-Clause-nginx"
    echo
    echo "License: BSD-2-Clause-nginx"
    sed -n '/^Redistribution/,$p' "$1" | sed 's/^/ /; s/^ *$/ ./'
}

# The same tarball each time.
pack_nginx() {
    tar -c -C "$nginx" --format=gnu --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
        --exclude=./objs --exclude=./.git --exclude=./Makefile --transform="flags=r;s|^\.|nginx-$base_version|" . | gzip -9n
}

make_stand_in() {
    echo "==> building a stand-in for nginx.org's nginx $base_version-$revision (log: $log)"
    mkdir -p "$root/build"
    cp "$dir/nginx.tar.gz" "$root/build/nginx.tar.gz"
    chroot "$root" chown -R nobody:nogroup /build
    as_user nobody "$project/build/release/stand-in.sh" /build/nginx.tar.gz "$revision" /build/stand-in >>"$log" 2>&1 ||
        fail_log "building the stand-in failed"
    stand_in=$(cd "$root" && echo build/stand-in/nginx_*.deb)
    # apt reads it as a user of its own.
    there apt-get install -y --allow-downgrades "/$stand_in" || fail_log "installing the stand-in failed"
    row "tried with" "${stand_in##*/}, a stand-in made from the same source"
}

# What apt would do on an upgrade to the next nginx: the same package, with another version.
try_upgrade() {
    local next=${base_version%.*}.$((${base_version##*.} + 1)) tree=$root/build/next
    dpkg-deb -R "$root/$stand_in" "$tree"
    sed -i "s/$base_version/$next/" "$tree/DEBIAN/control"
    dpkg-deb -b "$tree" "$root/build/next.deb" >>"$log"
    alone apt-get install -s /build/next.deb >"$dir/upgrade" 2>&1 || true
    cat "$dir/upgrade" >>"$log"
    grep -q "^Remv $package " "$dir/upgrade" || fail_log "apt would install nginx $next beside a module that it cannot load"
    rm "$dir/upgrade"
    row "with $next" "apt would remove the package"
}

begin
if [ ! -f "$tarball" ]; then
    fail "there is no $tarball: make dist"
fi
profile=()
[ -x "$root/usr/bin/cargo" ] || profile=("-Ppkg.$package.rustup")
pack_nginx >"$dir/nginx.tar.gz"

echo "==> building $package $version for nginx.org's nginx, on Debian $release (about five minutes; log: $log)"
# A stand-in of another run may be of another version.
there dpkg --purge "$package" nginx || true
build_packages
row "built with" "nginx's source $base_version, $(builder)"
[ -z "$twice" ] || build_again
lint
make_stand_in

install_packages
cp "$root/$conf" "$root/build/nginx.conf"
check_nginx "with the package installed, and no module loaded"
# Nothing is loaded before somebody does what the package says. apt has it on a terminal, with its ends of lines.
loads=$(tr -d '\r' <"$log" | sed -n '/^Setting up '"$package"' /,$s/^    \(load_module .*;\)$/\1/p')
[ "$(wc -l <<<"$loads")" -eq 2 ] || fail_log "the package does not tell how to load two modules"
{ echo "$loads" && cat "$root/build/nginx.conf"; } >"$root/$conf"
echo 'limit_body 1m;' >"$root/etc/nginx/conf.d/limit_body.conf"
check_nginx "with the lines that the package tells"
row "nginx -t" "ok, without and with the lines that the package tells"
try_clients "$loads"
mkdir "$root/build/debug"
ln -s /usr/sbin/nginx-debug "$root/build/debug/nginx"
alone env PATH=/build/debug:/usr/bin:/bin nginx -V 2>&1 | grep -q -- --with-debug || fail_log "this is not nginx-debug"
row nginx-debug "loads the same:"
try_clients "$loads" PATH=/build/debug:/usr/sbin:/usr/bin:/sbin:/bin
try_upgrade

remove_packages
[ "$(grep -c "^/$conf:[12]:load_module " "$log" || true)" -eq 2 ] || fail_log "removing the package does not warn of lines that load it"
cp "$root/build/nginx.conf" "$root/$conf"
rm "$root/etc/nginx/conf.d/limit_body.conf"
check_nginx "with the package removed"
row removed "warned of lines that load it; without them nginx -t: ok"
rm "$dir/nginx.tar.gz"
purge_packages
