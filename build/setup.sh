#!/bin/sh
# Sees to it that the machine has what a target of the Makefile needs:
#
#     build/setup.sh build|run|test|clients|apps|programs|grafana|browser|servers|bench|deny|fuzz|dist|packaging|chroot|emulator|installed|modules ...
#
# On Debian, missing packages are installed when run as root; anybody else is told what to run. Prints nothing where
# nothing is missing.

set -eu

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$project"

log=objs/setup.log

rust() {
    minimum=$(minimum_rust)
    command -v cargo >/dev/null ||
        fail "cargo not found. Rust $minimum or newer is needed: see https://rustup.rs, then run this again."
    found=$(rustc --version | cut -d ' ' -f 2)
    at_least "$minimum" "$found" ||
        fail "Rust $minimum or newer is needed, this is $found. \"rustup update\" brings a newer one."
}

packages() {
    case $1 in
        build) echo gcc libc6-dev make libclang-dev libpcre2-dev libssl-dev zlib1g-dev ;;
        run) echo curl openssl python3 ;;
        test) echo curl iproute2 libfaketime msmtp openssl perl postgresql-client procps python3 python3-venv redis-tools \
            libhttp-message-perl libipc-run-perl liblist-moreutils-perl libtest-base-perl libtest-longstring-perl \
            libtext-diff-perl liburi-perl libwww-perl ;;
        clients) echo chromium chromium-driver curl default-jdk-headless firefox-esr g++ golang-go iproute2 \
            liblwp-protocol-https-perl libokhttp-java libwww-perl nghttp2-client nodejs \
            "$(command -v npm >/dev/null || echo npm)" php-cli php-curl pkg-config procps python3 python3-venv qt6-base-dev \
            ruby socat util-linux wget ;;
        apps) echo default-jdk-headless golang-go libtomcat10-embed-java libtomcat10-java nghttp2-proxy nodejs \
            "$(command -v npm >/dev/null || echo npm)" php-fpm puma python3 python3-venv uwsgi-core uwsgi-plugin-python3 ;;
        programs) echo cadaver curl davfs2 duplicity ffmpeg gcc "$(command -v git >/dev/null || echo git)" git-lfs \
            golang-go golang-google-grpc-dev iproute2 libmaven-deploy-plugin-java maven nextcloud-desktop-cmd nodejs \
            "$(command -v npm >/dev/null || echo npm)" procps python3 python3-venv rclone restic ruby s3cmd skopeo \
            util-linux wget ;;
        grafana) echo prometheus python3 ;;
        browser) echo chromium chromium-driver firefox-esr fonts-inter python3 ;;
        servers) echo apache2 caddy haproxy lighttpd lighttpd-mod-openssl media-types ;;
        bench) echo openssl python3 util-linux valgrind ;;
        deny) echo git python3 python3-venv ;;
        fuzz) echo g++ ;;
        dist) echo bash git python3 util-linux ;;
        packaging) echo makepkg pacman-package-manager python3 python3-venv rpm rpmlint shellcheck util-linux ;;
        chroot) echo bash debootstrap iproute2 util-linux ;;
        emulator) echo arch-test binfmt-support qemu-user-static ;;
        installed) echo bash "$(debian_nginx)" ;;
        modules) echo libnginx-mod-http-dav-ext libnginx-mod-http-echo libnginx-mod-http-headers-more-filter \
            libnginx-mod-http-lua libnginx-mod-http-modsecurity libnginx-mod-http-ndk libnginx-mod-http-perl \
            libnginx-mod-http-subs-filter libnginx-mod-http-uploadprogress libnginx-mod-nchan util-linux ;;
        *) fail "$0: unknown group \"$1\"" ;;
    esac
}

# Debian's nginx, with the source that goes with it; not where nginx is one that somebody else has packaged, or for another
# architecture: nginx-dev would bring this machine's own in its place.
debian_nginx() {
    case $(dpkg-query -W -f '${db:Status-Status} ${Architecture} ${Maintainer}' nginx 2>/dev/null || true) in
        "installed $(dpkg --print-architecture) "*[Dd]ebian* | "installed $(dpkg --print-architecture) "*[Uu]buntu*)
            echo nginx-dev libnginx-mod-stream
            ;;
        installed*) ;;
        *) echo nginx nginx-dev libnginx-mod-stream ;;
    esac
}

missing() {
    for package in "$@"; do
        # A line for each architecture that it is there for.
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || printf '%s ' "$package"
    done
}

# A freshly installed nginx, or another server, must not start as a service: the tests bring their own configuration.
keep_services_stopped() {
    [ ! -e /usr/sbin/policy-rc.d ] || return 0
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT INT TERM
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
}

wanted=
for group in "$@"; do
    [ "$group" != build ] || rust
    wanted="$wanted $(packages "$group")"
done

if ! command -v dpkg-query >/dev/null; then
    echo "note: not a Debian system; taking it that the counterparts of these packages are there:$wanted" >&2
    exit 0
fi

# shellcheck disable=SC2086 # package names are words
lacking=$(missing $wanted)
[ -n "$lacking" ] || exit 0

[ "$(id -u)" -eq 0 ] || fail "packages are missing. Run this, then the same make again:" \
    "    sudo apt-get install --no-install-recommends $lacking"

mkdir -p objs
echo "==> installing Debian packages, as root: $lacking(log: $log)"
keep_services_stopped
export DEBIAN_FRONTEND=noninteractive
# A machine that has just started may be updating itself.
# shellcheck disable=SC2086
{ apt-get update && apt-get install -y -o DPkg::Lock::Timeout=300 --no-install-recommends $lacking; } >"$log" 2>&1 ||
    fail_log "apt-get failed"
