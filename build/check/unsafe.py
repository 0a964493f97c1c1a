#!/usr/bin/env python3
"""Lists all unsafe code in Rust: where it is, in which function, and why it holds.

    build/check/unsafe.py [FILE ...]

For a block that is what its SAFETY comment says, for an unsafe function or trait what its documentation says under "Safety"; a
callback that nginx calls says it in the blocks inside. Without FILE, all sources of the module. Ends with 1, and the
places, if one says nothing.
"""

import bisect
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCES = ["build.rs", "crates/*/*.rs", "crates/*/src/**/*.rs", "src/**/*.rs", "t/**/*.rs"]

# What may hold the word "unsafe" and means nothing by it: comments, and texts in quotes.
QUIET = re.compile(r"""//[^\n]*|/\*.*?\*/|b?c?r(#*)".*?"\1|[bc]?"(?:\\.|[^"\\])*"|b?'(?:\\.[^']*|[^\\'])'""", re.S)
UNSAFE = re.compile(r"""\bunsafe\s*(?:(\{)|(?:(extern)\s*"\s*"\s*)?fn\s+(\w+)|(impl|trait)\b)""")
FUNCTION = re.compile(r"\bfn\s+(\w+)")

# How many lines a statement may have before the block in it.
STATEMENT = 6


def main():
    files = [pathlib.Path(name) for name in sys.argv[1:]]
    files = files or sorted(file for pattern in SOURCES for file in ROOT.glob(pattern))
    places = [place for file in files for place in unsafe_code(file)]
    for where, what, why in places:
        print(f"{where}: {what}")
        print(textwrap.fill(why or "SAYS NOTHING", 120, initial_indent="    ", subsequent_indent="    "))
    kinds = [what.split()[0] for _, what, _ in places]
    silent = [where for where, _, why in places if not why]
    print(f"\n{kinds.count('block')} unsafe blocks, {kinds.count('function')} unsafe functions, {kinds.count('callback')} "
          f"callbacks, {kinds.count('impl')} unsafe impls; {len(silent)} without a reason")
    if silent:
        sys.exit(f"error: no SAFETY comment, or no section \"Safety\": {', '.join(silent)}")


def unsafe_code(file):
    """Where, what and why, for all unsafe code of a file."""
    text = file.read_text()
    lines = text.splitlines()
    code = QUIET.sub(lambda quiet: re.sub(r'[^\n"]', " ", quiet[0]), text)
    starts = [match.start() for match in re.finditer("^", code, re.M)]
    functions = [(match.start(), match[1]) for match in FUNCTION.finditer(code)]
    for match in UNSAFE.finditer(code):
        number = bisect.bisect_right(starts, match.start())
        name = match[3] or next((name for start, name in reversed(functions) if start < match.start()), "(static)")
        shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
        where = f"{shown}:{number}"
        if match[1]:
            yield where, f"block in {name}", safety_comment(lines, number - 1)
        elif match[2]:
            yield where, f"callback {name}", "up to nginx: see the blocks inside"
        elif match[3]:
            yield where, f"function {name}", safety_section(lines, number - 1)
        elif match[4] == "trait":
            yield where, f"trait in line {number}", safety_section(lines, number - 1)
        else:
            yield where, f"impl in line {number}", safety_comment(lines, number - 1)


def safety_comment(lines, index):
    """The SAFETY comment before the statement that has a block in this line."""
    for above in range(index - 1, max(index - STATEMENT, -1), -1):
        line = lines[above].strip()
        if line.startswith("//"):
            return comment(lines, above, "//").partition("SAFETY:")[2].strip()
        if line.endswith((";", "}")) or not line:
            return ""
    return ""


def safety_section(lines, index):
    """The section "Safety" in the documentation of the function that begins in this line."""
    while index > 0 and lines[index - 1].strip().startswith("#["):
        index -= 1
    section = comment(lines, index - 1, "///").partition("# Safety")[2]
    return section.partition(" # ")[0].strip()


def comment(lines, last, mark):
    """The text of a comment that ends in this line."""
    first = last
    while first >= 0 and lines[first].strip().startswith(mark):
        first -= 1
    return " ".join(line.strip().removeprefix(mark).strip() for line in lines[first + 1 : last + 1])


main()
