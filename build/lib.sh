# shellcheck shell=sh
# What the scripts in build/ share:
#
#     . "$(dirname "$0")/../lib.sh"
#
# For sh and for bash.

# The root of the project.
project=$(cd "$(dirname "$0")" && until [ -f build/lib.sh ] || [ "$PWD" = / ]; do cd ..; done && pwd)

# Ends the script with an error; each further argument is a line below it.
fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '%s\n' "$@" >&2
    exit 1
}

# The same for a command whose output went to $log: shows how that ends.
fail_log() {
    # shellcheck disable=SC2154 # the script's
    echo "error: $1; the last lines of $log:" >&2
    tail -n 15 "$log" >&2
    exit 1
}

# Makes a directory, and prints its absolute path.
make_dir() {
    mkdir -p "$1" && (cd "$1" && pwd)
}

# Returns whether version $2 is version $1 or newer.
at_least() {
    [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

project_version() {
    sed -n '/^\[workspace.package\]/,/^\[package\]/s/^version = "\(.*\)"/\1/p' "$project/Cargo.toml"
}

minimum_rust() {
    sed -n 's/^rust-version = "\(.*\)"/\1/p' "$project/Cargo.toml"
}

# The version of nginx whose source is in a directory; empty if there is none.
nginx_version() {
    sed -n 's/.*define NGINX_VERSION *"\(.*\)"/\1/p' "$1/src/core/nginx.h" 2>/dev/null || true
}

# The version of nginx whose source the crate nginx-src brings.
crate_nginx_version() {
    sed -n '/^name = "nginx-src"/{n;s/.*+\(.*\)"/\1/p;}' "$project/build/nginx/source/Cargo.lock"
}

# Prints the version of nginx whose source is in $1. Ends the script if there is none, or if it is not nginx's.
source_version() {
    found=$(nginx_version "$1")
    [ -n "$found" ] || fail "NGINX_SOURCE_DIR=$1: no source of nginx there (no src/core/nginx.h)"
    refuse_unsupported "$(cat "$1/src/core/nginx.h" "$1/src/core/angie.h" 2>/dev/null || true)"
    echo "$found"
}

# Ends the script if what a source tree has in its nginx.h, or "nginx -V" says of versions, is a server that only looks like nginx.
refuse_unsupported() {
    case $1 in
        *freenginx*) fail "freenginx is not supported: it discards bodies in another way than nginx" ;;
        *Angie*) fail "Angie is not supported: the crate nginx-sys does not compile with its headers" ;;
    esac
}

# Prints those of the arguments of configure that the source tree $1 knows, one a line: an older nginx has not all of them.
known_arguments() {
    tree=$1
    shift
    for argument; do
        ! grep -qe "${argument%%=*}" "$tree/auto/options" || echo "$argument"
    done
}

# Configures the source tree of nginx in $1/src, which configure writes to, as $1/objs. Further arguments are configure's.
run_configure() {
    (
        cd "$1/src" || exit
        dir=$1 configure=./configure
        shift
        # A release has it there, the repository in auto/.
        [ -x configure ] || configure=auto/configure
        "$configure" --builddir="$dir/objs" "$@"
    )
}

# The same for cargo, which is to make bindings from it.
configure_nginx() {
    run_configure "$@" && "$project/build/nginx/bindings.sh" "$1/src" "$1/objs" >>"$1/objs/Makefile"
}

# The mirror that the machine's own apt uses.
debian_mirror() {
    # shellcheck disable=SC2016 # apt-get expands it
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | head -n 1
}

# Unpacks packages of Debian's suite $1 in $2/root; further arguments are the packages. An apt of its own in $2 fetches
# them, so that the machine's own lists and sources stay as they are.
unpack_debian() {
    suite=$1 apt=$2
    shift 2
    rm -rf "$apt"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) $suite main" >"$apt/sources.list"

    # A mirror that lags behind will do; what comes from it is signed all the same.
    own_apt() {
        (cd "$apt" && apt-get -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
            -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root \
            -o Acquire::Check-Valid-Until=false \
            -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "$@")
    }
    own_apt update && own_apt download "$@" || return
    for package in "$apt"/*.deb; do
        dpkg-deb -x "$package" "$apt/root" || return
    done
}

# Makes a virtual environment of Python in $1 with the packages in the file $2; further arguments are pip's. Keeps one that
# was made from the same file.
python_environment() {
    environment=$1 requirements=$2
    shift 2
    ! cmp -s "$requirements" "$environment/requirements.txt" || return 0
    # The system's, with which Debian's packages of Python modules are.
    python=/usr/bin/python3
    [ -x "$python" ] || python=python3
    "$python" -m venv --clear "$environment" &&
        "$environment/bin/pip" install --disable-pip-version-check -r "$requirements" "$@" &&
        cp "$requirements" "$environment/requirements.txt"
}

# The same for the requirements.txt of this directory, in $1/python; says what for, $2, and writes to $log.
bring_python() {
    cmp -s requirements.txt "$1/python/requirements.txt" || echo "==> installing $2 for Python (log: $log)"
    python_environment "$1/python" requirements.txt >"$log" 2>&1 || fail_log "installing requirements.txt failed"
}

# Installs the packages of Node.js that the package.json of this directory names in $1. Keeps those of the same file.
node_packages() {
    ! cmp -s package.json "$1/installed.json" || return 0
    cp package.json "$1" &&
        npm install --prefix "$1" --no-audit --no-fund &&
        cp package.json "$1/installed.json"
}

# The same; says what for, $2, and writes to $log.
bring_node() {
    cmp -s package.json "$1/installed.json" || echo "==> installing $2 for Node.js (log: $log)"
    node_packages "$1" >"$log" 2>&1 || fail_log "npm failed"
}

# Builds the program that makes links between network namespaces, $1/link; writes to $log.
build_link() {
    cc -O2 -Wall -Wextra -Werror -o "$1/link" "$project/t/lib/limit_body/link.c" >"$log" 2>&1 || fail_log "cc failed"
}
