"""An upstream that takes what it is sent at its word: HTTP/1.x and 2, FastCGI, connections kept, and each byte has to be what was
announced.

A location's X-Do says how it answers: "wait", "early" (before the body has come), "slow" (a while later), "gone" (early, and
closes without reading the body, which resets the connection), and a status; or "drop". More words: "accel=URI" (X-Accel-Redirect), "close",
"big" (an answer that does not fit into buffers).

There is a memcached, too, which has what is asked for as "hit" and nothing else. For "late" it takes a while to find out.
"""

import asyncio
import contextlib
import os
import re
import struct

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from limit_body import cgi

LINE = re.compile(r"([A-Z]+) (\S+) HTTP/1\.([01])")
FIELD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\0\r\n]*")

# How long "slow" and "late" are, and how long innocent requests wait for each other, in seconds.
SLOW, LATE = 0.12, 0.5
TOGETHER = 0.3

# The size of what is big, in bytes.
BIG = 400_000


class Upstream:
    """That of one configuration. What it is sent belongs to requests that are known to it: see expect."""

    def __init__(self, path):
        self.path = str(path)
        self.violations = []
        self.connections = set()
        # Of each request that a client sends: what its body is, and whether that is sent to its end.
        self.known = {}
        # What came, by the number of the play.
        self.seen = {}
        # Innocent requests are answered when so many are there.
        self.innocents, self.together = [], 0

    async def start(self):
        self.servers = []
        kinds = {"": Connection, "-http2": Http2, "-fastcgi": FastCgi, "-memcached": Memcached}
        for path, made in [(self.path + name, made) for name, made in kinds.items()]:
            self.servers.append(await asyncio.get_running_loop().create_unix_server(lambda made=made: made(self), path))
            os.chmod(path, 0o666)

    def stop(self):
        for server in self.servers:
            server.close()
        for connection in list(self.connections):
            connection.transport.abort()

    def expect(self, number, body, is_whole):
        """A client is about to send a request with this body."""
        self.known[number] = (body, is_whole)

    def violation(self, kind, what):
        self.violations.append((f"upstream: {kind}", what))

    def left(self):
        """What is wrong with connections that are still open when all is quiet."""
        for connection in self.connections:
            if connection.is_within:
                self.violation("kept with a request that is not whole", connection.about())

    def innocent(self, connection):
        self.innocents.append(connection)
        if len(self.innocents) >= self.together:
            self.release()
        else:
            asyncio.get_running_loop().call_later(TOGETHER, self.release)

    def release(self):
        waiting, self.innocents = self.innocents, []
        for connection in waiting:
            connection.respond()


