"""A client that uploads as most HTTP libraries do: it sends all of the body before it looks for an answer.

Reads connections from standard input, one a line, and prints what came of each:

    PROTOCOL [OPTION ...] REQUEST [| REQUEST ...]
    REQUEST = METHOD TARGET [SIZE] [NAME:VALUE ...]     ("_" in a value stands for a space)

PROTOCOL: h1, h1.0 (cleartext), h1s (TLS), h2 (TLS), h2c (cleartext, prior knowledge), h3 (QUIC).
SIZE: bytes of body, also with k or m behind it; left out: no body.
OPTIONS
    chunked     do not declare the length of bodies
    lying       HTTP/2 and 3: declare a length of 10 for any body
    endings     HTTP/2 and 3: say how the server has stopped a body, also where it did so without an error
    expect      HTTP/1.1: wait for 100 Continue or an answer before sending the body
    pipelined   HTTP/1.1: send all requests before reading the first answer
    late-body   send 2 KiB of the first request, wait for an answer, and send on (on HTTP/1.1, before it is read)
    late-next   HTTP/1.1: the same with the first request and those after it
    tls1.2, tls1.3

On HTTP/1.x the requests of a connection follow each other, on HTTP/2 and 3 they are streams at the same time.

Printed for each request: status and body, on one line; then, on HTTP/1.x, whether the connection stays "open" or has
been "closed" properly, or "not closed" although the answer said that it would be. "reset" stands where the connection (or,
on HTTP/2 and 3, the stream) failed instead. Where the server has sent its answer and then stopped the body (RST_STREAM,
STOP_SENDING) for an error, that follows.

The servers' ports are in the environment: PORT, TLS_PORT and H2C_PORT.
"""

import asyncio
import os
import select
import ssl
import sys

from limit_body import connection, http1
from limit_body.words import shown, size

TIMEOUT = float(os.environ.get("TEST_PATIENCE", 30))
RESET = "reset"
VERSIONS = {"tls1.2": ssl.TLSVersion.TLSv1_2, "tls1.3": ssl.TLSVersion.TLSv1_3}
AHEAD = {"pipelined", "late-body", "late-next"}


class Request:
    def __init__(self, text):
        self.method, self.target, *rest = text.split()
        self.body = None
        if rest and ":" not in rest[0]:
            self.body = bytes(size(rest.pop(0)))
        self.fields = [tuple(field.replace("_", " ").split(":", 1)) for field in rest]

    def stream_fields(self, scheme, options):
        """The fields of a request over HTTP/2 or HTTP/3."""
        fields = [(":method", self.method), (":path", self.target), (":scheme", scheme), (":authority", "localhost")]
        if self.body is not None and "chunked" not in options:
            fields.append(("content-length", "10" if "lying" in options else str(len(self.body))))
        return fields + [(name.lower(), value) for name, value in self.fields]


class Upload:
    """A request over HTTP/2 or HTTP/3, and how far it has come."""

    def __init__(self, stream, request, options):
        self.stream = stream
        self.quiet = () if "endings" in options else ("NO_ERROR", "H3_NO_ERROR")
        self.ahead = 2048 if "late-body" in options else None
        self.unsent = request.body

    def is_wanted(self):
        """Whether there is something to send, and the server has not said to stop."""
        return self.unsent is not None and not self.stream.stopped

    def room(self, room):
        """How much to send now, where there is so much room; of a late body little, and before its answer a beginning."""
        if self.ahead is None:
            return room
        return min(room, 16384 if self.stream.ended else self.ahead)

    def next_piece(self, room):
        piece, rest = self.unsent[:room], self.unsent[room:]
        self.unsent = rest or None
        if self.ahead is not None:
            self.ahead -= min(self.ahead, len(piece))
        return piece

    def is_done(self):
        """Nothing more is to come: there is an answer, and all was sent or the server has said to stop."""
        return self.stream.is_reset or (self.stream.ended and not self.is_wanted())

    def shown(self):
        stream = self.stream
        if stream.is_reset or not stream.ended:
            return RESET
        if stream.stopped is None or stream.stopped in self.quiet:
            return shown(stream.status, stream.body)
        return f"{shown(stream.status, stream.body)} (stopped: {stream.stopped})"


def tls_version(options):
    return next((version for name, version in VERSIONS.items() if name in options), None)


# --- HTTP/1.x


