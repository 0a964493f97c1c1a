#!/bin/bash
# Installs modules where nginx looks for them, and the man page, and tells how to load them:
#
#     build/module/install.sh NGINX DESTDIR MODULE ...
#
# The directory is the one that nginx was configured with (--modules-path). Unless DESTDIR is empty, that directory below
# DESTDIR, for a package. The man page belongs to MANDIR: the system's in a package, else that of what was installed by hand.

set -euo pipefail

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

nginx=$1 destdir=$2
shift 2
man=ngx_http_limit_body_module.5
mandir=${MANDIR:-$([ -n "$destdir" ] && echo /usr/share/man || echo /usr/local/share/man)}

# An option of nginx's configure; empty if it was not given.
option() {
    local argument value=
    for argument in "${arguments[@]}"; do
        case $argument in "--$1="*) value=${argument#*=} ;; esac
    done
    echo "$value"
}

# A directory without the links on the way to it.
real() {
    (cd -P "$1" 2>/dev/null && pwd) || echo "$1"
}

# As nginx's configure does it: relative to the prefix, which has a default.
arguments=()
eval "arguments=($("$nginx" -V 2>&1 | sed -n 's/^configure arguments: //p'))"
prefix=$(option prefix)
prefix=${prefix:-/usr/local/nginx}
modules=$(option modules-path)
modules=${modules:-modules}
case $modules in
    /*) ;;
    *) modules=$prefix/$modules ;;
esac

into=$destdir$modules
if ! mkdir -p "$into" 2>/dev/null || [ ! -w "$into" ]; then
    fail "$into cannot be written to. Run this as root, or install below a directory of yours, with DESTDIR"
fi

install -D -m 644 "$project/docs/$man" "$destdir$mandir/man5/$man"

# nginx takes a relative name from its prefix; in many packages, $prefix/modules is a link to the modules.
loads=$modules
if [ "$(real "$prefix/modules")" = "$(real "$modules")" ]; then
    loads=modules
fi

for module; do
    name=$(basename "$module")
    # Not in its place: an nginx that runs has it mapped.
    install -m 644 "$module" "$into/$name.new"
    mv -f "$into/$name.new" "$into/$name"
    echo "==> $into/$name"
done

echo 'To load it, put this at the top of nginx.conf, then test and reload (where an older one is loaded, restart) nginx:'
for module; do
    case $module in
        *ngx_stream_*) about='    # for raw connections; behind ngx_stream_module.so, where there is one' ;;
        *) about= ;;
    esac
    echo "    load_module $loads/$(basename "$module");$about"
done
cat <<END
Examples of what to put below it are in nginx-conf/, the directives in docs/limit_body.md and docs/limit_session.md, and in
"man ${man%.5}".
END