class Connection(asyncio.Protocol):
    def __init__(self, upstream):
        self.upstream = upstream
        self.unread = b""
        self.is_within = self.is_broken = self.is_busy = False
        self.head, self.body, self.number = "", bytearray(), ""
        self.before = []

    def connection_made(self, transport):
        self.transport = transport
        self.upstream.connections.add(self)

    def about(self):
        return f"{self.head!r}, {len(self.body)} bytes of body: {bytes(self.body[:120])!r}; before: {self.before[-2:]}"

    def broken(self, kind, what=""):
        self.is_broken = True
        self.upstream.violation(kind, f"{what} {self.about()}".strip())
        return False

    def data_received(self, data):
        self.unread += data
        while self.unread and not self.is_broken:
            taken = self.take_body() if self.is_within else self.take_head()
            if not taken:
                break

    def take_head(self):
        if b"\r\n\r\n" not in self.unread:
            line = self.unread.split(b"\r\n")[0].decode("latin-1")
            if not re.match(r"[A-Z]+( |$)", line) or len(self.unread) > 30000:
                self.broken("bytes that are no request", repr(self.unread[:200]))
            return False
        head, self.unread = self.unread.split(b"\r\n\r\n", 1)
        if self.head:
            self.before.append(self.head.split("\r\n")[0])
        self.head, self.body = head.decode("latin-1"), bytearray()
        line, *fields = self.head.split("\r\n")
        match = LINE.fullmatch(line)
        if not match or not all(FIELD.fullmatch(field) for field in fields):
            return self.broken("bytes that are no request")
        values = {}
        for field in fields:
            name, value = field.split(":", 1)
            values.setdefault(name.lower(), []).append(value.strip())
        lengths, codings = values.get("content-length", []), values.get("transfer-encoding", [])
        if len(lengths) + len(codings) > 1 or not all(re.fullmatch(r"\d{1,18}", length) for length in lengths):
            return self.broken("a body without one length")
        if codings not in ([], ["chunked"]) or (codings and match[3] == "0"):
            return self.broken("an unknown coding")
        self.is_10 = match[3] == "0"
        self.length = int(lengths[0]) if lengths else 0
        self.is_chunked, self.rest = bool(codings), self.length
        if not self.begin(match[1], match[2], {name: value for name, [value, *_] in values.items()}):
            return False
        if not self.react():
            return False
        if not self.is_chunked and not self.rest:
            self.end()
        return True

    def begin(self, method, target, fields):
        """A request has come; whether it is one of a client's."""
        self.method = method
        self.do = fields.get("x-do", "wait 200").split()
        self.number = fields.get("x-id", "")
        known = self.upstream.known.get(self.number)
        if known is None or "smuggled" in target:
            return self.broken("a request that no client has sent")
        self.sent, self.is_whole_there = known
        self.is_within, self.is_answered = True, False
        self.upstream.seen.setdefault(self.number, []).append(self)
        if self.length > len(self.sent):
            return self.broken("a length that the client has not declared")
        return True

    def react(self):
        """The header of a request is there, and its body may not be; whether more of it is to be read."""
        if self.do[0] == "gone":
            return self.leave()
        if self.do[0] == "early":
            self.respond()
        return True

    def leave(self):
        """Answers, and reads nothing more."""
        self.respond()
        self.is_within, self.unread = False, b""
        self.transport.abort()
        return False

    def take_body(self):
        if self.is_chunked and self.rest == 0:
            if b"\r\n" not in self.unread:
                return False
            line, rest = self.unread.split(b"\r\n", 1)
            if line:
                if not re.fullmatch(rb"[0-9a-fA-F]{1,16}", line):
                    return self.broken("a chunk that is none", repr(self.unread[:100]))
                self.rest = int(line, 16)
                if self.rest == 0:
                    if len(rest) < 2:
                        return False
                    if rest[:2] != b"\r\n":
                        return self.broken("a chunk that is none", repr(self.unread[:100]))
                    self.unread = rest[2:]
                    self.end()
                    return True
            self.unread = rest
            return True
        piece, self.unread = self.unread[: self.rest], self.unread[self.rest :]
        self.rest -= len(piece)
        if not self.add(piece):
            return False
        if self.rest == 0 and not self.is_chunked:
            self.end()
        return True

    def add(self, piece):
        """A piece of a body has come; whether it is what the client has sent."""
        self.body += piece
        if bytes(piece) != self.sent[len(self.body) - len(piece) : len(self.body)]:
            return self.broken("a body that the client has not sent")
        return True

    def end(self):
        """All of a request is there."""
        self.is_within = False
        if self.is_whole_there and self.body and len(self.body) < len(self.sent):
            return self.broken("a part of a body, as a whole", f"{len(self.sent)} bytes were sent:")
        if self.is_answered:
            return
        if self.number.startswith("innocent"):
            self.upstream.innocent(self)
        elif self.do[0] == "slow":
            asyncio.get_running_loop().call_later(SLOW, self.respond)
        elif self.do[0] == "drop":
            self.transport.close()
        else:
            self.respond()

    def respond(self):
        self.is_answered = True
        if self.transport.is_closing():
            return
        status = int(self.do[1]) if len(self.do) > 1 else 200
        body = b"" if status in (204, 304) else f"upstream {self.number} {status}\n".encode()
        if body and "big" in self.do:
            body = body.ljust(BIG, b".")
        fields = {"content-type": "text/html", "x-for": self.number}
        if status != 204:
            fields["content-length"] = str(len(body))
        fields |= {"x-accel-redirect": word[6:] for word in self.do if word.startswith("accel=")}
        self.answer(status, fields, b"" if self.method == "HEAD" else body)

    def answer(self, status, fields, body):
        closes = self.is_10 or "close" in self.do or self.do[0] == "gone"
        if closes:
            fields["connection"] = "close"
        head = f"HTTP/1.1 {status} Status\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
        self.transport.write(head.encode() + body)
        if closes and not self.is_within:
            self.transport.close()

    def connection_lost(self, error):
        self.upstream.connections.discard(self)
        # Who has answered early need not be sent what is left.
        is_owed = self.is_within and not self.is_answered and not self.is_chunked and self.is_whole_there
        if is_owed and not self.is_broken and not self.body:
            self.upstream.violation("a promise that is not kept", self.about())
        elif self.unread and not self.is_within and not self.is_broken:
            self.upstream.violation("bytes that are no request", f"{self.unread[:200]!r} {self.about()}")


