#!/usr/bin/env python3
"""Makes the man page from the reference, and prints it:

    build/release/man.py docs/limit_body.md >docs/ngx_http_limit_body_module.5

It knows the Markdown of that page: headings, paragraphs, lists, tables, blocks of code that are indented or fenced; within a
line links, bold text and code. A table becomes a list of its first column.
"""

import pathlib
import re
import sys

HEAD = """.\\" Made from docs/limit_body.md by build/release/man.py.
.TH NGX_HTTP_LIMIT_BODY_MODULE 5 "" "ngx_http_limit_body_module {version}" "nginx modules"
.SH NAME
ngx_http_limit_body_module \\- limits request bodies by size and time, and lets the client read the answer
.SH SYNOPSIS
.nf
load_module modules/ngx_http_limit_body_module.so;
.fi
.SH DESCRIPTION
"""
TAIL = """.SH SEE ALSO
.BR nginx (8)
.PP
The documents of the module: getting-started.md, migrating.md, how-to.md, redirects.md, drain.md, operations.md and
troubleshooting.md.
"""
TOP = pathlib.Path(__file__).parents[2]


def main():
    version = re.search(r'^version = "(.*)"', (TOP / "Cargo.toml").read_text(), re.M)[1]
    body = pathlib.Path(sys.argv[1]).read_text().partition("\n\n")[2]
    print(HEAD.format(version=version) + "\n".join(converted(body)) + "\n" + TAIL, end="")


def converted(text):
    """The lines of roff for a page."""
    for block in blocks(text):
        first = block[0]
        if first.startswith("```") or first.startswith("    "):
            code = block[1:-1] if first.startswith("```") else [line[4:] for line in block]
            yield from (".PP", ".RS 4", ".nf", *map(verbatim, code), ".fi", ".RE")
        elif first.startswith("#"):
            level, title = re.match(r"(#+) (.*)", first).groups()
            yield f".SS {inline(title)}" if len(level) > 2 else f'.SH "{inline(title).upper()}"'
        elif first.startswith("|"):
            _, *heads = cells_of(first)
            for key, *cells in map(cells_of, block[2:]):
                yield from (".TP", inline(key))
                for head, cell in zip(heads, cells):
                    if cell:
                        yield from (inline(f"{head}: {cell}" if head else cell), ".br")
        elif item := re.match(r"(- |\d+\. )", first):
            # Items without an empty line between them.
            for lines in re.split(r"\n(?=- |\d+\. )", "\n".join(block)):
                mark, rest = re.match(r"(- |\d+\. )(.*)", lines, re.S).groups()
                mark = "\\(bu" if mark == "- " else mark.strip()
                yield from (f".IP {mark} {3 if mark.startswith(chr(92)) else 4}", inline(joined(rest)))
        elif " · " not in first:
            yield from (".PP", inline(joined("\n".join(block))))


def blocks(text):
    """The lines of each block: what stands between empty lines, and whole blocks of code."""
    block, is_fenced = [], False
    for line in [*text.splitlines(), ""]:
        if line.startswith("```"):
            is_fenced = not is_fenced
        if line or is_fenced:
            block.append(line)
        elif block:
            yield block
            block = []


def cells_of(row):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def joined(lines):
    return re.sub(r"\s*\n\s*", " ", lines)


def inline(text):
    """A line of text. Code and bold text are bold; of a link its text stays."""
    text = re.sub(r"\[((?:`[^`]*`|[^]`])*)\]\([^)]*\)", r"\1", text)
    parts = re.split(r"(\*\*.*?\*\*|`[^`]+`)", text)
    return guarded("".join(bold(part.strip("*").replace("`", "")) if at % 2 else escaped(part) for at, part in enumerate(parts)))


def bold(text):
    return f"\\fB{escaped(text)}\\fR"


def escaped(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("×", "x")


def guarded(line):
    """A line that begins like a request of roff's is text."""
    return f"\\&{line}" if line[:1] in (".", "'") else line


def verbatim(line):
    return guarded(escaped(line))


main()
