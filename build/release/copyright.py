#!/usr/bin/env python3
"""Makes debian/copyright of a release, and prints it: debian/copyright.in, and what is said in the crates in vendor/:

    build/release/copyright.py TREE LINKED ...

where LINKED are the crates that are linked into the modules. A crate's license is that in its Cargo.toml. The holders are those
that its license files and the heads of its sources name; where they name none, the authors in Cargo.toml.
"""

import pathlib
import re
import sys
import textwrap
import tomllib

# SPDX's names, Debian's, and where the text is; where a crate gives a choice, those that are not here are left out.
LICENSES = {
    "Apache-2.0": ("Apache-2.0", None),
    "CC0-1.0": ("CC0-1.0", None),
    "MIT": ("Expat", "nom-*/LICENSE"),
    "BSD-2-Clause": ("BSD-2-Clause", "zerocopy-*/LICENSE-BSD"),
    "BSD-3-Clause": ("BSD-3-Clause", "bindgen-*/LICENSE"),
    "ISC": ("ISC", "libloading-*/LICENSE"),
    "Unicode-3.0": ("Unicode-3.0", "unicode-ident-*/LICENSE-UNICODE"),
    "Unlicense": ("Unlicense", "memchr-*/UNLICENSE"),
}
LICENSE_FILE = re.compile(r"(LICEN[CS]E|COPY|UNLICENSE|NOTICE).*", re.I)
NOTICE = re.compile(
    r"^[\s/#*;]*(?:\(c\)\s*)?copyright(?:\s*\(c\)|\s*©)?[:\s]*(?P<years>[\d\s,–-]*\d{4})?[,.\s]*(?P<holder>.*?)"
    r"\s*(?:all rights reserved\.?)?$", re.I)
# Of the texts of licenses, and of forms that nobody has filled in.
NO_HOLDER = re.compile(r"(notice|license|holder|owner|interest|assignment|s |and |or |\[|\{).*", re.I)


def main():
    tree = pathlib.Path(sys.argv[1])
    crates = sorted((tree / "vendor").iterdir())
    linked = "\n ".join(textwrap.wrap(", ".join(sys.argv[2:]), 76))
    print((tree / "debian/copyright.in").read_text().replace("LINKED", linked), end="")
    used = {"Apache-2.0"}
    for crate in crates:
        about = tomllib.loads((crate / "Cargo.toml").read_text())["package"]
        license = debian_license(about["license"])
        used.update(re.findall(r"[\w.-]+", re.sub(r",? (and|or) ", " ", license)))
        print(f"\nFiles: vendor/{crate.name}/*")
        print("Copyright:", "\n ".join(holders_of(crate, about)))
        print("License:", license)
    for name, where in sorted(LICENSES.values()):
        if name in used:
            print(f"\nLicense: {name}\n" + text_of(tree, name, where))


def debian_license(spdx):
    """An expression of SPDX's in the words of Debian's."""
    spdx = spdx.replace("/", " OR ")
    return ", and ".join(
        " or ".join(LICENSES[name][0] for name in re.split(r"\s+OR\s+", part.strip("() ")) if name in LICENSES)
        for part in spdx.split(" AND ")
    )


def holders_of(crate, about):
    authors = ", ".join(about.get("authors", [])) or f"the authors of {about['name']}"
    holders = {}
    for path in sorted(path for path in crate.rglob("*") if path.is_file()):
        is_license = path.parent == crate and LICENSE_FILE.fullmatch(path.name)
        if not is_license and path.suffix not in (".rs", ".h", ".c"):
            continue
        lines = path.read_text(errors="replace").splitlines()
        for line in lines if is_license else lines[:10]:
            found = NOTICE.fullmatch(line)
            if found and (found["years"] or found["holder"]) and not NO_HOLDER.match(found["holder"]):
                holder = re.sub(r"\. See the COPYRIGHT$|(?<!Inc)\.$", "", found["holder"]) or authors
                years = re.sub(r"\s+", " ", found["years"] or "").strip(" ,")
                holders.setdefault((years + ", " + holder).strip(", "))
    return sorted(holders) or [authors]


def text_of(tree, name, where):
    if not where:
        return f" On Debian systems the text is in /usr/share/common-licenses/{name}."
    (path,) = tree.glob(f"vendor/{where}")
    lines = [line.rstrip() for line in path.read_text().strip().splitlines()]
    # Whose it is, stands with each crate.
    lines = [line for line in lines if not NOTICE.fullmatch(line) or NO_HOLDER.match(NOTICE.fullmatch(line)["holder"])]
    while not lines[0]:
        lines.pop(0)
    return re.sub(r"( \.\n)+", " .\n", "\n".join(f" {line}" if line else " ." for line in lines))


main()
