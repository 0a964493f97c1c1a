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

import wire
from wire import shown, size

TIMEOUT = float(os.environ.get("TEST_PATIENCE", 30))
WHOLE = "whole"
RESET = "reset"
TLS = {"h1s": ["http/1.1"], "h2": ["h2"]}
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


class Stream:
    """A request over HTTP/2 or HTTP/3, and what has come of it."""

    def __init__(self, request, options):
        self.quiet = () if "endings" in options else ("NO_ERROR", "H3_NO_ERROR")
        self.ahead = 2048 if "late-body" in options else None
        self.unsent = request.body
        self.status = None
        self.body = b""
        self.ended = None
        self.stopped = None

    def room(self, room):
        """How much to send now, where there is so much room; of a late body little, and before its answer a beginning."""
        if self.ahead is None:
            return room
        return min(room, 16384 if self.ended else self.ahead)

    def next_piece(self, room):
        piece, rest = self.unsent[:room], self.unsent[room:]
        self.unsent = rest or None
        if self.ahead is not None:
            self.ahead -= min(self.ahead, len(piece))
        return piece

    def is_done(self):
        """Nothing more is to come: there is an answer, and all was sent or the server has said to stop."""
        return self.ended == RESET or (self.ended is not None and self.unsent is None)

    def shown(self):
        if self.ended != WHOLE:
            return RESET
        if self.stopped is None or self.stopped in self.quiet:
            return shown(self.status, self.body)
        return f"{shown(self.status, self.body)} (stopped: {self.stopped})"


def connect(protocol, options):
    port = {"h2c": "H2C_PORT", "h1s": "TLS_PORT", "h2": "TLS_PORT"}.get(protocol, "PORT")
    connection = wire.connect(os.environ[port], TIMEOUT)
    if protocol in TLS:
        version = next((version for name, version in VERSIONS.items() if name in options), None)
        return wire.with_tls(connection, TLS[protocol], version)
    return connection


# --- HTTP/1.x


class Http1:
    def __init__(self, protocol, options):
        self.version = "HTTP/1.0" if protocol == "h1.0" else "HTTP/1.1"
        self.options = options
        self.connection = connect(protocol, options)
        self.answers = wire.Answers(self.connection)

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


def http2(protocol, options, requests):
    import h2.config
    import h2.connection
    import h2.events

    connection = connect(protocol, options)
    h2c = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    h2c.initiate_connection()

    streams = {}
    for request in requests:
        number = h2c.get_next_available_stream_id()
        fields = request.stream_fields("http" if protocol == "h2c" else "https", options)
        h2c.send_headers(number, fields, end_stream=request.body is None)
        streams[number] = Stream(request, options)

    try:
        while not all(stream.is_done() for stream in streams.values()):
            for number, stream in streams.items():
                while stream.unsent is not None:
                    room = stream.room(min(h2c.local_flow_control_window(number), h2c.max_outbound_frame_size))
                    if stream.unsent and not room:
                        break
                    piece = stream.next_piece(room)
                    h2c.send_data(number, piece, end_stream=stream.unsent is None)
                    if stream.ahead is not None and not stream.ended:
                        break
            connection.sendall(h2c.data_to_send())
            if all(stream.is_done() for stream in streams.values()):
                break

            data = connection.recv(65536)
            if not data:
                break
            for event in h2c.receive_data(data):
                stream = streams.get(getattr(event, "stream_id", None))
                if isinstance(event, h2.events.ResponseReceived):
                    stream.status = dict(event.headers)[":status"]
                elif isinstance(event, h2.events.DataReceived):
                    stream.body += event.data
                    h2c.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    stream.ended = WHOLE
                elif isinstance(event, h2.events.StreamReset):
                    stream.ended = stream.ended or RESET
                    stream.unsent = None
                    stream.stopped = getattr(event.error_code, "name", event.error_code)
    except OSError:
        pass
    return [stream.shown() for stream in streams.values()]


# --- HTTP/3


async def http3(options, requests):
    from aioquic.asyncio.client import connect as quic_connect
    from aioquic.asyncio.protocol import QuicConnectionProtocol
    from aioquic.h3.connection import H3_ALPN, ErrorCode, H3Connection
    from aioquic.h3.events import DataReceived, HeadersReceived
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.events import StopSendingReceived, StreamReset

    streams = {}

    class Client(QuicConnectionProtocol):
        def __init__(self, quic, *args, **options):
            super().__init__(quic, *args, **options)
            self.http = H3Connection(quic)
            self.changed = asyncio.Event()

        def quic_event_received(self, event):
            if isinstance(event, StopSendingReceived):
                streams[event.stream_id].unsent = None
                streams[event.stream_id].stopped = ErrorCode(event.error_code).name
            if isinstance(event, StreamReset):
                streams[event.stream_id].ended = RESET
            for answer in self.http.handle_event(event):
                stream = streams[answer.stream_id]
                if isinstance(answer, HeadersReceived):
                    stream.status = dict(answer.headers)[b":status"].decode()
                elif isinstance(answer, DataReceived):
                    stream.body += answer.data
                if answer.stream_ended:
                    stream.ended = WHOLE
            self.changed.set()

    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)
    port = int(os.environ["TLS_PORT"])
    async with quic_connect("127.0.0.1", port, configuration=configuration, create_protocol=Client) as client:
        for request in requests:
            number = client._quic.get_next_available_stream_id()
            fields = [(name.encode(), value.encode()) for name, value in request.stream_fields("https", options)]
            streams[number] = Stream(request, options)
            client.http.send_headers(number, fields, end_stream=request.body is None)
        while not all(stream.is_done() for stream in streams.values()):
            for number, stream in streams.items():
                # A piece at a time: what STOP_SENDING leaves unsent must not be in aioquic's buffer already.
                room = stream.room(65536)
                if stream.unsent is not None and (room or not stream.unsent):
                    piece = stream.next_piece(room)
                    client.http.send_data(number, piece, end_stream=stream.unsent is None)
            client.transmit()
            if all(stream.is_done() for stream in streams.values()):
                break
            client.changed.clear()
            sending = any(stream.unsent is not None for stream in streams.values())
            try:
                await asyncio.wait_for(client.changed.wait(), 0.01 if sending else TIMEOUT)
            except asyncio.TimeoutError:
                if not sending:
                    break
    return [stream.shown() for stream in streams.values()]


def run(line):
    words, *others = line.split("|")
    protocol, *words = words.split()
    options = set()
    while not words[0].isupper():
        options.add(words.pop(0))
    requests = [Request(text) for text in (" ".join(words), *others)]
    if protocol == "h3":
        return asyncio.run(asyncio.wait_for(http3(options, requests), TIMEOUT))
    if protocol.startswith("h2"):
        return http2(protocol, options, requests)
    return Http1(protocol, options).run(requests)


for line in sys.stdin:
    if line.strip():
        print(" | ".join(run(line)), flush=True)
