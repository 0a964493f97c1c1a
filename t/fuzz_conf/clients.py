"""Clients of a random configuration: their scripts, made at random, and what plays them.

A script is one of fuzz_http/play.py's, also over TLS: its protocol is "h1", "h1s", "h2c", "h2" or "h3". In it {number} stands for
the number of the play, {host} for the server {} block; and ["chunks", SIZE, NUMBER] for so many chunks of a body. Each request says which it is: in its target and in X-Id. Bodies
are made of text that looks like requests, so that one which is taken for a request shows.
"""

import asyncio
import contextlib
import random
import re
import ssl
import typing

from fuzz_http import differences, generate, play
from limit_body import connection as connections
from limit_body import http3

METHODS = ["POST"] * 10 + ["PUT", "PUT", "GET", "GET", "GET", "HEAD", "DELETE", "PATCH", "OPTIONS"]
UNIT = len("GET /smuggled-000000000 HTTP/1.1\r\nHost: x\r\n\r\n")
RANGES = ["bytes=0-5", "bytes=100000-", "bytes=100000-", "bytes=0-1,5-6", "bytes=x"]


def material(number, length=1 << 17):
    unit = f"GET /smuggled-{number:09} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    return unit * (length // len(unit) + 1)


class Habits(typing.NamedTuple):
    """What the clients of a configuration do more often than others."""

    # How often they ask for a range, or say a condition; how the length of a body is declared: with a length, in chunks, or
    # there is none; how often they pause behind a header; how often a body is large.
    ranges: float
    conditions: float
    forms: list
    pauses: float
    large: float
    methods: list

    @classmethod
    def make(cls, rng):
        return cls(
            rng.choice([0, 0.2, 0.7]),
            rng.choice([0, 0.1, 0.4]),
            rng.choice([[45, 40, 15], [90, 5, 5], [5, 90, 5]]),
            rng.choice([0.1, 0.3, 0.8]),
            rng.choice([0, 0.2, 0.6]),
            rng.choice([METHODS, METHODS, ["GET"] * 5 + ["HEAD", "POST"], ["POST"]]),
        )


def scripts(seed, configuration):
    rng = random.Random(f"{seed}-clients")
    habits = Habits.make(rng)
    return [script(rng, configuration, habits) for _ in range(rng.choice([4, 6, 8]))]


def script(rng, configuration, habits):
    protocol = rng.choices(["h1", "h1s", "h2c", "h2", "h3"], [70, 8, 10, 8, 4])[0]
    return (connection if protocol[:2] == "h1" else streams)(rng, configuration, habits, protocol)


def size(rng, limits, habits):
    if rng.random() < habits.large:
        return rng.randrange(60000)
    limit = rng.choice(limits)
    length = rng.choice([limit, limit + 1, limit + 1, limit - 1, 2 * limit, UNIT, UNIT, 3 * UNIT, rng.randrange(2000)])
    return max(0, length)


