#!/usr/bin/env python3
"""Copies documents into a package, as they lie in the project, so that the links from one to another work:

    build/release/docs.py DIR FILE-OR-DIRECTORY ...

A link to something that is not copied becomes text. Results of measurements, and pages that the package has as man pages,
are left out.
"""

import pathlib
import re
import shutil
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
# The metrics' schema is for programs that read metrics; what else is JSON in docs/ is numbers.
LEFT_OUT = re.compile(r"docs/(?!metrics\.schema).*\.json|docs/.*\.5|nginx-conf/demo/.*")
LINK = re.compile(r"\[((?:`[^`]*`|[^]`])*)\]\(([^)#]*)(#[^)]*)?\)")


def main():
    into = pathlib.Path(sys.argv[1])
    files = [file for name in sys.argv[2:] for file in files_of(name) if not LEFT_OUT.fullmatch(str(file))]
    for file in files:
        (into / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TOP / file, into / file)
    for page in (into / file for file in files if file.suffix == ".md"):
        page.write_text(LINK.sub(lambda link: linked(page, link), page.read_text()))


def files_of(name):
    """The files below a name, relative to the project."""
    path = TOP / name
    return [file.relative_to(TOP) for file in (sorted(path.rglob("*")) if path.is_dir() else [path]) if file.is_file()]


def linked(page, link):
    text, target, _ = link.groups()
    is_there = not target or "://" in target or (page.parent / target).exists()
    return link[0] if is_there else text


main()
