# shellcheck shell=bash disable=SC2154 # what the scripts set
# The steps of deb.sh and deb-nginx-org.sh: builds packages from the source release, as Debian's builders do, in a chroot that
# build/chroot/make.sh made, as nobody and without a network; then installs them there, tries them, and removes them. As root:
#
#     . "$(dirname "$0")/deb-steps.sh"
#
# The scripts set root, the chroot; dir, for what is left, and log; package and version, the source package's; packages; twice,
# which is not empty if there is a second build; and profile, as an array. They define lay_source: it leaves the source package's
# tarballs in a directory, and them unpacked in $source there.

# Makes the directory for what is left, and empties it.
begin() {
    rm -rf "$dir"
    dir=$(make_dir "$dir")
    log=$dir/build.log
}

# With a network.
there() {
    "$project/build/chroot/run.sh" "$root" env DEBIAN_FRONTEND=noninteractive "$@" >>"$log" 2>&1
}

# Without one.
alone() {
    "$project/build/chroot/run.sh" -n "$root" "$@"
}

# As a user that is named; the environment may be added to.
as_user() {
    local user=$1
    shift
    alone setpriv --reuid "$user" --regid nogroup --clear-groups env -u CARGO_HOME HOME=/build "$@"
}

# A line of the table that is shown at the end.
row() {
    printf '%-14s %s\n' "$1" "$2" >>"$dir/table"
}

# Unpacks the source to a directory below /build, and builds there, as a user; further arguments go before the command.
build() {
    local parent=$1 user=$2
    shift 2
    lay_source "$root/build/$parent" &&
        chroot "$root" chown -R "$user:nogroup" /build &&
        as_user "$user" "$@" sh -c "cd /build/$parent/$source && dpkg-buildpackage -us -uc ${profile[*]}" &&
        rm -rf "$root/build/$parent/$source"
}

build_packages() {
    local name deb
    # What a run that was broken off has left.
    rm -rf "$root/build"
    there dpkg --purge "${packages[@]}" || true
    lay_source "$root/build"
    { there apt-get update &&
        there apt-get install -y --no-install-recommends blhc dpkg-dev fakeroot lintian curl python3 \
            ${twice:+faketime locales} &&
        there apt-get build-dep -y --no-install-recommends "${profile[@]}" "/build/$source"; } ||
        fail_log "installing what it needs failed"
    rm -rf "$root/build/$source"
    build . nobody >"$dir/dpkg-buildpackage" 2>&1 || { log=$dir/dpkg-buildpackage; fail_log "dpkg-buildpackage failed"; }
    cp "$root"/build/*_* "$dir"

    changes=$(cd "$root/build" && echo *.changes)
    debs=()
    for name in "${packages[@]}"; do
        deb=$(cd "$root/build" && echo "${name}"_*.deb)
        debs+=("/build/$deb")
        row package "$deb, $(stat -c %s "$dir/$deb") bytes"
    done
}

# The cargo that built them.
builder() {
    local from=Debian
    [ -x "$root/usr/bin/cargo" ] || from="this machine"
    echo "$(alone cargo --version | cut -d ' ' -f 1,2) of $from"
}

# A second time, as somebody else, in another directory, time zone and locale, 400 days later.
build_again() {
    local deb path=()
    echo "==> building once more, elsewhere"
    there localedef -i tr_TR -f UTF-8 tr_TR.UTF-8 || fail_log "localedef failed"
    if [ ! -x "$root/usr/bin/cargo" ]; then
        # The allocator of rustup's rustc and Debian 12's libfaketime wait for each other, for ever: that rustc has the date of today.
        # shellcheck disable=SC2016 # expanded there
        mkdir "$root/build/bin"
        printf '#!/bin/sh\nunset LD_PRELOAD\nexec /opt/rust/bin/rustc "$@"\n' >"$root/build/bin/rustc"
        chmod +x "$root/build/bin/rustc"
        path=(PATH=/build/bin:/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin)
    fi
    build second/below/another/directory daemon LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8 TZ=Pacific/Kiritimati DEB_BUILD_OPTIONS=parallel=1 \
        "${path[@]}" faketime -f +400d >>"$log" 2>&1 || fail_log "the second build failed"
    for deb in "${debs[@]}"; do
        cmp "$root$deb" "$root/build/second/below/another/directory/${deb##*/}" >>"$log" 2>&1 ||
            fail_log "$deb came out different. diffoscope tells where"
    done
    rm -rf "$root/build/second"
    row "built twice" "the same, bit for bit"
}

