"""The clients of a soak test: they know what each request should come to, and keep account of what it came to.

A request that was sent on a connection which nginx has closed in the meantime is sent again, as any HTTP client does
(RFC 9112, section 9.3.1; RFC 9113, section 8.7): such a race is counted. It is one only if the connection had served a
request before, or nginx has said that it did not take the request, and nothing of an answer came.
"""

import asyncio
import collections
import contextlib
import random
import re
import socket
import struct
import threading
import time

import h2.errors
import h2.events
import h2.exceptions
from limit_body import connection, http1, http2, http3

LIMIT = 10_000
# How many requests there may be at a time on an HTTP/2 connection.
STREAMS = 11
PATIENCE = 60
# For an answer over HTTP/3, which may never come.
SOON = 10
# How soon nginx has logged what it has answered, in seconds; over HTTP/3, where another worker may get to know that the client
# has closed, it waits for as long as it does for a client that is silent.
LOGGED, LOGGED_HTTP3 = 1, 12

# What the requests of a kind come to: the path, the status of the answer, and the verdict.
PASSED, REFUSED, REFUSED_IN_MIDSTREAM, TIMED_OUT = "passed", "header", "body", "timed out"
Kind = collections.namedtuple("Kind", "path status verdict")
ACCEPTED = Kind("/up", 200, PASSED)
STREAMED = Kind("/streamed", 200, PASSED)
TOO_LARGE = Kind("/up", 413, REFUSED)
GROWN_TOO_LARGE = Kind("/up", 413, REFUSED_IN_MIDSTREAM)
FORBIDDEN = Kind("/forbidden", 403, PASSED)
# The application answers, and closes, before it has read the body.
EARLY = Kind("/early", 403, PASSED)
SLOW = Kind("/slow", 408, TIMED_OUT)

CHUNKED = "Transfer-Encoding: chunked"

# The same for sessions over raw connections: the port, and what the client reads.
SESSION_ANSWERED = Kind("returning", "busy", "no limit")
SESSION_PASSED = Kind("limited", "200 OK", PASSED)
SESSION_REFUSED = Kind("limited", "too much", "rejected")


class Lost(Exception):
    """A request that should have been answered was not, or not as it should."""


