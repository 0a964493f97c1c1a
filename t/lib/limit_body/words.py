"""How the tests write sizes, and show answers."""

import re

UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def size(text):
    """Bytes, also with k, m or g behind them."""
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


def shown(status, body):
    """An answer on one line. A page of nginx's own is known by its title."""
    body = body.decode("utf-8", "backslashreplace").strip()
    if page := re.match(r"<html>\s*<head><title>(.*?)</title></head>.*</html>\s*$", body, re.S):
        body = f"<{page[1]}>"
    return f"{status} {body}".rstrip().replace("\n", "\\n")