class Http1:
    def __init__(self, protocol, options):
        self.version = "HTTP/1.0" if protocol == "h1.0" else "HTTP/1.1"
        self.options = options
        port, tls = ("TLS_PORT", ["http/1.1"]) if protocol == "h1s" else ("PORT", ())
        self.connection = connection.connect(os.environ[port], TIMEOUT, tls, tls_version(options))
        self.answers = http1.Answers(self.connection)

    def head(self, request):
        fields = [("Host", "localhost"), *request.fields]
        if request.body is not None:
            chunked = "chunked" in self.options
            fields.append(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", len(request.body)))
            if "expect" in self.options:
                fields.append(("Expect", "100-continue"))
        lines = [f"{request.method} {request.target} {self.version}", *(f"{name}: {value}" for name, value in fields)]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def body(self, request):
        if request.body is None:
            return b""
        if "chunked" not in self.options:
            return request.body
        pieces = (request.body[i : i + 65536] for i in range(0, len(request.body), 65536))
        return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"

    def answer(self, request):
        status, fields, body = self.answers.next(request.method)
        self.closing = fields.get("connection") == "close"
        return status, body

    def ending(self):
        """What becomes of the connection after the last answer."""
        if not self.closing:
            return "open"
        try:
            return "closed, with data that belongs to no answer" if self.answers.read() else "closed"
        except TimeoutError:
            return "not closed"
        except OSError:
            return RESET

    def run(self, requests):
        answers = []
        try:
            if self.options.isdisjoint(AHEAD):
                ahead = []
            else:
                ahead = [self.head(request) + self.body(request) for request in requests]
            if "late-body" in self.options:
                ahead[:1] = ahead[0][:2048], ahead[0][2048:]
            for i, piece in enumerate(ahead):
                self.connection.sendall(piece)
                if i == 0 and "pipelined" not in self.options:
                    select.select([self.connection], [], [], TIMEOUT)
            for request in requests:
                if not ahead:
                    self.connection.sendall(self.head(request))
                    if "expect" in self.options and request.body is not None:
                        status, body = self.answer(request)
                        answers.append(shown(status, body))
                        if status != 100:
                            break
                    self.connection.sendall(self.body(request))
                answers.append(shown(*self.answer(request)))
        except EOFError:
            answers.append("closed without an answer")
            return answers
        except OSError:
            answers.append(RESET)
            return answers
        return [*answers, self.ending()]


# --- HTTP/2


def over_http2(protocol, options, requests):
    from limit_body import http2

    tls = protocol == "h2"
    port = os.environ["TLS_PORT" if tls else "H2C_PORT"]
    client = http2.Client(port, TIMEOUT, tls, tls_version(options), acknowledges=True)
    http = client.http
    uploads = []
    for request in requests:
        fields = request.stream_fields("https" if tls else "http", options)
        uploads.append(Upload(http.request(fields, request.body is None), request, options))
    try:
        while not all(upload.is_done() for upload in uploads):
            for upload in uploads:
                while upload.is_wanted():
                    room = upload.room(http.room(upload.stream))
                    if upload.unsent and not room:
                        break
                    piece = upload.next_piece(room)
                    http.send_data(upload.stream.number, piece, end_stream=upload.unsent is None)
                    if upload.ahead is not None and not upload.stream.ended:
                        break
            client.flush()
            if all(upload.is_done() for upload in uploads):
                break
            client.receive()
    except (OSError, EOFError):
        pass
    return [upload.shown() for upload in uploads]


# --- HTTP/3


async def over_http3(options, requests):
    from limit_body import http3

    async with http3.connect(os.environ["TLS_PORT"]) as client:
        uploads = []
        for request in requests:
            stream = client.request(request.stream_fields("https", options), request.body is None)
            uploads.append(Upload(stream, request, options))
        while not all(upload.is_done() for upload in uploads):
            for upload in uploads:
                # A piece at a time: what STOP_SENDING leaves unsent must not be in aioquic's buffer already.
                room = upload.room(65536)
                if upload.is_wanted() and (room or not upload.unsent):
                    piece = upload.next_piece(room)
                    client.http.send_data(upload.stream.number, piece, end_stream=upload.unsent is None)
            client.transmit()
            if all(upload.is_done() for upload in uploads):
                break
            client.changed.clear()
            sending = any(upload.is_wanted() for upload in uploads)
            try:
                await asyncio.wait_for(client.changed.wait(), 0.01 if sending else TIMEOUT)
            except asyncio.TimeoutError:
                if not sending:
                    break
    return [upload.shown() for upload in uploads]


def run(line):
    words, *others = line.split("|")
    protocol, *words = words.split()
    options = set()
    while not words[0].isupper():
        options.add(words.pop(0))
    requests = [Request(text) for text in (" ".join(words), *others)]
    if protocol == "h3":
        return asyncio.run(asyncio.wait_for(over_http3(options, requests), TIMEOUT))
    if protocol.startswith("h2"):
        return over_http2(protocol, options, requests)
    return Http1(protocol, options).run(requests)


for line in sys.stdin:
    if line.strip():
        print(" | ".join(run(line)), flush=True)