# Further arguments are tags of lintian's that do not matter, as expressions.
lint() {
    local explained tag found
    echo "==> blhc, lintian"
    cp "$dir/dpkg-buildpackage" "$root/build/log"
    alone blhc --all /build/log >>"$log" 2>&1 || fail_log "blhc found something"
    row blhc "nothing"
    # The packaging is one for all releases, and lintian says of one what is there for another. Debian 12's uscan, debhelper and dpkg
    # want the first four; the version of Debian's policy is that of testing; not each lintian has all tags that are overridden.
    explained="older-debian-watch-file-standard|package-uses-old-debhelper-compat-version|redundant-priority-optional-field"
    explained="$explained|redundant-rules-requires-root-no-field|newer-standards-version|unused-override|mismatched-override"
    for tag; do
        explained="$explained|$tag"
    done
    alone lintian --info --display-info --pedantic --show-overrides --fail-on none --allow-root "/build/$changes" \
        >"$dir/lintian" 2>>"$log" || fail_log "lintian failed"
    found=$(grep '^[EWIP]:' "$dir/lintian" | grep -vE "^.: [^:]*: ($explained)( |$)" || true)
    [ -z "$found" ] || { echo "$found" >>"$log"; fail_log "lintian found something"; }
    row lintian "nothing, $(grep -c '^O:' "$dir/lintian" || true) overridden"
}

# Has nginx read its configuration; the argument tells when that is.
check_nginx() {
    alone nginx -t >>"$log" 2>&1 || fail_log "nginx -t failed $1"
}

# What is in the chroot, less what apt keeps of its own doings.
list_files() {
    (cd "$root" && find . \( -path ./var/log -o -path ./var/cache -o -path ./var/lib/apt -o -path ./build -o -path ./tmp \
        -o -path ./root \) -prune -o -print | sort)
}

install_packages() {
    echo "==> installing, uploading, removing"
    # Before, too: nginx makes its own directories when it is called for the first time.
    check_nginx "without the package"
    list_files >"$dir/files.before"
    there apt-get install -y "${debs[@]}" || fail_log "installing ${debs[*]} failed"
}

# Clients send too much to an nginx that has the lines $1 to load the modules; where that is empty, what Debian's has. Further
# arguments are for the tests' environment.
try_clients() {
    local loads=$1 test answers client answer
    shift
    for test in refusal session; do
        answers=$(alone env "LOADS=$loads" "$@" "$project/debian/tests/$test" 2>&1) ||
            { echo "$answers" >>"$log"; fail_log "clients did not read what they were answered"; }
        while IFS=: read -r client answer; do
            row "$client" "${answer# }"
        done <<<"$answers"
    done
}

remove_packages() {
    there apt-get remove -y "${packages[@]}" || fail_log "removing ${packages[*]} failed"
}

# Shows the table, too.
purge_packages() {
    there apt-get purge -y "${packages[@]}" || fail_log "purging ${packages[*]} failed"
    list_files >"$dir/files.after"
    if ! diff "$dir/files.before" "$dir/files.after" >"$dir/files.diff"; then
        cat "$dir/files.diff" >>"$log"
        fail_log "something is left, or lost"
    fi
    row purged "no file left, none lost"
    rm -rf "$root/build" "$dir"/files.*
    echo
    cat "$dir/table"
}
