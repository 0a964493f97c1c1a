"""Scripts over HTTP/3; see script.py."""

import asyncio
import functools
import os
import ssl
import time

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.buffer import Buffer
from aioquic.h3.connection import H3_ALPN, ErrorCode, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StopSendingReceived, StreamReset
from script import TIMEOUT, Stream, Streams
from wire import size


class Client(QuicConnectionProtocol):
    def __init__(self, *args, script=None, **options):
        super().__init__(*args, **options)
        self.script = script
        self.http = H3Connection(self._quic)
        self.changed = asyncio.Event()

    def quic_event_received(self, event):
        find = {stream.number: stream for stream in self.script.streams}.get
        if isinstance(event, ConnectionTerminated):
            self.script.closed = True
        elif isinstance(event, (StopSendingReceived, StreamReset)):
            if stream := find(event.stream_id):
                stream.stopped = ErrorCode(event.error_code).name
        for answer in self.http.handle_event(event):
            if not (stream := find(answer.stream_id)):
                continue
            if isinstance(answer, HeadersReceived):
                stream.status = dict(answer.headers)[b":status"].decode()
            elif isinstance(answer, DataReceived):
                stream.body += answer.data
            stream.ended = stream.ended or answer.stream_ended
        self.changed.set()


class Http3(Streams):
    closed = False

    @functools.cached_property
    def loop(self):
        return asyncio.new_event_loop()

    @functools.cached_property
    def client(self):
        """Made when it is needed."""
        configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)
        create = functools.partial(Client, script=self)
        self.connection = connect("127.0.0.1", int(os.environ["TLS_PORT"]), configuration=configuration, create_protocol=create)
        return self.loop.run_until_complete(self.connection.__aenter__())

    def look(self, timeout=0):
        """Takes in what has come, or comes in time."""

        async def change():
            self.client.changed.clear()
            self.client.transmit()
            try:
                await asyncio.wait_for(self.client.changed.wait(), timeout)
            except asyncio.TimeoutError:
                pass

        self.loop.run_until_complete(change())

    def pause(self, seconds):
        self.loop.run_until_complete(asyncio.sleep(float(seconds)))

    def wait(self, condition):
        until = time.monotonic() + TIMEOUT
        while not condition() and not self.closed and time.monotonic() < until:
            self.look(0.01)

    def head(self, method, target, *words):
        fields, has_body = self.fields(method, target, words)
        self.current = Stream(self.client._quic.get_next_available_stream_id())
        self.streams.append(self.current)
        fields = [(name.lower().encode(), value.encode()) for name, value in fields]
        self.client.http.send_headers(self.current.number, fields, end_stream=not has_body)
        self.look()

    def unacknowledged(self):
        sender = self.client._quic._streams[self.current.number].sender
        return sender._buffer_stop - sender._buffer_start

    def send_data(self, data):
        for start in range(0, len(data), 65536):
            self.client.http.send_data(self.current.number, data[start : start + 65536], end_stream=False)
            self.wait(lambda: self.current.stopped or self.unacknowledged() == 0)
            if self.current.stopped or self.closed:
                return

    def finish(self):
        self.client.http.send_data(self.current.number, b"", end_stream=True)
        self.look(0.01)

    def trailers(self):
        self.client.http.send_headers(self.current.number, [(b"x-trailer", b"yes")], end_stream=True)
        self.look(0.01)

    def flood(self, frames):
        for _ in range(size(frames) // 32768):
            if not self.current.stopped and not self.closed:
                self.client._quic.send_stream_data(self.current.number, b"\0\0" * 32768)
                self.wait(lambda: self.current.stopped or self.unacknowledged() == 0)

    def frame(self, kind, length="0"):
        buffer = Buffer(capacity=16)
        buffer.push_uint_var(int(kind))
        buffer.push_uint_var(size(length))
        self.client._quic.send_stream_data(self.current.number, buffer.data + bytes(size(length)))
        self.wait(lambda: self.current.stopped or self.unacknowledged() == 0)

    def reset(self):
        self.client._quic.reset_stream(self.current.number, ErrorCode.H3_REQUEST_CANCELLED)
        self.look(0.01)

    def close(self):
        self.client.close()
        self.loop.run_until_complete(self.client.wait_closed())