def fields_of(rng, configuration, habits):
    """What a client may say besides."""
    fields = []
    if rng.random() < habits.ranges:
        fields.append(("Range", rng.choice(RANGES)))
    if rng.random() < habits.conditions:
        fields.append(rng.choice([("If-Match", '"no"'), ("If-None-Match", "*"), ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")]))
    if rng.random() < 0.1:
        fields.append(("X-Kind", "odd"))
    if rng.random() < 0.1:
        fields.append(("X-Length", str(size(rng, configuration.limits, habits))))
    return fields


def pauses(rng):
    """A pause, which now and then is too long for a limit_body_timeout."""
    return ["⏸"] * rng.choice([1, 1, 1, 1, 5, 10])


def connection(rng, configuration, habits, protocol):
    """A script for HTTP/1.x."""
    atoms = []
    cuts = rng.choice([0, 0, 0.2, 0.6])
    end = rng.choice(["probe"] * 12 + ["half-close", "close", "silence", "silence"])
    count = rng.choice([1, 1, 1, 2, 3])
    for i in range(count):
        atoms += request(rng, configuration, habits, i, cuts, i == count - 1)
        if i < count - 1 and rng.random() < 0.5:
            atoms.append("?")
    if end in ("close", "silence") and rng.random() < 0.5 and isinstance(atoms[-1], int):
        atoms[-1] = rng.randrange(atoms[-1] + 1)
    if end == "probe":
        atoms.append("?" if rng.random() < 0.7 else "⏸")
    return {"protocol": protocol, "atoms": atoms, "end": end}


def request(rng, configuration, habits, index, cuts, is_last):
    method = rng.choice(habits.methods)
    target = rng.choice(configuration.targets)
    version = "1.0" if rng.random() < 0.04 else "1.1"
    form = rng.choices(["declared", "chunked", "none"], habits.forms)[0]
    length = size(rng, configuration.limits, habits)
    fields = [f"{name}: {value}" for name, value in fields_of(rng, configuration, habits)]
    if form == "declared":
        fields.append(f"Content-Length: {length}")
    elif form == "chunked":
        fields.append("Transfer-Encoding: chunked")
    if rng.random() < 0.08:
        fields.append("Expect: 100-continue")
    if rng.random() < 0.1:
        fields.append(rng.choice(["Connection: close", "Connection: keep-alive"]))
    rng.shuffle(fields)
    fields = ["Host: {host}", "X-Script: {number}", f"X-Id: {{number}}-{index}", *fields]
    atoms = [f"{method} {target}?id={{number}}-{index} HTTP/{version}\r\n" + "".join(f"{field}\r\n" for field in fields) + "\r\n"]
    if rng.random() < max(cuts, habits.pauses):
        atoms += pauses(rng)
    if form == "declared":
        atoms += generate.pieces(rng, length, cuts)
    elif form == "chunked":
        atoms += chunks(rng, length, cuts, is_last)
    return atoms


def chunks(rng, length, cuts, is_last):
    if is_last and rng.random() < 0.2:
        return generate.chunks(rng, length, cuts)
    atoms = []
    most = rng.choice([1, 20, 5000, 100000])
    if not cuts and length >= most:
        atoms.append(["chunks", most, length // most])
        length %= most
    while length > 0:
        chunk = min(length, most) if len(atoms) < 60 else length
        length -= chunk
        atoms += [f"{chunk:x}\r\n", *generate.pieces(rng, chunk, cuts), "\r\n"]
    return [*atoms, "0\r\n\r\n"]


def is_chunks(atom):
    return isinstance(atom, list) and atom[0] == "chunks"


def streams(rng, configuration, habits, protocol):
    """A script for HTTP/2 or 3: some streams, one after the other or at the same time."""
    queues = []
    for i in range(rng.choice([1, 1, 2, 3])):
        number = 2 * i + 1
        length = min(size(rng, configuration.limits, habits), 30000)
        fields = [[":method", rng.choice(habits.methods)], [":path", f"{rng.choice(configuration.targets)}?id={{number}}-{i}"],
                  [":authority", "{host}"], ["x-id", f"{{number}}-{i}"]]
        fields += [[name.lower(), value] for name, value in fields_of(rng, configuration, habits)]
        form = rng.choices(["declared", "undeclared", "none"], habits.forms)[0]
        length = 0 if form == "none" else length
        if form == "declared":
            fields.append(["content-length", str(length)])
        queue = [["headers", number, fields, length == 0]]
        while length > 0:
            piece = min(length, rng.choice([1, 1000, 16000, 16000]) if len(queue) < 30 else 16000)
            length -= piece
            queue.append(["data", number, piece, length == 0, None])
        if len(queue) > 1 and rng.random() < 0.08:
            queue = [*queue[: rng.randrange(1, len(queue))], ["reset", number]]
        queues.append(queue)
    atoms, cuts = [], rng.choice([0, 0.1, 0.5])
    is_sequential = rng.random() < 0.5
    while queues:
        # The headers of streams have to come in the order of their numbers.
        begun = [queue for queue in queues if queue[0][0] != "headers"]
        ready = begun + queues[len(begun) : len(begun) + 1]
        atoms.append((queues[0] if is_sequential else rng.choice(ready)).pop(0))
        if rng.random() < (0.4 if atoms[-1][0] == "headers" else cuts):
            atoms += pauses(rng)
        queues = [queue for queue in queues if queue]
    return {"protocol": protocol, "atoms": atoms, "end": rng.choice(["probe"] * 8 + ["close"])}


def requests(script):
    """Of each request of a script: its number within, method, body's length, whether it is sent to its end; None if they are
    not what they should be: after a change, to shorten it."""
    found = []
    if script["protocol"][:2] != "h1":
        sizes, ended = {}, set()
        for atom in script["atoms"]:
            if atom in play.WAITS:
                continue
            if atom[0] == "headers":
                fields = dict(atom[2])
                if "x-id" not in fields or ":path" not in fields or ":method" not in fields or ":authority" not in fields:
                    return None
                sizes[atom[1]] = [fields["x-id"], fields[":method"], 0, fields[":path"], fields.get("content-length")]
                if atom[3]:
                    ended.add(atom[1])
            elif atom[1] not in sizes or atom[1] in ended:
                return None
            elif atom[0] == "data":
                sizes[atom[1]][2] += atom[2]
                if atom[3]:
                    ended.add(atom[1])
            else:
                ended.add(atom[1])
        resets = {atom[1] for atom in script["atoms"] if atom[0] == "reset"}
        for number, (name, method, length, path, declared) in sizes.items():
            if number not in resets and declared not in (None, str(length)):
                return None
            is_whole = number in ended and number not in resets and script["end"] != "close"
            found.append((name.removeprefix("{number}-"), method, max(length, int(declared or 0)), is_whole, path))
        return found
    behind = []
    more = 0
    for atom in reversed([atom for atom in script["atoms"] if atom not in play.WAITS]):
        if is_chunks(atom):
            # One is as good as many.
            behind += ["\r\n", atom[1], f"{atom[1]:x}\r\n"]
            more += atom[1] * (atom[2] - 1)
            continue
        text = "" if isinstance(atom, int) else atom.replace("⏸", "")
        head = play.HEAD.match(text)
        if not head:
            behind.append(atom if isinstance(atom, int) else text)
            continue
        name = re.search(r"\r\nX-Id: \{number\}-(\d+)\r\n", text)
        target = re.search(r" (\S+) HTTP", text)
        if not name or "\r\nHost: {host}\r\n" not in text or not text.endswith("\r\n\r\n"):
            return None
        length, more = more + sum(atom for atom in behind if isinstance(atom, int)), 0
        is_last = not found
        is_whole = script["end"] not in ("close",)
        declared = re.search(r"\r\nContent-Length: (\d+)\r\n", text)
        if "\r\nTransfer-Encoding: chunked\r\n" in text:
            if declared:
                return None
            body = b"".join(b"x" * atom if isinstance(atom, int) else atom.encode("latin-1") for atom in reversed(behind))
            whole = differences.chunks(body).is_whole
            if not whole and not is_last:
                return None
            is_whole = is_whole and whole is True
        else:
            if any(isinstance(atom, str) for atom in behind):
                return None
            if length != (int(declared[1]) if declared else 0):
                if not is_last or not declared or length > int(declared[1]):
                    return None
                is_whole = False
            length = int(declared[1]) if declared else 0
        found.append((name[1], head[1], length, is_whole, target[1]))
        behind = []
    return None if behind else found[::-1]


class Secret:
    """What is over TLS."""

    protocols = ("http/1.1",)

    async def connect(self, port):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = connections.context(self.protocols).wrap_bio(self.incoming, self.outgoing)
        self.is_shaken = False
        await super().connect(port)
        self.shake()
        await self.wait(lambda: self.is_shaken)

    def shake(self):
        try:
            self.tls.do_handshake()
            self.is_shaken = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.end = "no TLS"
        self.flush()

    def flush(self):
        try:
            self.socket.send(self.outgoing.read())
        except OSError:
            self.is_sending = False

    def take_in(self, data):
        if data:
            self.incoming.write(data)
            if not self.is_shaken:
                self.shake()
        count = len(self.unread)
        while self.is_shaken:
            try:
                plain = self.tls.read(1 << 16)
            except ssl.SSLError:
                break
            if not plain:
                break
            self.unread += plain
        if len(self.unread) > count:
            self.look()

    async def send(self, data):
        if self.is_sending and self.is_shaken and data:
            try:
                self.tls.write(data)
            except ssl.SSLError:
                self.is_sending = False
                return
            await super().send(self.outgoing.read())


class Http1(play.Http1):
    def __init__(self, number, pace):
        super().__init__(number, pace)
        self.material = material(number)

    def take(self):
        if answer := super().take():
            return answer
        # In chunks, as play.py's upstream never answers.
        end = self.unread.find(b"\r\n\r\n")
        if end < 0 or not self.unread.startswith(b"HTTP/1.1 "):
            return None
        header = self.unread[: end + 4].decode("latin-1")
        if "\r\nTransfer-Encoding: chunked\r\n" not in header:
            return None
        method = self.methods[self.finals] if self.finals < len(self.methods) else "POST"
        body, at = bytearray(), end + 4
        while method != "HEAD":
            line = re.compile(rb"([0-9a-f]+)\r\n").match(self.unread, at)
            if not line or len(self.unread) < line.end() + int(line[1], 16) + 2:
                return None
            size = int(line[1], 16)
            body += self.unread[line.end() : line.end() + size]
            at = line.end() + size + 2
            if not size:
                break
        del self.unread[:at]
        self.finals += 1
        return play.Answer(int(header[9:12]), play.undated(header), bytes(body))


class Http2(play.Http2):
    def __init__(self, number, pace):
        super().__init__(number, pace)
        self.material = material(number)


class SecretHttp1(Secret, Http1):
    pass


class SecretHttp2(Secret, Http2):
    protocols = ("h2",)


class Http3:
    """Plays a script for HTTP/2 over HTTP/3, where there are streams as well."""

    def __init__(self, number, pace):
        self.pace, self.material = pace, material(number)
        # By their numbers in the script.
        self.end, self.streams, self.sent = "open", {}, {}
        self.name = None

    async def play(self, script, ports):
        async with http3.connect(ports.port) as client:
            for atom in [*script["atoms"], *(["?"] if script["end"] == "probe" else [])]:
                if atom == "⏸":
                    await asyncio.sleep(self.pace.pause)
                elif atom == "?":
                    await self.wait(client)
                else:
                    self.frame(client, *atom)
                    client.transmit()
            if self.end == "open" and script["end"] == "close":
                self.end = "closed by the client"

    def frame(self, client, kind, number, *rest):
        if kind == "headers":
            fields = [(":scheme", "https"), *map(tuple, rest[0])]
            fields.sort(key=lambda field: not field[0].startswith(":"))
            self.streams[number], self.sent[number] = client.request(fields, rest[1]), 0
            return
        stream = self.streams[number]
        if client.closed or stream.stopped:
            return
        if kind == "data":
            size, is_end = rest[:2]
            client.http.send_data(stream.number, self.material[self.sent[number] : self.sent[number] + size], end_stream=is_end)
            self.sent[number] += size
        else:
            client.reset(stream)
            stream.stopped = "reset by the client"

    async def wait(self, client):
        async def ends(done):
            while not client.closed and not all(map(done, self.streams.values())):
                client.changed.clear()
                await client.changed.wait()

        await ends(lambda stream: stream.ended or stream.stopped)
        # One whose body the server does not want is answered all the same, unless the server has reset it.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ends(lambda stream: stream.ended), 0.2)

    def close(self):
        """Done with the play."""

    def answers(self):
        return [play.Answer(int(stream.status or 0), f"stream {i}", stream.body) for i, stream in enumerate(self.streams.values())]


KINDS = {"h1": Http1, "h1s": SecretHttp1, "h2c": Http2, "h2": SecretHttp2, "h3": Http3}


def placed(script, number, host):
    """The script with what stands for something in its place."""

    def put(value):
        if isinstance(value, str):
            return value.replace("{number}", f"{number:09}").replace("{host}", host) if "{" in value else value
        return [put(one) for one in value] if isinstance(value, list) else value

    return script | {"atoms": put(spelled_out(script["atoms"], material(number).decode()))}


def spelled_out(atoms, body):
    """Chunks, and what is behind them of the same body, are one text: that takes a client no time."""
    left, offset, is_open = [], 0, False
    for atom in atoms:
        is_part = is_open and atom not in play.WAITS and not (isinstance(atom, str) and play.HEAD.match(atom))
        if is_chunks(atom):
            size, text = atom[1], ""
            pieces = [f"{size:x}\r\n{body[at : at + size]}\r\n" for at in range(offset, offset + size * atom[2], size)]
            offset += size * atom[2]
            text = "".join(pieces)
        elif isinstance(atom, int):
            text = body[offset : offset + atom] if is_part else atom
            offset += atom
        else:
            text = atom
            if isinstance(atom, str) and play.HEAD.match(atom.replace("⏸", "")):
                offset = 0
        if is_part:
            left[-1] += text
        else:
            left.append(text)
        is_open = is_part or is_chunks(atom)
    return left
