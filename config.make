# shellcheck shell=sh disable=SC2154
# Tells nginx's make how cargo is called. See config.

if [ -n "${limit_body_target:-}" ]; then

    case $NGX_OBJS in
        /*) limit_body_objs=$NGX_OBJS ;;
        *) limit_body_objs=$PWD/$NGX_OBJS ;;
    esac

    # With its crates at hand the module is built without a network.
    limit_body_lock=--locked
    if [ -d "$ngx_addon_dir/vendor" ]; then
        limit_body_lock=--frozen
    fi

    # Cargo knows better what has changed, but must not be called by "make install", which is often root's.
    limit_body_deps=$(cd "$ngx_addon_dir" && find "$PWD/Cargo.toml" "$PWD/Cargo.lock" "$PWD/build.rs" "$PWD/src" \
        "$PWD/crates" -path "*/fuzz" -prune -o -type f -print | sort | tr '\n' ' ')

    cat <<END >>"$NGX_MAKEFILE"

CARGO =	$CARGO

$(sh "$ngx_addon_dir/build/nginx/bindings.sh" "$PWD" "$NGX_OBJS")

END

    # What cargo makes of a package.
    limit_body_rule() {
        cat <<END >>"$NGX_MAKEFILE"
$1:	$limit_body_deps $NGX_AUTO_CONFIG_H
	+cd $ngx_addon_dir && NGINX_SOURCE_DIR=$PWD NGINX_BUILD_DIR=$limit_body_objs \\
		\$(CARGO) rustc $limit_body_lock --package $2 --release --lib --crate-type staticlib \\
		--no-default-features --target $limit_body_target --target-dir $limit_body_objs/$ngx_addon_name
	touch $1

END
    }
    limit_body_rule "$limit_body_libs/lib$ngx_addon_name.a" ngx-http-limit-body-module
    limit_body_rule "$limit_body_libs/libngx_stream_limit_session_module.a" stream-module
    limit_body_rule "$limit_body_libs/libngx_limit_modules.a" static-modules

    # A module's objects are compiled from C; this one has none that could depend on the library.
    case " $DYNAMIC_MODULES " in
        *" ngx_http_limit_body_module "*)
            echo "$NGX_OBJS/ngx_http_limit_body_module$ngx_modext:	$limit_body_lib" >>"$NGX_MAKEFILE"
            ;;
    esac
    case " $DYNAMIC_MODULES " in
        *" ngx_stream_limit_session_module "*)
            echo "$NGX_OBJS/ngx_stream_limit_session_module$ngx_modext:	$limit_session_lib" >>"$NGX_MAKEFILE"
            ;;
    esac
fi
