"""Upstreams that do to connections just what they are told, as to answer and close before they have read the request.

    early.py DIRECTORY PORT TLS_PORT

Listens on these ports of 127.0.0.1 (HTTP, over TLS also HTTP/2), and on sockets in the directory: "http", "http2", "fastcgi",
"uwsgi", "scgi", and "gate", to which an nginx comes that was started with t/controls/gate.c. On the first port there is also a
DNS server: asked for await-NAME.example, it marks asked-NAME, and awaits NAME before it answers. Reads scripts from standard
input, one a line:

    TARGET: STEP; STEP; ...

The script of a connection is the first one left for the target of its first request, without arguments, and "*" for any.
Prints "ready" when it has read a line "start". When its standard input ends, it prints what each connection was asked, in
the order in which they came: the kind of the connection, and the targets.

STEPS
    take SIZE           read so much of the body
    held [NAME]         read on, until nginx is about to write more, and there is nothing left to read; nginx is held until the
                        script ends, or says "go". When nginx will be held this marks NAME
    go                  let nginx write
    answer STATUS [SIZE | TEXT]     send a whole answer, with its length, and a body of so much, or this
    begin STATUS SIZE   send the header of an answer, with its length, and the first half of a body of so much
    finish              send the other half
    send TEXT           send these bytes ("\\r", "\\n" and so on are Python's); "{SIZE}" stands for so much of a body
    frame NUMBER FLAGS STREAM [HEX]     send a frame of HTTP/2
    window SIZE         let nginx send so much of a body over HTTP/2, and not only 64 KiB
    fin                 say that nothing more will be sent
    deaf                read no more: what nginx writes fails (Unix sockets)
    close               close the connection
    reset               close it with a TCP RST
    goodbye             close_notify (TLS)
    rest                read the body, as its length (or the last chunk; FastCGI: an empty record; HTTP/2: END_STREAM) says, to its end
    full SIZE           wait until so much is there to be read
    quiet               close the connection if there is more to be read, which is a target "more", then
    next                read the next request on the connection
    mark NAME, await NAME   as in t/lib/limit_body/script.py
A body of some size is lines of numbers, from 0.
"""

import contextlib
import fcntl
import os
import pathlib
import re
import select
import socket
import ssl
import struct
import sys
import termios
import threading
import time

from limit_body import cgi, frames, marks
from limit_body.words import numbers, size

PATIENCE = float(os.environ.get("TEST_PATIENCE", 20))


