#!/bin/bash
# Installs modules where nginx looks for them, and the man page, and tells how to load them; or removes them again:
#
#     build/module/install.sh install NGINX DESTDIR MODULE ...
#     build/module/install.sh uninstall NGINX DESTDIR
#
# The directory is the one that nginx was configured with (--modules-path). Unless DESTDIR is empty, that directory below
# DESTDIR, for a package. The man page belongs to MANDIR: the system's in a package, else that of what was installed by hand.
#
# Modules are installed without their debug information. With DEBUG_INFO=yes that is installed, too, where gdb finds it: in
# .debug/, beside the module.

set -euo pipefail

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

action=$1 nginx=$2 destdir=$3
shift 3
names=(ngx_http_limit_body_module.so ngx_stream_limit_session_module.so)
man=ngx_http_limit_body_module.5
mandir=${MANDIR:-$([ -n "$destdir" ] && echo /usr/share/man || echo /usr/local/share/man)}
debug_info=${DEBUG_INFO:-no}

# An option of nginx's configure, $2 if it was not given.
option() {
    local argument value=$2
    for argument in "${arguments[@]}"; do
        case $argument in "--$1="*) value=${argument#*=} ;; esac
    done
    echo "$value"
}

# As nginx's configure does it: relative to the prefix, which has a default.
path() {
    local value
    value=$(option "$1" "$2")
    case $value in
        /*) echo "$value" ;;
        *) echo "$prefix/$value" ;;
    esac
}

# A directory without the links on the way to it.
real() {
    (cd -P "$1" 2>/dev/null && pwd) || echo "$1"
}

install_module() {
    local module=$1 name=$2
    # Not in its place: an nginx that runs has it mapped.
    strip --strip-unneeded -o "$into/$name.new" "$module"
    if [ "$debug_info" = yes ]; then
        mkdir -p "$into/.debug"
        objcopy --only-keep-debug "$module" "$into/.debug/$name.debug"
        chmod 644 "$into/.debug/$name.debug"
        objcopy --add-gnu-debuglink="$into/.debug/$name.debug" "$into/$name.new"
    else
        # That of another build would not fit.
        remove "$into/.debug/$name.debug"
    fi
    chmod 644 "$into/$name.new"
    mv -f "$into/$name.new" "$into/$name"
    echo "==> $into/$name"
}

# Removes a file, and says so; does nothing where there is none.
remove() {
    [ -e "$1" ] || return 0
    rm -f "$1" || fail "$1 cannot be removed. Run this as root"
    removed+=("$1")
}

install_all() {
    local module loads about
    if ! mkdir -p "$into" 2>/dev/null || [ ! -w "$into" ]; then
        fail "$into cannot be written to. Run this as root, or install below a directory of yours, with DESTDIR"
    fi
    for module; do
        install_module "$module" "$(basename "$module")"
    done
    install -D -m 644 "$project/docs/$man" "$destdir$mandir/man5/$man"

    # nginx takes a relative name from its prefix; in many packages, $prefix/modules is a link to the modules.
    loads=$modules
    if [ "$(real "$prefix/modules")" = "$(real "$modules")" ]; then
        loads=modules
    fi
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
}

uninstall_all() {
    local name conf loading
    for name in "${names[@]}"; do
        remove "$into/$name"
        remove "$into/.debug/$name.debug"
    done
    rmdir "$into/.debug" 2>/dev/null || true
    remove "$destdir$mandir/man5/$man"
    if [ ${#removed[@]} -eq 0 ]; then
        echo "Nothing to remove: neither ${names[0]} nor ${names[1]} is in $into"
    else
        printf 'removed %s\n' "${removed[@]}"
    fi

    conf=$destdir$(dirname "$(path conf-path conf/nginx.conf)")
    loading=$(grep -RHnE "^[^#]*load_module[^#]*/?($(IFS='|' && echo "${names[*]}"))" "$conf" 2>/dev/null || true)
    if [ -n "$loading" ]; then
        echo 'warning: nginx will not start with these lines; remove them, and the directives of the module:' >&2
        printf '%s\n' "$loading" >&2
    fi
}

arguments=()
eval "arguments=($("$nginx" -V 2>&1 | sed -n 's/^configure arguments: //p'))"
prefix=$(option prefix /usr/local/nginx)
modules=$(path modules-path modules)
into=$destdir$modules
removed=()

case $action in
    install) install_all "$@" ;;
    uninstall) uninstall_all ;;
    *) fail "$0: \"$action\" is neither install nor uninstall" ;;
esac
