"""Plays scripts to an nginx, and tells what their client has seen.

A script is a dictionary, to be kept as JSON:

    {"protocol": "h1", "atoms": [...], "end": "probe"}
    {"protocol": "h2", "atoms": [...], "end": "probe"}

ATOMS of both
    "⏸"                             a pause, in which nginx reads what has come; also within bytes
    "?"                             wait for the answers to all requests until here
HTTP/1.x
    "POST / HTTP/1.1\\r\\n..."        these bytes; {number} stands for the number of the play
    5                               so many bytes of a body
    "!"                             wait for anything to come since this was last waited for, as 100 Continue
HTTP/2
    ["headers", STREAM, FIELDS, END]        the header of a request; END: the stream is at its end with it
    ["data", STREAM, SIZE, END, PADDING]    a DATA frame; without padding if that is null
    ["reset", STREAM]                       RST_STREAM with CANCEL
END
    "probe"         one more request shows whether the connection is open
    "half-close"    the client says that it will send no more
    "close"         it closes, whatever has come
    "silence"       it waits until the server closes
"""

import asyncio
import random
import re
import socket
import typing

import hpack
from limit_body.frames import (
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PREFACE, RST_STREAM, SETTINGS, frame
)

# What bodies are made of.
BODY = random.Random(0).randbytes(1 << 19)

# What begins a request, and what a client does other than sending.
HEAD = re.compile(r"([A-Z]+) /.* HTTP/\d")
WAITS = ("⏸", "?", "!")
PROBE = b"GET /probe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

# Behind the end of a stream that the client has reset.
GIVEN_UP = " (reset by the client)"


class Pace(typing.NamedTuple):
    """How long things take, in seconds."""

    # Long enough for nginx to read what has come.
    pause: float
    # Between what was waited for and what comes next: with none, that may be there before nginx has looked for it, or not.
    breath: float
    # What a client does not send is waited for so long by nginx; and how long a script may take, with such waits in it.
    silence: float
    patience: float


class Answer(typing.NamedTuple):
    """An answer; of HTTP/1.x also an interim one. The header is all of it, but for the date."""

    status: int
    header: str
    body: bytes
    # How it ended, of HTTP/2: "ended", "reset: CODE", or "ended, reset: CODE".
    end: str = ""

    def __str__(self):
        body = self.body if len(self.body) < 200 else self.body[:200] + b"..."
        return f"{self.header!r} {body!r} {self.end}".rstrip()


class Play(typing.NamedTuple):
    """What came of a script: its answers (of HTTP/2, by stream), and how the connection ended; what the upstream saw."""

    answers: list
    end: str
    upstream: list

    def lines(self):
        yield from (f"answer {answer}" for answer in self.answers)
        yield f"end    {self.end}"
        yield from (f"passed {seen}" for seen in self.upstream)


async def play(script, nginx, upstream, number, pace):
    """Plays a script to an nginx with this upstream; the number is to be another one each time."""
    client = (Http2 if script["protocol"] == "h2" else Http1)(number, pace)
    try:
        await asyncio.wait_for(client.play(script, nginx), pace.patience)
    except TimeoutError:
        client.end = "silent"
    client.close()
    # What nginx tells the upstream may be behind what it tells the client.
    for tries in range(200):
        await asyncio.sleep(0 if tries < 4 else 0.005)
        if tries >= 4 and not upstream.is_busy(number):
            break
    return Play(client.answers(), client.end, upstream.take(number))


