#!/bin/sh
# Sees to it that an nginx loads the module that was built for it:
#
#     build/module/loads.sh NGINX MODULE

set -eu

nginx=$1 module=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

loads=$module block='http { limit_body 1m; }'
case $module in
    *ngx_stream_*)
        loads=$("$(dirname "$0")/../nginx/stream-modules.sh" "$nginx" "$module")
        block='stream { limit_session 1m; }'
        # Stream itself may not be installed.
        [ -n "$loads" ] || exit 0
        ;;
esac

# nginx looks for its default user, which need not exist, where it is run by root.
user=
[ "$(id -u)" -ne 0 ] || user='user root root;'
# shellcheck disable=SC2086 # words
cat >"$dir/nginx.conf" <<END
$(printf 'load_module %s;\n' $loads)
$user
pid nginx.pid;
events {}
$block
END

# Built with AddressSanitizer, it says that "nginx -t" gives nothing back.
if ! ASAN_OPTIONS=detect_leaks=0 "$nginx" -t -q -p "$dir/" -e stderr -c nginx.conf 2>"$dir/log"; then
    echo "error: $nginx does not load $module:" >&2
    cat "$dir/log" >&2
    exit 1
fi
