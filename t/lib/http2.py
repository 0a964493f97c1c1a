"""Scripts over HTTP/2; see script.py."""

import functools
import os
import select
import time

import h2.config
import h2.connection
import h2.events
import h2.settings
import wire
from script import TIMEOUT, Stream, Streams
from wire import size


class Http2(Streams):
    closed = False

    @property
    def scheme(self):
        return "https" if self.options[0] == "h2" else "http"

    @functools.cached_property
    def connection(self):
        """Made when it is needed."""
        if self.options[0] == "h2":
            return wire.connect(os.environ["TLS_PORT"], TIMEOUT, ["h2"])
        return wire.connect(os.environ["H2C_PORT"], TIMEOUT)

    @functools.cached_property
    def http(self):
        http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False))
        http.initiate_connection()
        for option in self.options[1:]:
            http.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: size(option.removeprefix("window="))})
        return http

    def flush(self):
        self.connection.sendall(self.http.data_to_send())

    def look(self, timeout=0):
        """Takes in what has come, or comes in time; whether anything did."""
        has_unread = getattr(self.connection, "pending", lambda: 0)()
        if self.closed or not (has_unread or select.select([self.connection], [], [], timeout)[0]):
            return False
        try:
            data = self.connection.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return True
        for event in self.http.receive_data(data):
            stream = next((stream for stream in self.streams if stream.number == getattr(event, "stream_id", None)), None)
            if isinstance(event, h2.events.ResponseReceived):
                stream.status = dict(event.headers)[":status"]
            elif isinstance(event, h2.events.DataReceived):
                stream.body += event.data
            elif isinstance(event, h2.events.StreamEnded):
                stream.ended = True
            elif isinstance(event, h2.events.StreamReset):
                stream.stopped = getattr(event.error_code, "name", event.error_code)
            elif isinstance(event, h2.events.ConnectionTerminated) and not event.error_code:
                # Streams go on after GOAWAY (RFC 9113, section 6.8); the library thinks otherwise.
                self.http.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
        self.flush()
        return True

    def wait(self, condition):
        until = time.monotonic() + TIMEOUT
        while not condition() and not self.closed and time.monotonic() < until:
            self.look(until - time.monotonic())

    def head(self, method, target, *words):
        fields, has_body = self.fields(method, target, words)
        self.wait(lambda: self.http.open_outbound_streams < self.http.remote_settings.max_concurrent_streams)
        self.current = Stream(self.http.get_next_available_stream_id())
        self.streams.append(self.current)
        self.http.send_headers(self.current.number, fields, end_stream=not has_body)
        self.flush()

    def send_data(self, data):
        number = self.current.number
        while data:
            self.wait(lambda: self.current.stopped or self.http.local_flow_control_window(number) > 0)
            if self.current.stopped or self.closed:
                return
            room = min(self.http.local_flow_control_window(number), self.http.max_outbound_frame_size)
            self.http.send_data(number, data[:room])
            data = data[room:]
            self.flush()
            self.look()

    def uploads(self, number, target, length, declared=None):
        streams = []
        for _ in range(int(number)):
            streams.append(Stream(self.http.get_next_available_stream_id()))
            self.http.send_headers(streams[-1].number, self.fields("POST", target, [declared or length])[0])
            body, most = bytes(size(length)), self.http.max_outbound_frame_size
            while len(body) > most:
                self.http.send_data(streams[-1].number, body[:most])
                body = body[most:]
            self.http.send_data(streams[-1].number, body, end_stream=True)
        self.streams += streams
        self.flush()
        self.answered(streams)

    def blind(self, length):
        number, left = self.current.number, size(length)
        while room := min(left, self.http.local_flow_control_window(number), self.http.max_outbound_frame_size):
            self.http.send_data(number, bytes(room))
            left -= room
            self.flush()

    def ignore(self, length):
        frame = b"\0\x40\0\0\0" + self.current.number.to_bytes(4, "big") + bytes(16384)
        for _ in range(size(length) // 16384):
            if not self.closed:
                self.connection.sendall(frame)
                self.look()
        self.seen.append("closed" if self.closed else "open")

    def flood(self, frames):
        frame = b"\0\0\1\0\0" + self.current.number.to_bytes(4, "big") + b"x"
        try:
            for _ in range(size(frames) // 4096):
                self.connection.sendall(frame * 4096)
        except OSError:
            self.closed = True

    def finish(self):
        self.http.end_stream(self.current.number)
        self.flush()

    def trailers(self):
        self.http.send_headers(self.current.number, [("x-trailer", "yes")], end_stream=True)
        self.flush()

    def open(self, length):
        self.http.increment_flow_control_window(size(length), self.current.number)
        self.flush()

    def reset(self):
        self.http.reset_stream(self.current.number)
        self.flush()

    def goaway(self):
        # The library would send nothing more.
        self.connection.sendall(b"\0\0\x08\x07\0\0\0\0\0" + bytes(8))

    def close(self):
        self.connection.close()
