"""A client over HTTP/2 that does no more than it is told."""

import select
import time

import h2.config
import h2.connection
import h2.events
import h2.settings
from limit_body import connection
from limit_body.stream import Stream

INITIAL_WINDOW_SIZE = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE


class Protocol(h2.connection.H2Connection):
    """HTTP/2 apart from a connection: what comes is taken, what is to be sent is in data_to_send()."""

    def __init__(self, acknowledges=False):
        """What has come of answers is acknowledged, or else the server can send no more than the first window."""
        super().__init__(h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False))
        self.acknowledges = acknowledges
        # By number.
        self.requests = {}
        self.initiate_connection()

    def request(self, fields, is_end=False):
        number = self.get_next_available_stream_id()
        self.send_headers(number, fields, end_stream=is_end)
        return self.requests.setdefault(number, Stream(number))

    def take(self, data):
        """Notes what has come of the answers; returns all that has come."""
        events = self.receive_data(data)
        for event in events:
            stream = self.requests.get(getattr(event, "stream_id", None))
            if stream is None:
                continue
            if isinstance(event, h2.events.ResponseReceived):
                stream.fields = dict(event.headers)
                stream.status = stream.fields[":status"]
            elif isinstance(event, h2.events.DataReceived):
                stream.body += event.data
                if self.acknowledges:
                    self.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                stream.ended = True
            elif isinstance(event, h2.events.StreamReset):
                stream.stopped = getattr(event.error_code, "name", event.error_code)
                stream.is_reset = not stream.ended
        return events

    def _receive_goaway_frame(self, frame):
        received = super()._receive_goaway_frame(frame)
        # Streams go on after GOAWAY (RFC 9113, section 6.8); the library thinks otherwise.
        if not frame.error_code:
            self.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
        return received

    def room(self, stream):
        """How much of a body may be sent at once now."""
        return min(self.local_flow_control_window(stream.number), self.max_outbound_frame_size)


class Client:
    """A connection, over TLS or in cleartext."""

    def __init__(self, port, timeout, tls=True, version=None, acknowledges=False):
        self.connection = connection.connect(port, timeout, ["h2"] if tls else (), version)
        self.http = Protocol(acknowledges)
        self.timeout, self.closed = timeout, False

    def flush(self):
        self.connection.sendall(self.http.data_to_send())

    def receive(self):
        """Waits for something to come, and takes it in. EOFError stands for the end of the connection."""
        data = self.connection.recv(65536)
        if not data:
            raise EOFError("closed")
        return self.http.take(data)

    def look(self, timeout=0):
        """Takes in what has come, or comes in time; whether anything did."""
        has_unread = getattr(self.connection, "pending", lambda: 0)()
        if self.closed or not (has_unread or select.select([self.connection], [], [], timeout)[0]):
            return False
        try:
            self.receive()
        except (OSError, EOFError):
            self.closed = True
            return True
        self.flush()
        return True

    def wait(self, condition):
        until = time.monotonic() + self.timeout
        while not condition() and not self.closed and time.monotonic() < until:
            self.look(until - time.monotonic())

    def close(self):
        self.connection.close()
