"""Makes scripts for play.py at random."""

import random

from . import pair
from .play import HEAD

METHODS = ["POST"] * 12 + ["PUT", "PUT", "PATCH", "GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT", "UPLOAD"]
VERSIONS = ["1.1"] * 14 + ["1.0", "1.0", "1.0", "1.2", "2.0", "0.9", "1.11"]

# Lines that declare a length badly, or in a way of their own; {n} is how many bytes follow.
DECLARED = [
    "Content-Length: 0{n}",
    "Content-Length: 0000000000000000000000000000{n}",
    "content-length:{n}",
    "CONTENT-LENGTH:   {n}  ",
    "Content-Length: {n}\r\nContent-Length: {n}",
    "Content-Length: {n}\r\nContent-Length: {m}",
    "Content-Length: {n}, {n}",
    "Content-Length: -{n}",
    "Content-Length: -1",
    "Content-Length: +{n}",
    "Content-Length: 0x{n}",
    "Content-Length: {n}.0",
    "Content-Length: {n}k",
    "Content-Length: {n} {n}",
    "Content-Length:",
    "Content-Length: 9223372036854775806",
    "Content-Length: 9223372036854775807",
    "Content-Length: 9223372036854775808",
    "Content-Length: 18446744073709551615",
    "Content-Length: 18446744073709551617",
    "Content-Length: 99999999999999999999999999999999",
    "Content-Length: {m}",
    "Content-Length : {n}",
    "Content_Length: {n}",
    "Content-Length: {n}\r\nTransfer-Encoding: identity",
    "X-Content-Length: {n}",
]
CHUNKED = [
    "transfer-encoding: chunked",
    "Transfer-Encoding: Chunked",
    "Transfer-Encoding:\tchunked",
    "Transfer-Encoding: chunked\r\nContent-Length: {n}",
    "Content-Length: {n}\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: identity",
    "Transfer-Encoding:",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding : chunked",
]
EXTENSIONS = ["", "", "", "", ";a", ";a=b", ';a="b;c"', " ;a", ";" + "e" * 200]
# What stands in the place of a chunk's header and is none, or is one that announces more than can come.
BAD_CHUNKS = [
    "\r\n",
    "g\r\n",
    "-1\r\n",
    "0x5\r\n",
    "5 5\r\n",
    "5\n",
    "+5\r\n",
    "7fffffffffffffff\r\n",
    "8000000000000000\r\n",
    "7ffffffffffffff\r\n",
    "ffffffffffffffffffffffff\r\n",
]
TRAILERS = ["\r\n"] * 3 + ["X-Trailer: yes\r\n\r\n", "Content-Length: 5\r\n\r\n", "\n", "bad\r\n\r\n", "X\0: y\r\n\r\n"]


def script(seed):
    rng = random.Random(seed)
    return streams(rng) if rng.random() < 0.12 else connection(rng)


def target(rng):
    limit = rng.choice(pair.LIMITS)
    kinds = list(pair.KINDS)
    kind = rng.choice(kinds[:6] if rng.random() < 0.5 else kinds)
    return f"/{rng.choice(list(pair.STYLES))}/{limit}/{kind}", limit


def size(rng, limit):
    near = [limit - 1, limit, limit + 1, limit, limit + 1, 2 * limit, limit + rng.randrange(1, 40)]
    other = [0, 1, rng.randrange(30), rng.randrange(2000), rng.randrange(2000), rng.randrange(limit + 1)]
    large = [1000, 8192, 16384, rng.randrange(40000)]
    length = max(0, rng.choice(near * 2 + other + (large if rng.random() < 0.3 else [])))
    return rng.randrange(300000) if rng.random() < 0.01 else length