class Gate:
    """Where nginx comes before it writes; it goes on when its connection is closed."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        os.chmod(path, 0o666)
        self.lock, self.waiting, self.held = threading.Lock(), None, None
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            with self.lock:
                if self.waiting:
                    self.held, event, self.waiting = connection, self.waiting, None
                    os.write(event, b".")
                    continue
            connection.close()

    def wait(self):
        """A descriptor that can be read from when nginx is held."""
        readable, event = os.pipe()
        with self.lock:
            self.waiting = event
        return readable

    def leave(self):
        """Nobody waits any more."""
        with self.lock:
            self.waiting = None

    def go(self):
        with self.lock:
            if self.held:
                self.held.close()
                self.held = None


class Connection:
    kind = "http"

    def __init__(self, connection, upstream):
        self.connection, self.upstream, self.targets = connection, upstream, []
        self.method, self.unread, self.length, self.taken = "POST", b"", 0, 0
        # The end of the body, where that has no length, and the last bytes that were read.
        self.end_of_body, self.tail = None, b""
        connection.settimeout(PATIENCE)

    def run(self):
        try:
            self.head()
            for name, *words in self.upstream.script(self.targets[0]):
                getattr(self, {"await": "await_mark"}.get(name, name))(*words)
        except (OSError, EOFError):
            pass
        finally:
            self.go()
            with contextlib.suppress(OSError):
                self.connection.close()

    def recv(self):
        piece = self.connection.recv(65536)
        if not piece:
            raise EOFError
        self.tail = (self.tail + piece)[-8:]
        return piece

    def until(self, end):
        while end not in self.unread:
            self.unread += self.recv()
        taken, self.unread = self.unread.split(end, 1)
        return taken

    def exactly(self, length):
        while len(self.unread) < length:
            self.unread += self.recv()
        taken, self.unread = self.unread[:length], self.unread[length:]
        return taken

    def asked(self, method, target, length):
        self.method, self.length, self.taken = method, int(length or 0), len(self.unread)
        self.unread = b""
        self.targets.append(target.split("?")[0])

    def asked_cgi(self, values):
        self.asked(values["REQUEST_METHOD"], values["DOCUMENT_URI"], values["CONTENT_LENGTH"])

    def head(self):
        line, *fields = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        lengths = [field.split(": ")[1] for field in fields if field.lower().startswith("content-length:")]
        if "transfer-encoding: chunked" in map(str.lower, fields):
            self.end_of_body = b"\r\n0\r\n\r\n"
        self.asked(*line.split(" ")[:2], lengths[0] if lengths else 0)

    def take(self, length):
        left = size(length)
        while left > 0:
            left -= self.read()

    def read(self):
        length = len(self.recv())
        self.taken += length
        return length

    def is_whole(self):
        if self.end_of_body:
            return self.tail.endswith(self.end_of_body)
        return self.taken >= self.length

    def rest(self):
        while not self.is_whole():
            self.read()

    def full(self, length):
        until = time.monotonic() + PATIENCE
        while self.waiting(termios.FIONREAD) < size(length):
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(0.001)

    def quiet(self):
        if self.waiting(termios.FIONREAD):
            self.targets.append("more")
            raise EOFError

    def next(self):
        self.head()

    def held(self, name=None):
        gate = self.upstream.gate.wait()
        if name:
            marks.mark(name)
        try:
            self.read_until(gate)
        finally:
            self.upstream.gate.leave()

    def read_until(self, gate):
        while True:
            # What TLS has decrypted already is not with the socket any more.
            pending = getattr(self.connection, "pending", lambda: 0)()
            readable, _, _ = select.select([self.connection, gate], [], [], 0 if pending else PATIENCE)
            if pending or self.connection in readable:
                self.read()
            elif gate in readable:
                return
            else:
                raise TimeoutError

    def go(self):
        self.upstream.gate.go()

    def answer(self, status, text="answered"):
        body = numbers(size(text)) if re.fullmatch(r"\d+[km]?", text) else text.encode() + b"\n"
        self.emit(self.header(status, len(body)) + self.content(b"" if self.method == "HEAD" else body, is_last=True))

    def begin(self, status, length):
        body = numbers(size(length))
        self.left = body[len(body) // 2 :]
        self.emit(self.header(status, len(body)) + self.content(body[: len(body) // 2]))

    def finish(self):
        self.emit(self.content(self.left, is_last=True))

    def header(self, status, length):
        return f"{self.status_line(status)}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n".encode()

    def content(self, data, is_last=False):
        return data

    def status_line(self, status):
        return f"HTTP/1.1 {status} Status"

    def emit(self, data):
        self.connection.sendall(data)

    def send(self, *words):
        text = " ".join(words).encode().decode("unicode_escape").encode("latin-1")
        parts = re.split(rb"\{(\w+)\}", text)
        self.emit(b"".join(numbers(size(part.decode())) if i % 2 else part for i, part in enumerate(parts)))

    def frame(self, kind, flags, stream, payload=""):
        data = bytes.fromhex(payload)
        self.connection.sendall(frames.frame(int(kind), int(flags), int(stream), data))

    def fin(self):
        self.raw().shutdown(socket.SHUT_WR)

    def deaf(self):
        self.raw().shutdown(socket.SHUT_RD)

    def goodbye(self):
        self.connection.settimeout(0)
        with contextlib.suppress(OSError):
            self.connection.unwrap()

    def raw(self):
        return socket.socket(fileno=os.dup(self.connection.fileno()))

    def close(self):
        self.connection.close()

    def waiting(self, direction):
        return struct.unpack("i", fcntl.ioctl(self.connection.fileno(), direction, bytes(4)))[0]

    def sent(self):
        """Waits until nginx's kernel has all that was sent: a reset throws away what has not."""
        until = time.monotonic() + PATIENCE
        while self.waiting(termios.TIOCOUTQ):
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(0.001)

    def reset(self):
        if self.connection.family == socket.AF_INET:
            self.sent()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def mark(self, name):
        marks.mark(name)

    def await_mark(self, name):
        marks.await_mark(name, PATIENCE)