class Account:
    """What all clients have seen."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answered = collections.Counter()
        self.served = collections.Counter()
        self.races = 0
        self.killed = collections.Counter()
        self.resets = 0
        self.lost = []
        # Connections over HTTP/3 that came to nothing when workers came or went; and when workers last did.
        self.stray = 0
        self.changed = 0.0
        # When workers were killed; and what each worker has answered to each client last, with the time by which that is
        # logged: as many requests as there may be at a time.
        self.kills = []
        self.last = collections.defaultdict(lambda: collections.deque(maxlen=STREAMS))

    def add(self, kind, worker, logged=LOGGED):
        with self.lock:
            self.answered[kind] += 1
            self.served[worker] += 1
            self.last[worker, threading.get_ident(), logged].append((time.monotonic() + logged, kind))

    def was_killed(self, began):
        """Whether a worker was killed since then."""
        return any(kill >= began - 0.1 for kill in self.kills)

    def has_changed(self, began):
        """Whether workers have come or gone since then, or just before."""
        return self.changed >= began - 1


class Client(threading.Thread):
    """A client that goes on with one connection after the other."""

    def __init__(self, account, ports, seed, until):
        super().__init__(daemon=True)
        self.account, self.ports, self.until = account, ports, until
        self.random = random.Random(seed)
        self.opened = 0.0

    def run(self):
        while time.monotonic() < self.until() and not self.account.lost:
            kind = self.random.random()
            self.opened = time.monotonic()
            try:
                if "returning" in self.ports and kind < 0.1:
                    Raw(self).run()
                elif "h3" in self.ports and kind < 0.13:
                    Http3(self).run()
                elif kind < 0.85:
                    Http1(self, tls=self.random.random() < 0.15).run()
                else:
                    Http2(self, tls=self.random.random() < 0.5).run()
            except Lost as lost:
                with self.account.lock:
                    self.account.lost.append(str(lost))
            self.opened = float("inf")

    def connect(self, tls):
        port = self.ports["tls" if tls else "plain"]
        return connection.connect(port, PATIENCE, [tls] if tls else ())


class Http1:
    """A connection with some requests, one after the other."""

    def __init__(self, client, tls):
        self.client, self.account, self.random = client, client.account, client.random
        self.tls = "http/1.1" if tls else ""
        self.connection = None

    def run(self):
        try:
            for _ in range(self.random.randrange(1, 30)):
                if not self.request():
                    break
            # Most connections end with something that makes nginx close them.
            if self.random.random() < 0.6:
                self.last_request()
        finally:
            if self.connection:
                self.connection.close()

    def request(self):
        """A request after which the connection goes on, unless nginx says that it does not."""
        choice, length = self.random.random(), self.random.randrange(1, 6000)
        if choice < 0.75:
            return self.ask(ACCEPTED, length, lambda: self.declared(ACCEPTED, length, length))
        if choice < 0.93:
            kind = self.random.choice([ACCEPTED, STREAMED])
            return self.ask(kind, length, lambda: self.head(kind, CHUNKED, self.chunks(length) + b"0\r\n\r\n"))
        if choice < 0.98:
            return self.ask(FORBIDDEN, length, lambda: self.declared(FORBIDDEN, length, length))
        return self.ask(ACCEPTED, 50, self.drip)

    def last_request(self):
        """A request after which nginx closes the connection."""
        length = self.random.randrange(LIMIT + 1, 100_000)
        choice = self.random.random()
        if choice < 0.3:
            self.ask(TOO_LARGE, length, lambda: self.declared(TOO_LARGE, length, length))
        elif choice < 0.35:
            self.ask(EARLY, 10 * length, lambda: self.declared(EARLY, 10 * length, 10 * length))
        elif choice < 0.4:
            self.ask(SLOW, length, lambda: self.declared(SLOW, length, 500), then=lambda: self.send(bytes(length - 500)))
        elif choice < 0.6:
            rest = bytes(length - 500)
            self.ask(TOO_LARGE, length, lambda: self.declared(TOO_LARGE, length, 500), then=lambda: self.send(rest))
        elif choice < 0.8:
            start = self.chunks(500) + b"%x\r\n" % length + bytes(100)
            rest = bytes(length - 100) + b"\r\n0\r\n\r\n"
            send = lambda: self.head(GROWN_TOO_LARGE, CHUNKED, start)  # noqa: E731
            self.ask(GROWN_TOO_LARGE, length, send, then=lambda: self.send(rest))
        else:
            self.ask(TOO_LARGE, length, lambda: self.declared(TOO_LARGE, length, 500), then=self.reset)

    def ask(self, kind, length, send, then=None):
        """Sends a request and reads the answer: whether the connection goes on after it."""
        began = time.monotonic()
        for attempt in range(20):
            is_fresh = self.connection is None
            try:
                if is_fresh:
                    self.connection = self.client.connect(self.tls)
                    self.answers = http1.Answers(self.connection)
                failed = self.attempt(send)
                status, fields, _ = self.answer(failed)
                break
            except (OSError, EOFError) as error:
                unread, self.connection = getattr(self, "answers", None) and self.answers.unread, self.close()
                if self.account.was_killed(began):
                    self.account.killed[kind] += 1
                elif is_fresh or unread or isinstance(error, TimeoutError):
                    raise Lost(f"{kind} of {length} bytes over {self.tls or 'cleartext'}, attempt {attempt}, "
                               f"{'new' if is_fresh else 'kept'} connection: {error!r}") from error
                else:
                    self.account.races += 1
        else:
            raise Lost(f"{kind}: not answered in 20 attempts")
        if status != kind.status:
            raise Lost(f"{kind}: status {status}")
        self.account.add(kind, int(fields["x-process"]))
        closes = fields.get("connection") == "close"
        if then:
            try:
                then()
                self.end()
            except OSError as error:
                # Of what it drains it keeps no account that a client could see; but it must not be in vain.
                if not self.account.was_killed(began) and then != self.reset:
                    raise Lost(f"{kind}: after the answer: {error!r}") from error
            closes = True
        elif closes:
            try:
                self.end()
            except OSError as error:
                if not self.account.was_killed(began):
                    raise Lost(f"{kind}: not closed properly: {error!r}") from error
        if closes:
            self.connection = self.close()
        return not closes

    def attempt(self, send):
        """Sends; an error counts only if no answer comes either."""
        try:
            send()
        except OSError as error:
            return error

    def answer(self, failed):
        try:
            return self.answers.next()
        except (OSError, EOFError) as error:
            raise failed or error from error

    def end(self):
        if self.connection:
            self.answers.rest()

    def close(self):
        if self.connection:
            self.connection.close()

    def send(self, data):
        self.connection.sendall(data)

    def head(self, kind, fields, body):
        self.send(f"POST {kind.path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n\r\n".encode() + body)

    def declared(self, kind, length, sent):
        self.head(kind, f"Content-Length: {length}", bytes(sent))

    @staticmethod
    def chunks(length):
        half = length // 2
        return b"".join(b"%x\r\n%s\r\n" % (size, bytes(size)) for size in (half, length - half) if size)

    def drip(self):
        self.head(ACCEPTED, "Content-Length: 50", b"")
        for _ in range(5):
            self.send(bytes(10))
            time.sleep(0.1)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.connection = None
        self.account.resets += 1


class Raw:
    """A raw connection: one session."""

    def __init__(self, client):
        self.client, self.account, self.random = client, client.account, client.random

    def run(self):
        kind = self.random.choice([SESSION_ANSWERED, SESSION_PASSED, SESSION_REFUSED])
        if kind == SESSION_PASSED:
            data = b"GET / HTTP/1.0\r\n\r\n"
        else:
            data = bytes(self.random.randrange(LIMIT + 1, 300_000))
        began = time.monotonic()
        try:
            suffix, *tls = self.random.choice([("",), ("_tls", "raw")])
            with connection.connect(self.client.ports[kind.path + suffix], PATIENCE, tls) as peer:
                peer.sendall(data)
                answer = b"".join(iter(lambda: peer.recv(65536), b"")).decode()
            if kind.status not in answer:
                # A worker that is killed may end a connection as if nothing had been wrong.
                raise OSError(f"answered {answer!r}")
        except OSError as error:
            if self.account.was_killed(began):
                self.account.killed[kind] += 1
                return
            raise Lost(f"{kind}: {len(data)} bytes: {error!r}") from error
        worker = re.search(r"worker (\d+)", answer)
        self.account.add(kind, int(worker[1]) if worker else 0)


class Http2:
    """A connection with some streams, all at the same time."""

    def __init__(self, client, tls):
        self.client, self.account, self.random = client, client.account, client.random
        self.tls = tls
        self.goaway = None

    def run(self):
        self.began = time.monotonic()
        # By number: what is to come of a stream, how long its body is, and how much of that has been sent.
        waiting, self.streams = [self.kind() for _ in range(self.random.randrange(1, STREAMS + 1))], {}
        self.has_answered = False
        try:
            port = self.client.ports["tls" if self.tls else "h2c"]
            with contextlib.closing(http2.Client(port, PATIENCE, self.tls)) as self.connection:
                self.http = self.connection.http
                self.open(waiting)
                while self.streams:
                    self.receive()
        except (OSError, EOFError, h2.exceptions.ProtocolError) as error:
            if self.account.was_killed(self.began):
                for kind, *_ in self.streams.values():
                    self.account.killed[kind] += 1
                return
            # What nginx has not taken it says; where it has answered nothing yet, it may have closed an idle connection.
            taken = self.goaway if self.goaway is not None else (1 << 31 if self.has_answered else 0)
            lost = [(number, kind) for number, (kind, *_) in self.streams.items() if number <= taken]
            if lost or isinstance(error, TimeoutError):
                raise Lost(f"HTTP/2: {error!r}; not answered, although taken: {lost}, GOAWAY: {self.goaway}") from error
            self.account.races += len(self.streams)

    def kind(self):
        return self.random.choices([ACCEPTED, STREAMED, TOO_LARGE, GROWN_TOO_LARGE, FORBIDDEN], [60, 15, 10, 10, 5])[0]

    def open(self, kinds):
        for kind in kinds:
            is_large = kind.status == 413
            length = self.random.randrange(LIMIT + 1, 14_000) if is_large else self.random.randrange(1, 4000)
            fields = [(":method", "POST"), (":path", kind.path), (":scheme", "http"), (":authority", "localhost")]
            # What is answered in the rewrite phase is judged by its declared length alone.
            if kind != GROWN_TOO_LARGE and self.random.random() < 0.7 or kind in (TOO_LARGE, FORBIDDEN):
                fields.append(("content-length", str(length)))
            number = self.http.request(fields).number
            # A window of 64 KiB is all that there is to begin with: of a large one so much that it is refused.
            sent = {GROWN_TOO_LARGE: LIMIT + 1, TOO_LARGE: 100}.get(kind, length)
            sent = min(sent, self.http.local_flow_control_window(number))
            self.http.send_data(number, bytes(sent), end_stream=not is_large)
            self.streams[number] = (kind, length, sent)
            if self.http.outbound_flow_control_window < 16384:
                break
        self.connection.flush()

    def receive(self):
        for event in self.connection.receive():
            if isinstance(event, h2.events.ConnectionTerminated):
                self.goaway = event.last_stream_id
                for number in [number for number in self.streams if number > self.goaway]:
                    del self.streams[number]
                    self.account.races += 1
                continue
            if getattr(event, "stream_id", None) not in self.streams:
                continue
            kind, length, sent = self.streams[event.stream_id]
            if isinstance(event, h2.events.ResponseReceived):
                self.has_answered = True
                if kind.status == 413 and self.random.random() < 0.3:
                    self.http.reset_stream(event.stream_id, h2.errors.ErrorCodes.CANCEL)
                    self.account.resets += 1
                    self.finish(event.stream_id)
                elif kind.status == 413:
                    room = min(length - sent, self.http.local_flow_control_window(event.stream_id))
                    self.http.send_data(event.stream_id, bytes(max(room, 0)), end_stream=True)
            elif isinstance(event, h2.events.StreamEnded):
                self.finish(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                raise Lost(f"HTTP/2: {kind}: stream reset: {event.error_code}")
        self.connection.flush()

    def finish(self, number):
        kind, length, _ = self.streams.pop(number)
        answer = self.http.requests[number]
        if answer.status != str(kind.status):
            raise Lost(f"HTTP/2: {kind}: status {answer.status}")
        self.account.add(kind, int(answer.fields["x-process"]))


class Http3:
    """A connection with some requests, all at the same time. While old workers live beside new ones, both read from the same
    sockets, and a connection may be lost."""

    def __init__(self, client):
        self.client, self.account, self.random = client, client.account, client.random

    def run(self):
        began = time.monotonic()
        self.waiting = self.random.choices([ACCEPTED, STREAMED, TOO_LARGE, GROWN_TOO_LARGE, FORBIDDEN, EARLY], k=5)
        try:
            asyncio.run(asyncio.wait_for(self.ask(), SOON))
        except (OSError, EOFError, TimeoutError, asyncio.TimeoutError) as error:
            if not self.account.has_changed(began):
                raise Lost(f"HTTP/3: {error!r}; not answered: {self.waiting}") from error
            with self.account.lock:
                self.account.killed.update(self.waiting)
                self.account.stray += 1

    async def ask(self):
        # aioquic leaves a lost connection's error to whoever waits for the connection, which nobody does here.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        async with http3.connect(self.client.ports["h3"]) as self.connection:
            await asyncio.gather(*map(self.request, self.waiting))

    async def request(self, kind):
        is_large = kind.status == 413
        length = self.random.randrange(LIMIT + 1, 100_000) if is_large or kind == EARLY else self.random.randrange(1, 4000)
        fields = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", kind.path)]
        if kind != GROWN_TOO_LARGE:
            fields.append(("content-length", str(length)))
        stream = self.connection.request(fields)
        sent = 100 if kind == TOO_LARGE else length
        self.send(stream, sent, sent == length)
        await self.until(lambda: stream.status)
        if sent < length and self.random.random() < 0.3:
            self.connection.reset(stream)
            self.account.resets += 1
        elif sent < length:
            self.send(stream, length - sent, True)
        await self.until(lambda: stream.ended or stream.is_reset)
        if stream.status != str(kind.status):
            raise Lost(f"HTTP/3: {kind}: status {stream.status}")
        if not stream.ended:
            raise Lost(f"HTTP/3: {kind}: stream reset: {stream.stopped}")
        self.account.add(kind, int(stream.fields["x-process"]), LOGGED_HTTP3)
        self.waiting.remove(kind)

    def send(self, stream, length, is_end):
        self.connection.http.send_data(stream.number, bytes(length), end_stream=is_end)
        self.connection.transmit()

    async def until(self, condition):
        while not condition():
            if self.connection.closed:
                raise EOFError("the connection was closed")
            self.connection.changed.clear()
            await self.connection.changed.wait()