def connection(rng):
    """A script for HTTP/1.x."""
    atoms = []
    is_sequential = rng.random() < 0.5
    cuts = rng.choice([0, 0, 0.05, 0.2, 0.6])
    end = rng.choice(["probe"] * 20 + ["half-close"] * 3 + ["close", "close", "silence"])
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 4, 6])):
        atoms += request(rng, cuts)
        if is_sequential:
            atoms.append("?")
    if end != "probe" and rng.random() < 0.8:
        # It ends somewhere on the way. What came before has its answers by then.
        while atoms and atoms[-1] == "?":
            atoms.pop()
        last = max(i for i, atom in enumerate(atoms) if isinstance(atom, str) and HEAD.match(atom.replace("⏸", "")))
        keep = rng.randrange(last + 1, len(atoms) + 1)
        atoms = atoms[:last] + ["?"] * (last > 0) + atoms[last:keep]
        if isinstance(atoms[-1], int) and rng.random() < 0.7:
            atoms[-1] = rng.randrange(atoms[-1] + 1)
    if end == "probe":
        atoms.append("?" if rng.random() < 0.7 else "⏸")
    return {"protocol": "h1", "atoms": atoms, "end": end}


def request(rng, cuts):
    path, limit = target(rng)
    method, version = rng.choice(METHODS), rng.choice(VERSIONS)
    length = size(rng, limit)
    form = rng.choices(["declared", "chunked", "none", "declared oddly", "chunked oddly"], [40, 40, 4, 9, 7])[0]
    if version == "1.0" and form == "chunked" and rng.random() < 0.7:
        form = "declared"

    fields = ["Host: localhost", "X-Script: {number}"]
    if form == "declared":
        fields.append(f"Content-Length: {length}")
    elif form == "chunked":
        fields.append("Transfer-Encoding: chunked")
    elif form != "none":
        other = rng.choice([length + 1, max(0, length - 1), limit, limit + 1])
        line = rng.choice(DECLARED if form == "declared oddly" else CHUNKED)
        fields.append(line.replace("{n}", str(length)).replace("{m}", str(other)))
    expects = rng.random() < 0.1
    if expects:
        fields.append(rng.choice(["Expect: 100-continue"] * 4 + ["expect: 100-Continue", "Expect: nothing"]))
    if rng.random() < 0.15:
        fields.append(rng.choice(["Connection: close", "Connection: keep-alive", "Connection: keep-alive", "Connection: x"]))
    if rng.random() < 0.2:
        fields.append("X-Fill: " + "f" * rng.randrange(1500))
    rng.shuffle(fields)
    if rng.random() < 0.02:
        fields.remove("Host: localhost")

    head = f"{method} {path} HTTP/{version}\r\n" + "".join(f"{field}\r\n" for field in fields) + "\r\n"
    atoms = [head]
    if rng.random() < cuts / 3:
        at = rng.randrange(1, len(head))
        # Not within the place of the number.
        if head.rfind("{", 0, at) <= head.rfind("}", 0, at):
            atoms = [f"{head[:at]}⏸{head[at:]}"]
    if rng.random() < cuts:
        atoms.append("⏸")
    if expects and rng.random() < 0.7:
        atoms.append("!")
    if form.startswith("declared"):
        if rng.random() < 0.03:
            length = max(0, length + rng.choice([-1, 1, 5]))
        atoms += pieces(rng, length, cuts)
    elif form.startswith("chunked"):
        atoms += chunks(rng, length, cuts)
    return atoms


def pieces(rng, length, cuts):
    """A body, or the inside of a chunk."""
    atoms = []
    while length > 0:
        piece = rng.randrange(1, length + 1) if rng.random() < cuts else length
        atoms.append(piece)
        length -= piece
        if length or rng.random() < cuts / 2:
            atoms.append("⏸")
    return atoms