class Client:
    """A connection that is read from all the time, and on which sending may fail: an answer can come all the same."""

    # What bodies are made of.
    material = BODY

    def __init__(self, number, pace):
        self.number, self.pace = number, pace
        self.end = "open"
        self.unread = bytearray()
        self.news = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.is_sending = True

    async def connect(self, port):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Connections that have been closed keep their addresses for a minute.
        self.socket.bind((f"127.0.{random.randrange(1, 250)}.{random.randrange(1, 250)}", 0))
        await self.loop.sock_connect(self.socket, ("127.0.0.1", port))
        self.name = self.socket.getsockname()
        self.loop.add_reader(self.socket, self.read)

    def read(self):
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
            self.end = "reset"
        if not data:
            if self.end == "open":
                self.end = "closed"
            self.loop.remove_reader(self.socket)
        self.take_in(data)
        self.news.set()

    def take_in(self, data):
        """Takes what has come over the connection; nothing at its end."""
        if data:
            self.unread += data
            self.look()

    async def send(self, data):
        if self.is_sending:
            try:
                await self.loop.sock_sendall(self.socket, data)
            except OSError:
                self.is_sending = False

    async def wait(self, condition):
        while self.end == "open" and not condition():
            self.news.clear()
            await self.news.wait()

    async def finish(self, how):
        if how == "close":
            self.close()
            self.end = "closed by the client"
        elif how == "half-close":
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # The server has reset the connection.
        await self.wait(lambda: False)

    def close(self):
        if self.socket.fileno() >= 0:
            self.loop.remove_reader(self.socket)
            self.socket.close()


class Http1(Client):
    async def play(self, script, nginx):
        await self.connect(nginx.port)
        self.received = self.seen = 0
        self.come = []
        # The methods of the requests, as far as the client knows.
        self.methods = []
        self.finals = 0
        body = 0
        pending = bytearray()
        for atom in script["atoms"]:
            if isinstance(atom, int):
                pending += self.material[body : body + atom]
                body += atom
                continue
            if head := HEAD.match(atom.replace("⏸", "")):
                self.methods.append(head[1])
                body = 0
            parts = [atom] if atom in ("?", "!") else re.split("(⏸)", atom)
            for part in parts:
                if part not in WAITS:
                    pending += part.replace("{number}", f"{self.number:09}").encode("latin-1")
                    continue
                if pending:
                    await self.send(pending)
                    pending = bytearray()
                await self.pause(part)
        if script["end"] == "probe":
            self.methods.append("GET")
            pending += PROBE
        if pending:
            await self.send(pending)
        await self.finish(script["end"])

    async def pause(self, how):
        if how == "⏸":
            await asyncio.sleep(self.pace.pause)
            return
        if how == "?":
            await self.wait(lambda: self.finals >= len(self.methods))
        else:
            await self.wait(lambda: self.received > self.seen)
            self.seen = self.received
        await asyncio.sleep(self.pace.breath)

    def look(self):
        self.received += 1
        while answer := self.take():
            self.come.append(answer)

    def take(self):
        """The next answer, if all of it has come and it tells how long it is."""
        end = self.unread.find(b"\r\n\r\n")
        if end < 0 or not self.unread.startswith(b"HTTP/1.1 "):
            return None
        header = self.unread[: end + 4].decode("latin-1")
        status = int(header[9:12])
        length = 0
        if status >= 200:
            method = self.methods[self.finals] if self.finals < len(self.methods) else "POST"
            declared = re.search(r"\nContent-Length: (\d+)", header)
            if method == "HEAD" or status in (204, 304):
                length = 0
            elif declared:
                length = int(declared[1])
            else:
                return None  # It ends with the connection: see answers.
        if len(self.unread) < end + 4 + length:
            return None
        body = bytes(self.unread[end + 4 : end + 4 + length])
        del self.unread[: end + 4 + length]
        if status >= 200:
            self.finals += 1
        return Answer(status, undated(header), body)

    def answers(self):
        rest = undated(self.unread.decode("latin-1"))
        return self.come + ([Answer(0, rest, b"")] if rest else [])


def undated(header):
    return re.sub(r"\r\nDate: [^\r]*", "", header)