class Http2(Connection):
    """One request at a time, as with gRPC and proxy_http_version 2."""

    kind = "http2"

    def __init__(self, connection, upstream):
        super().__init__(connection, upstream)
        # Here: to load the library takes longer than most scripts.
        import hpack

        self.decoder, self.encoder, self.field = hpack.Decoder(), hpack.Encoder(), hpack.NeverIndexedHeaderTuple
        # Method, target and stream of each request; whether the last one has come to its end.
        self.requests, self.has_end = [], False

    def head(self):
        if not self.targets:
            self.until(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            self.look()
        while len(self.requests) == len(self.targets):
            self.read()
        self.method, target, self.stream = self.requests[-1]
        self.targets.append(target.split("?")[0])

    def read(self):
        before = self.taken
        self.unread += self.recv()
        self.look()
        return self.taken - before

    def look(self):
        """Takes in the frames that are there."""
        while len(self.unread) >= 9 and len(self.unread) >= (end := 9 + int.from_bytes(self.unread[:3], "big")):
            kind, flags, payload = self.unread[3], self.unread[4], self.unread[9:end]
            if kind == frames.HEADERS:
                fields = dict(self.decoder.decode(payload))
                self.requests.append((fields[":method"], fields[":path"], int.from_bytes(self.unread[5:9], "big")))
                self.taken, self.has_end = 0, False
            elif kind == frames.DATA:
                self.taken += len(payload)
            if kind in (frames.HEADERS, frames.DATA) and flags & frames.END_STREAM:
                self.has_end = True
            self.unread = self.unread[end:]

    def take(self, length):
        # Some of it may have come with the header.
        while self.taken < size(length):
            self.read()

    def is_whole(self):
        return self.has_end

    def window(self, length):
        most = size(length).to_bytes(4, "big")
        self.emit(frames.frame(frames.SETTINGS, 0, 0, b"\0\4" + most) + frames.frame(frames.WINDOW_UPDATE, 0, 0, most))

    def header(self, status, length):
        fields = [(":status", status), ("content-type", "text/plain"), ("content-length", str(length))]
        # nginx keeps no table of fields.
        block = self.encoder.encode([self.field(*field) for field in fields])
        return frames.frame(frames.HEADERS, frames.END_HEADERS, self.stream, block)

    def content(self, data, is_last=False):
        pieces = [data[i : i + 16384] for i in range(0, len(data), 16384)] or [b""]
        last = len(pieces) - 1
        return b"".join(
            frames.frame(frames.DATA, frames.END_STREAM if is_last and i == last else 0, self.stream, piece)
            for i, piece in enumerate(pieces)
        )


class FastCgi(Connection):
    kind = "fastcgi"

    def head(self):
        values = b""
        while True:
            header = self.exactly(8)
            length = int.from_bytes(header[4:6], "big")
            content = self.exactly(length + header[6])[:length]
            if header[1] == 4 and not length:
                break
            if header[1] == 4:
                values += content
        # An empty record.
        self.end_of_body = bytes([1, 5, 0, 1, 0, 0, 0, 0])
        self.asked_cgi(cgi.fastcgi(values))

    def status_line(self, status):
        return f"Status: {status} Status"

    def emit(self, data):
        for i in range(0, len(data), 32768):
            piece = data[i : i + 32768]
            super().emit(bytes([1, 6, 0, 1, *len(piece).to_bytes(2, "big"), 0, 0]) + piece)

    def answer(self, *words):
        super().answer(*words)
        self.end()

    def finish(self):
        super().finish()
        self.end()

    def end(self):
        super().emit(bytes([1, 3, 0, 1, 0, 8, 0, 0]) + bytes(8))


class Uwsgi(Connection):
    kind = "uwsgi"

    def head(self):
        self.asked_cgi(cgi.uwsgi(self.exactly(int.from_bytes(self.exactly(4)[1:3], "little"))))


class Scgi(Connection):
    kind = "scgi"

    def head(self):
        self.asked_cgi(cgi.scgi(self.exactly(int(self.until(b":")) + 1)))

    def status_line(self, status):
        return f"Status: {status} Status"


class Upstream:
    def __init__(self, directory, port, tls_port, scripts):
        self.scripts, self.lock, self.connections = scripts, threading.Lock(), []
        self.gate = Gate(f"{directory}/gate")
        certificate = os.environ["TEST_CERTIFICATE"]
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
        self.tls.set_alpn_protocols(["h2"])
        for made in (Connection, Http2, FastCgi, Uwsgi, Scgi):
            path = f"{directory}/{made.kind}"
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            # The worker may be somebody else.
            os.chmod(path, 0o666)
            self.listen(listener, made)
        for number, kind in ((port, "tcp"), (tls_port, "tls")):
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # So that a write of nginx's is not all that there is to write.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            listener.bind(("127.0.0.1", int(number)))
            self.listen(listener, type(kind, (Connection,), {"kind": kind}))

        self.resolver = socket.socket(type=socket.SOCK_DGRAM)
        self.resolver.bind(("127.0.0.1", int(port)))
        threading.Thread(target=self.resolve, daemon=True).start()

    def resolve(self):
        """All names are those of 127.0.0.1."""
        while True:
            query, client = self.resolver.recvfrom(512)
            threading.Thread(target=self.resolved, args=[query, client], daemon=True).start()

    def resolved(self, query, client):
        name = query[13 : 13 + query[12]].decode()
        if name.startswith("await-"):
            name = name.removeprefix("await-")
            marks.mark(f"asked-{name}")
            marks.await_mark(name, PATIENCE)
        flags, counts = b"\x81\x80", bytes([0, 1, 0, 1, 0, 0, 0, 0])
        address = b"\xc0\x0c" + bytes([0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1])
        self.resolver.sendto(query[:2] + flags + counts + query[12:] + address, client)

    def listen(self, listener, made):
        listener.listen()
        threading.Thread(target=self.accept, args=[listener, made], daemon=True).start()

    def accept(self, listener, made):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self.serve, args=[connection, made], daemon=True).start()

    def serve(self, connection, made):
        if made.kind == "tls":
            connection.settimeout(PATIENCE)
            try:
                connection = self.tls.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False)
            except OSError:
                return
            if connection.selected_alpn_protocol() == "h2":
                made = type("tls", (Http2,), {"kind": "tls"})
        served = made(connection, self)
        with self.lock:
            self.connections.append(served)
        served.run()

    def script(self, target):
        with self.lock:
            for i, (wanted, steps) in enumerate(self.scripts):
                if wanted in ("*", target):
                    return self.scripts.pop(i)[1]
        raise EOFError

    def asked(self):
        return [" ".join([connection.kind, *connection.targets]) for connection in self.connections]


def main():
    directory, *ports = sys.argv[1:]
    scripts = []
    while (line := sys.stdin.readline().strip()) != "start":
        if line:
            target, steps = line.split(": ", 1)
            scripts.append((target, [step.split() for step in steps.split("; ")]))
    pathlib.Path(directory).mkdir(exist_ok=True)
    for file in pathlib.Path(directory).iterdir():
        file.unlink()
    upstream = Upstream(directory, *ports, scripts)
    print("ready", flush=True)
    sys.stdin.read()
    for line in upstream.asked():
        print(line, flush=True)
    os._exit(0)


main()
