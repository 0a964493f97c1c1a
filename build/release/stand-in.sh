#!/bin/bash
# Makes a stand-in for the package nginx of nginx.org, from the source of nginx:
#
#     build/release/stand-in.sh TARBALL REVISION DIR
#
# leaves DIR/nginx_VERSION-REVISION_ARCHITECTURE.deb. TARBALL has one directory, with the source. To be called where dpkg-dev and
# what nginx is built with are installed.
#
# What modules see is as in nginx.org's own: the package's name, version and Provides, how nginx is configured and compiled, with
# nginx-debug beside it, and where things are. What they do not see is left out: services, rotation of logs, documents.

set -euo pipefail

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

tarball=$1 revision=$2
dir=$(make_dir "$3")
package=$dir/nginx
tree=$dir/tree

rm -rf "$tree" "$package"
mkdir -p "$tree/src"
tar -x -C "$tree/src" --strip-components=1 -f "$tarball"
version=$(nginx_version "$tree/src")-$revision

# As nginx.org's rules have them.
export DEB_BUILD_MAINT_OPTIONS=hardening=+all
export DEB_CFLAGS_MAINT_APPEND='-Wp,-D_FORTIFY_SOURCE=2 -fPIC' DEB_LDFLAGS_MAINT_APPEND='-Wl,--as-needed -pie'
cflags=$(dpkg-buildflags --get CFLAGS) ldflags=$(dpkg-buildflags --get LDFLAGS)
mapfile -t arguments < <("$project/build/nginx/nginx-org.sh" "$tree/src")

# Builds nginx, as a name; further arguments are configure's.
build() {
    local name=$1
    shift
    run_configure "$tree" "${arguments[@]}" --with-cc-opt="$cflags" --with-ld-opt="$ldflags" "$@"
    make -C "$tree/src" -f "$tree/objs/Makefile" -j "$(nproc)" binary
    install -D -s "$tree/objs/nginx" "$package/usr/sbin/$name"
}
build nginx
build nginx-debug --with-debug

# Nobody else may have written to what belongs to root.
umask 022
mkdir -p "$package/DEBIAN" "$package/etc/nginx/conf.d" "$package/usr/lib/nginx/modules" "$package/usr/share/nginx/html" \
    "$package/var/cache/nginx" "$package/var/log/nginx"
ln -s /usr/lib/nginx/modules "$package/etc/nginx/modules"
cp "$tree"/src/conf/{mime.types,fastcgi_params,scgi_params,uwsgi_params} "$package/etc/nginx/"
cat >"$package/etc/nginx/nginx.conf" <<'END'
user nginx;
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid /run/nginx.pid;

events {
    worker_connections 1024;
}

http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    include /etc/nginx/conf.d/*.conf;
}
END
cat >"$package/etc/nginx/conf.d/default.conf" <<'END'
server {
    listen 80;
    location / {
        root /usr/share/nginx/html;
        index index.html;
    }
}
END
echo 'A stand-in for nginx.org'\''s nginx.' >"$package/usr/share/nginx/html/index.html"

# dpkg-shlibdeps asks for debian/control.
mkdir -p "$dir/debian"
printf 'Source: nginx\n\nPackage: nginx\nArchitecture: any\n' >"$dir/debian/control"
libraries=$(cd "$dir" && dpkg-shlibdeps -O "$package/usr/sbin/nginx" | sed -n 's/^shlibs:Depends=//p')
cat >"$package/DEBIAN/control" <<END
Package: nginx
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: Nobody <nobody@localhost>
Section: httpd
Priority: optional
Depends: $libraries, passwd
Provides: httpd, nginx, nginx-r${version%-*}
Conflicts: nginx-common, nginx-core
Replaces: nginx-common, nginx-core
Description: stand-in for nginx.org's nginx
 Made to try modules with; it has no services and no documents.
END
cat >"$package/DEBIAN/preinst" <<'END'
#!/bin/sh
set -e
getent group nginx >/dev/null || groupadd --system nginx
getent passwd nginx >/dev/null ||
    useradd --system --gid nginx --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin nginx
END
(cd "$package" && find etc -type f | sed 's|^|/|' | sort >DEBIAN/conffiles)
chmod 755 "$package/DEBIAN/preinst"
dpkg-deb --root-owner-group --build "$package" "$dir"
rm -rf "$tree" "$package" "$dir/debian"
