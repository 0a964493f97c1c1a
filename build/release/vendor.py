#!/usr/bin/env python3
"""Brings the crates that the modules and their tests are built from, into vendor/ of a tree:

    build/release/vendor.py TREE

Cargo wants to know of every crate in Cargo.lock, those for Windows too, though it needs nothing of them but their names. So of a
crate that no build on TARGETS uses only Cargo.toml stays, with an empty library. Of the others all stays that is text:
binaries, which only their own tests read, go. .cargo-checksum.json lists what has stayed; the checksum of the whole crate in
there is still the one in Cargo.lock.
"""

import json
import pathlib
import re
import subprocess
import sys

TARGETS = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "x86_64-unknown-freebsd",
    "aarch64-apple-darwin",
]


def main():
    tree = pathlib.Path(sys.argv[1])
    cargo(tree, "vendor", "--locked", "--versioned-dirs", "vendor")
    built = {crate for target in TARGETS for crate in crates_of(tree, target)}
    for crate in sorted((tree / "vendor").iterdir()):
        if crate.name in built:
            drop(crate, [path for path in files_of(crate) if is_dropped(path)])
        else:
            print(f"not built: {crate.name}")
            drop(crate, [path for path in files_of(crate) if path != crate / "Cargo.toml"])
            (crate / "src").mkdir()
            (crate / "src/lib.rs").touch()


def cargo(tree, *arguments):
    return subprocess.run(["cargo", *arguments], cwd=tree, check=True, stdout=subprocess.PIPE, text=True).stdout


def crates_of(tree, target):
    """The names, with versions, of the crates that a build on a target compiles, tests and build scripts included."""
    lines = cargo(tree, "tree", "--locked", "--offline", "--workspace", "--prefix", "none", "--target", target)
    return {"-".join(found) for found in re.findall(r"^(\S+) v(\S+)", lines, re.M)}


def files_of(crate):
    return [path for path in sorted(crate.rglob("*")) if path.is_file() and path.name != ".cargo-checksum.json"]


def is_dropped(path):
    # Cargo.toml.orig, too: nobody reads it, and tools that clean a tree take it for a leftover.
    return path.name == "Cargo.toml.orig" or b"\0" in path.read_bytes()


def drop(crate, paths):
    checksums = crate / ".cargo-checksum.json"
    content = json.loads(checksums.read_text())
    for path in paths:
        content["files"].pop(str(path.relative_to(crate)), None)
        path.unlink()
    checksums.write_text(json.dumps(content, sort_keys=True))
    for directory in sorted((path for path in crate.rglob("*") if path.is_dir()), reverse=True):
        if not any(directory.iterdir()):
            directory.rmdir()


main()
