"""How the tests write sizes, and show answers."""

import re

UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def size(text):
    """Bytes, also with k, m or g behind them."""
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


def numbers(length):
    """A body of this length, of which no two parts are the same: the numbers from 0, one a line."""
    return b"".join(b"%d\n" % i for i in range(length // 4 + 1000))[:length]


def shown(status, body):
    """An answer on one line. A page of nginx's own is known by its title, and a long body by its length."""
    if len(body) > 1000:
        return f"{status} {len(body)} {'numbers' if body == numbers(len(body)) else 'bytes'}"
    body = body.decode("utf-8", "backslashreplace").strip()
    if page := re.match(r"(?:<!DOCTYPE [^>]*>\s*)?<html>\s*<head><title>(.*?)</title></head>.*</html>\s*$", body, re.S):
        body = f"<{page[1]}>"
    return f"{status} {body}".rstrip().replace("\n", "\\n")