class Http2(Connection):
    """The same over HTTP/2, one request at a time, as nginx has it. Who leaves resets the stream (RFC 9113, section 8.1)."""

    is_chunked = True
    is_10 = False

    def connection_made(self, transport):
        super().connection_made(transport)
        self.http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
        self.http2.initiate_connection()
        self.flush()

    def flush(self):
        self.transport.write(self.http2.data_to_send())

    def data_received(self, data):
        try:
            events = self.http2.receive_data(data)
        except h2.exceptions.InvalidBodyLengthError as error:
            return self.broken("a promise that is not kept", str(error))
        except h2.exceptions.ProtocolError as error:
            return self.broken("bytes that are no request", f"{error!r} {data[:100]!r}")
        for event in events:
            if not self.is_broken and not self.transport.is_closing():
                self.happened(event)
        if not self.transport.is_closing():
            self.flush()

    def happened(self, event):
        if isinstance(event, h2.events.RequestReceived):
            if self.is_within:
                return self.broken("two requests at once")
            self.came(dict(event.headers), event.stream_id)
        elif isinstance(event, h2.events.DataReceived):
            self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if self.is_within and event.stream_id == self.stream:
                self.add(event.data)
        elif isinstance(event, h2.events.StreamEnded) and event.stream_id == self.stream:
            self.end()
        elif isinstance(event, h2.events.StreamReset) and event.stream_id == self.stream:
            self.is_within = False

    def came(self, fields, stream):
        if self.head:
            self.before.append(self.head)
        self.head, self.body, self.stream = str(fields), bytearray(), stream
        self.length = int(fields.get("content-length", 0))
        if not self.begin(fields[":method"], fields[":path"], fields):
            return
        self.react()

    def leave(self):
        self.respond()
        self.is_within = False
        with contextlib.suppress(h2.exceptions.StreamClosedError):
            self.http2.reset_stream(self.stream, h2.errors.ErrorCodes.NO_ERROR)
        self.flush()
        self.transport.close()

    def answer(self, status, fields, body):
        try:
            self.http2.send_headers(self.stream, [(":status", str(status)), *fields.items()], end_stream=not body)
            if body:
                self.http2.send_data(self.stream, body, end_stream=True)
        except h2.exceptions.ProtocolError:
            # nginx has reset the stream meanwhile.
            return
        self.flush()
        if "close" in self.do and not self.is_within:
            self.transport.close()


class FastCgi(Connection):
    """The same over FastCGI: CONTENT_LENGTH has to be the length of what comes, an application reads no further."""

    HEADER = struct.Struct(">BBHHBx")
    BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6

    is_10 = is_chunked = False

    def __init__(self, upstream):
        super().__init__(upstream)
        self.params = b""

    def data_received(self, data):
        self.unread += data
        while len(self.unread) >= self.HEADER.size and not self.is_broken and not self.transport.is_closing():
            version, kind, _, length, padding = self.HEADER.unpack_from(self.unread)
            if version != 1:
                return self.broken("bytes that are no request", repr(self.unread[:200]))
            whole = self.HEADER.size + length + padding
            if len(self.unread) < whole:
                return
            content, self.unread = self.unread[self.HEADER.size : self.HEADER.size + length], self.unread[whole:]
            self.take(kind, content)

    def take(self, kind, content):
        if kind == self.BEGIN:
            if self.is_within:
                return self.broken("two requests at once")
            if self.head:
                self.before.append(self.head)
            self.params, self.body, self.is_kept = b"", bytearray(), bool(content[2] & 1)
        elif kind == self.PARAMS and content:
            self.params += content
        elif kind == self.PARAMS:
            self.came(cgi.fastcgi(self.params))
        elif kind == self.STDIN and content:
            self.add(content)
        elif kind == self.STDIN and self.is_within:
            if self.length is not None and self.length != len(self.body):
                self.broken("a promise that is not kept", f"{len(self.body)} of {self.length} bytes")
            self.end()

    def came(self, values):
        self.head = str(values)
        declared = values.get("CONTENT_LENGTH", "")
        # Of a body that is passed on as it comes nobody knows the length.
        self.length = int(declared or 0)
        fields = {name[5:].lower().replace("_", "-"): value for name, value in values.items() if name.startswith("HTTP_")}
        if not self.begin(values["REQUEST_METHOD"], values["REQUEST_URI"], fields):
            return
        self.length = int(declared) if declared else None
        self.react()

    def answer(self, status, fields, body):
        head = f"Status: {status}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
        data = head.encode() + body
        for start in range(0, len(data), 65535):
            self.record(self.STDOUT, data[start : start + 65535])
        self.record(self.STDOUT, b"")
        self.record(self.END, bytes(8))
        if (not self.is_kept or "close" in self.do) and not self.is_within:
            self.transport.close()

    def record(self, kind, content):
        self.transport.write(self.HEADER.pack(1, kind, 1, len(content), 0) + content)

    def connection_lost(self, error):
        self.upstream.connections.discard(self)


class Memcached(asyncio.Protocol):
    """One command at a time, and nothing but "get"."""

    def __init__(self, upstream):
        self.upstream, self.unread = upstream, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.unread += data
        while b"\r\n" in self.unread:
            line, self.unread = self.unread.split(b"\r\n", 1)
            if line not in (b"get hit", b"get miss", b"get late"):
                self.upstream.violation("bytes that are no request", repr(line[:200]))
                return self.transport.abort()
            answer = (b"VALUE hit 0 4\r\nkept\r\n" if line == b"get hit" else b"") + b"END\r\n"
            if line == b"get late":
                asyncio.get_running_loop().call_later(LATE, self.transport.write, answer)
            else:
                self.transport.write(answer)
