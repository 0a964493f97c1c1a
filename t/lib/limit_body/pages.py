"""What is measured, in pages that are otherwise written by hand."""

import re
import sys


def table(head, rows):
    """A table in Markdown; all cells are texts."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def fill(page, texts):
    """Puts each text, by its name, where it belongs in a page: between "<!-- name -->" and "<!-- end -->"."""
    text = page.read_text()
    for name, new in texts.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.S)
        text, count = place.subn(lambda found: f"{found[1]}\n{new}\n\n{found[2]}", text)
        if count != 1:
            sys.exit(f"error: {page.parent.name}/{page.name} has {count} places for \"{name}\", not one")
    page.write_text(text)
