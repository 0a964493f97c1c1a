"""An upstream that records what it is sent, and answers with it."""

import asyncio
import hashlib
import os
import re
import typing


class Seen(typing.NamedTuple):
    """A request as the upstream has seen it."""

    head: str
    # Whether all of its body has come, as declared or to the last chunk; how long what came is, and its hash.
    is_whole: bool
    length: int
    digest: str


class Upstream:
    """Listens on a socket; nginx passes on what a script sends with the number of the script in a field X-Script."""

    def __init__(self, path):
        self.path = path
        self.seen = {}
        self.open = {}

    async def start(self):
        self.server = await asyncio.get_running_loop().create_unix_server(lambda: Connection(self), self.path)
        # Started by root, nginx's workers run as somebody else.
        os.chmod(self.path, 0o666)

    def take(self, number):
        """What has been seen of a script; in no order, as nginx makes subrequests at the same time."""
        return sorted(self.seen.pop(number, []))

    def is_busy(self, number):
        return self.open.get(number, 0) > 0


class Connection(asyncio.Protocol):
    def __init__(self, upstream):
        self.upstream = upstream
        self.unread = b""
        self.number = None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.unread += data
        while self.unread and self.take():
            pass

    def take(self):
        """Takes a part of a request; whether there was one."""
        if self.number is None:
            if b"\r\n\r\n" not in self.unread:
                return False
            head, self.unread = self.unread.split(b"\r\n\r\n", 1)
            self.head = head.decode("latin-1")
            number = re.search(r"\nX-Script: (\d+)", self.head)
            self.number = int(number[1]) if number else 0
            self.upstream.open[self.number] = self.upstream.open.get(self.number, 0) + 1
            self.hash, self.length = hashlib.md5(usedforsecurity=False), 0
            declared = re.search(r"\nContent-Length: (\d+)", self.head)
            self.is_chunked = "\nTransfer-Encoding: chunked" in self.head
            self.rest = int(declared[1]) if declared else 0
            if not self.is_chunked and self.rest == 0:
                self.end(True)
            return True
        if self.is_chunked and self.rest == 0:
            if b"\r\n" not in self.unread:
                return False
            line, self.unread = self.unread.split(b"\r\n", 1)
            if line:  # Otherwise it is what ends a chunk.
                self.rest = int(line, 16)
                if self.rest == 0:
                    self.unread = self.unread.removeprefix(b"\r\n")
                    self.end(True)
            return True
        piece, self.unread = self.unread[: self.rest], self.unread[self.rest :]
        self.rest -= len(piece)
        self.length += len(piece)
        self.hash.update(piece)
        if self.rest == 0 and not self.is_chunked:
            self.end(True)
        return True

    def end(self, is_whole):
        head = self.head
        if "unbuffered HTTP/" in head:
            # Whether nginx tells the length, or sends chunks, is a question of how much it has read by then.
            head = re.sub(r"\r\n(Content-Length: \d+|Transfer-Encoding: chunked)", "", head)
        seen = Seen(head, is_whole, self.length, self.hash.hexdigest())
        self.upstream.seen.setdefault(self.number, []).append(seen)
        self.upstream.open[self.number] -= 1
        if not self.upstream.open[self.number]:
            del self.upstream.open[self.number]
        self.number = None
        if is_whole:
            request = seen.head.split("\r\n", 1)[0]
            body = f"{seen.head}\n{seen.length} {seen.digest}\n".encode("latin-1")
            accel = "X-Accel-Redirect: /accelerated\r\n" if " /accel" in request else ""
            close = "Connection: close\r\n" if " HTTP/1.0" in request else ""
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{accel}{close}Content-Length: {len(body)}\r\n\r\n"
            self.transport.write(head.encode() + (b"" if request.startswith("HEAD ") else body))
            if close:
                self.transport.close()

    def connection_lost(self, error):
        if self.number is not None:
            self.end(False)