class Http2(Client):
    async def play(self, script, nginx):
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.streams, self.bodies = {}, {}
        self.goaway = None
        self.block, self.block_flags = b"", 0
        # Over TLS the server may speak first.
        await self.connect(nginx.h2_port)
        pending = PREFACE
        for atom in [*script["atoms"], *(["?", "probe", "?"] if script["end"] == "probe" else [])]:
            if atom not in WAITS:
                pending += self.frames(atom)
                continue
            await self.send(pending)
            pending = b""
            if atom == "⏸":
                await asyncio.sleep(self.pace.pause)
            else:
                await self.wait(lambda: all(stream["end"] or stream["given up"] for stream in self.streams.values()))
                await asyncio.sleep(self.pace.breath)
        if pending:
            await self.send(pending)
        if script["end"] == "probe":
            if self.end == "open":
                self.end = "open, as the probe has shown"
            return
        await self.finish(script["end"])

    def frames(self, atom):
        if atom == "probe":
            atom = ["headers", 999, [[":method", "GET"], [":path", "/probe"]], True]
        kind, number, *rest = atom
        if kind == "headers":
            self.streams[number] = {"status": 0, "header": "", "body": b"", "end": [], "given up": False}
            self.bodies[number] = 0
            known = {name for name, _ in rest[0]}
            fields = [[":scheme", "http"], [":authority", "localhost"], ["x-script", f"{self.number:09}"]]
            fields = [field for field in fields if field[0] not in known] + rest[0]
            fields.sort(key=lambda field: not field[0].startswith(":"))
            return frame(HEADERS, END_HEADERS | (END_STREAM if rest[1] else 0), number, self.encoder.encode(fields))
        if kind == "data":
            size, end, padding = rest
            start = self.bodies.get(number, 0)
            self.bodies[number] = start + size
            payload, flags = self.material[start : start + size], END_STREAM if end else 0
            if padding is not None:
                payload, flags = bytes([padding]) + payload + bytes(padding), flags | PADDED
            return frame(DATA, flags, number, payload)
        if number in self.streams:
            self.streams[number]["given up"] = True
        return frame(RST_STREAM, 0, number, CANCEL)

    def look(self):
        while len(self.unread) >= 9:
            length, kind, flags = int.from_bytes(self.unread[:3], "big"), self.unread[3], self.unread[4]
            number = int.from_bytes(self.unread[5:9], "big") & 0x7FFFFFFF
            if len(self.unread) < 9 + length:
                return
            payload = bytes(self.unread[9 : 9 + length])
            del self.unread[: 9 + length]
            self.take(kind, flags, number, payload)

    def take(self, kind, flags, number, payload):
        stream = self.streams.get(number)
        if kind in (HEADERS, CONTINUATION):
            self.block += payload
            self.block_flags |= flags
            if not flags & END_HEADERS:
                return
            fields = [(name, value) for name, value in self.decoder.decode(self.block) if name != "date"]
            flags, self.block, self.block_flags = self.block_flags, b"", 0
            stream["status"] = int(dict(fields)[":status"])
            stream["header"] += "\r\n".join(f"{name}: {value}" for name, value in fields)
        elif kind == DATA:
            stream["body"] += payload
        elif kind == RST_STREAM:
            stream["end"].append(f"reset: {int.from_bytes(payload, 'big')}")
            return
        elif kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")
            return
        elif kind == SETTINGS and not flags:
            self.loop.create_task(self.send(frame(SETTINGS, 1, 0, b"")))
            return
        elif kind == PING and not flags:
            self.loop.create_task(self.send(frame(PING, 1, 0, payload)))
            return
        else:
            return
        if flags & END_STREAM:
            stream["end"].append("ended")

    def answers(self):
        answers = [
            Answer(
                stream["status"],
                f"stream {number}\r\n{stream['header']}",
                stream["body"],
                ", ".join(stream["end"]) + (GIVEN_UP if stream["given up"] else ""),
            )
            for number, stream in sorted(self.streams.items())
        ]
        return answers + ([Answer(0, f"GOAWAY {self.goaway}", b"")] if self.goaway is not None else [])
