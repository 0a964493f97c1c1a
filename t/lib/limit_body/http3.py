"""A client over HTTP/3 that does no more than it is told."""

import asyncio
import ssl

from aioquic.asyncio.client import connect as connect_quic
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.buffer import Buffer
from aioquic.h3.connection import H3_ALPN, ErrorCode, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StopSendingReceived, StreamDataReceived, StreamReset
from limit_body.stream import Stream


def connect(port, is_hq=False):
    """A connection, for "async with"; over which HTTP/1.1 is spoken with "is_hq" (nginx: http3_hq)."""
    protocols, made = (["hq-interop"], Hq) if is_hq else (H3_ALPN, Client)
    configuration = QuicConfiguration(is_client=True, alpn_protocols=protocols, verify_mode=ssl.CERT_NONE)
    return connect_quic("127.0.0.1", int(port), configuration=configuration, create_protocol=made)


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.http = H3Connection(self._quic)
        # By number.
        self.requests = {}
        self.changed = asyncio.Event()
        self.closed = False

    def request(self, fields, is_end=False):
        number = self._quic.get_next_available_stream_id()
        stream = self.requests.setdefault(number, Stream(number))
        self.http.send_headers(number, [(name.lower().encode(), value.encode()) for name, value in fields], end_stream=is_end)
        return stream

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.closed = True
        elif isinstance(event, (StopSendingReceived, StreamReset)):
            if stream := self.requests.get(event.stream_id):
                stream.stopped = ErrorCode(event.error_code).name
                stream.is_reset = stream.is_reset or isinstance(event, StreamReset)
        for answer in self.http.handle_event(event):
            if not (stream := self.requests.get(answer.stream_id)):
                continue
            if isinstance(answer, HeadersReceived):
                stream.fields = {name.decode(): value.decode() for name, value in answer.headers}
                stream.status = stream.fields[":status"]
            elif isinstance(answer, DataReceived):
                stream.body += answer.data
            stream.ended = stream.ended or answer.stream_ended
        self.changed.set()

    def unacknowledged(self, stream):
        sender = self._quic._streams[stream.number].sender
        return sender._buffer_stop - sender._buffer_start

    def send_frame(self, stream, kind, payload):
        """A frame of any kind."""
        buffer = Buffer(capacity=16)
        buffer.push_uint_var(kind)
        buffer.push_uint_var(len(payload))
        self._quic.send_stream_data(stream.number, buffer.data + payload)

    def reset(self, stream):
        self._quic.reset_stream(stream.number, ErrorCode.H3_REQUEST_CANCELLED)


class Hq(QuicConnectionProtocol):
    """A client over HTTP/1.1 on the streams of a connection."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.requests, self.changed, self.closed = {}, asyncio.Event(), False

    def request(self, head):
        number = self._quic.get_next_available_stream_id()
        stream = self.requests[number] = Stream(number)
        self.send(stream, head)
        return stream

    def send(self, stream, data, is_end=False):
        self._quic.send_stream_data(stream.number, data, is_end)

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.closed = True
        elif isinstance(event, (StopSendingReceived, StreamReset)):
            self.requests[event.stream_id].stopped = str(event.error_code)
        elif isinstance(event, StreamDataReceived):
            stream = self.requests[event.stream_id]
            stream.body += event.data
            if event.end_stream:
                head, _, stream.body = stream.body.partition(b"\r\n\r\n")
                stream.status, stream.ended = head.split()[1].decode(), True
        self.changed.set()