def chunks(rng, length, cuts):
    text = []
    most = rng.choice([1, 3, 20, 200, 5000, 100000])
    is_bad = rng.random() < 0.06
    while length > 0:
        chunk = min(length, rng.randrange(1, most + 1) if len(text) < 60 else length)
        length -= chunk
        digits = rng.choice([f"{chunk:x}"] * 4 + [f"{chunk:X}", f"{chunk:04x}", f"{chunk:020x}"])
        text.append(digits + rng.choice(EXTENSIONS) + "\r\n")
        text += pieces(rng, chunk, cuts)
        text.append(rng.choice(["\r\n"] * 200 + ["\n", "x\r\n", ""]))
    last = rng.choice(["0", "0", "0", "000", "0;last", "00000000000000000000"])
    text.append(f"{last}\r\n" + (rng.choice(TRAILERS) if rng.random() < 0.3 else "\r\n"))
    if is_bad:
        text.insert(rng.randrange(len(text)), rng.choice(BAD_CHUNKS))
    if rng.random() < 0.02:
        del text[rng.randrange(len(text)) :]
    # Cuts at, and next to, the boundaries of the syntax.
    atoms = []
    for atom in text:
        if isinstance(atom, str) and atom != "⏸" and rng.random() < cuts and len(atom) > 1:
            at = rng.randrange(1, len(atom))
            atoms.append(f"{atom[:at]}⏸{atom[at:]}")
        else:
            atoms.append(atom)
        if atom != "⏸" and rng.random() < cuts / 2:
            atoms.append("⏸")
    return atoms


def streams(rng):
    """A script for HTTP/2: some streams, frame by frame."""
    queues = []
    for i in range(rng.choice([1, 1, 2, 3, 5])):
        number = 2 * i + 1
        path, limit = target(rng)
        length = min(size(rng, limit), 60000)
        fields = [[":method", rng.choice(METHODS[:-3])], [":path", path]]
        form = rng.choices(["declared", "undeclared", "oddly"], [45, 45, 10])[0]
        if form == "declared":
            fields.append(["content-length", str(length)])
        elif form == "oddly":
            near = [f"0{length}", str(length + 1), str(max(0, length - 1))]
            value = rng.choice([*near, "-1", "", "x", "9223372036854775807", "9" * 25])
            fields.append(["content-length", value])
            if rng.random() < 0.2:
                fields.append(["content-length", str(length)])
        if rng.random() < 0.05:
            fields.append(["expect", "100-continue"])
        queue = [["headers", number, fields, length == 0 and rng.random() < 0.7]]
        most = rng.choice([1, 20, 1000, 16384])
        while length and not queue[0][3]:
            piece = min(length, 16384, rng.randrange(1, most + 1) if len(queue) < 30 else length)
            padding = rng.choice([None, None, None, 0, 1, rng.randrange(256)])
            if padding is not None:
                piece = min(piece, 16000)
            length -= piece
            if rng.random() < 0.05:
                queue.append(["data", number, 0, False, None])
            queue.append(["data", number, piece, length == 0 and rng.random() < 0.8, padding])
        if not queue[-1][3]:
            queue.append(["data", number, 0, True, None])
        if rng.random() < 0.04:
            del queue[rng.randrange(1, len(queue) + 1) :]
            if len(queue) > 1 or not queue[0][3]:
                queue.append(["reset", number])
        queues.append(queue)

    atoms, cuts = [], rng.choice([0, 0.1, 0.5])
    is_sequential = rng.random() < 0.4
    while queues:
        # The headers of streams have to come in the order of their numbers.
        begun = [queue for queue in queues if queue[0][0] != "headers"]
        ready = begun + queues[len(begun) : len(begun) + 1]
        queue = queues[0] if is_sequential else rng.choice(ready)
        atoms.append(queue.pop(0))
        if rng.random() < cuts:
            atoms.append("⏸")
        if not queue:
            queues = [queue for queue in queues if queue]
            if is_sequential:
                atoms.append("?")
    end = rng.choice(["probe"] * 8 + ["close"])
    return {"protocol": "h2", "atoms": atoms, "end": end}
