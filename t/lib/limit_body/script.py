"""Scripts: clients that do to connections just what they are told. A script is a line, and a connection of its own:

    PROTOCOL [OPTION ...]: STEP; STEP; ...

PROTOCOL: h1 (cleartext), h1s (TLS), or unix (a socket in the file system); h2 (TLS), h2c (cleartext), h3 (QUIC), hq (HTTP/1.1
over the streams of QUIC); tcp PORT and tls PORT (raw connections), up PORT and ups PORT (an upstream of those, for one connection, and one over TLS). PORT is the
number of one in the test.
STEPS
    head METHOD TARGET [SIZE | chunked] [NAME:VALUE ...]    send the header of a request; the length may stand among the fields
    send SIZE [each SIZE every SECONDS]                     send some of its body, all at once or in pieces
    answer                                                  read an answer
    header                                                  wait for the header of an answer
    end                                                     read on until the server closes the connection
    bytes TEXT                                              send these bytes ("\\r", "\\n" and so on are Python's; TCP)
    read                                                    wait until nginx has read all that was sent (TCP)
    pause SECONDS
    close                                                   close the connection
    reset                                                   close it with a TCP RST; of HTTP/2 and 3, reset the stream
    mark NAME, await NAME                                   wait for another script to come so far
    logged WORD [TIMES]                                     wait until the error log has this word, so often
    signal NAME                                             send nginx a signal
    active NUMBER                                           wait until /status (stub_status) has so many connections
    clock OFFSET                                            set nginx's time of day, as "+2h" does (libfaketime)
    metric NAME VALUE                                       wait until /metrics has it for the one zone there is
    idle SECONDS                                            wait so long, and see whether nginx has been idle for most of it
    freed                                                   wait until the open files of bodies take no space on the disk
HTTP/1.x
    chunk SIZE                                              send a chunk of the body; the one of 0 bytes ends it
    chunks NUMBER SIZE                                      send so many chunks of the body, all at once
    open                                                    see whether the connection is, so far
    gone                                                    read on until the connection is gone, however that comes
    connect                                                 close the connection, and open another one
    shutdown                                                say that nothing more will be sent, and read on
    kill                                                    kill the worker that has answered (its header X-Process)
HTTP/2 and 3: steps are about the stream of the last head
    stream NUMBER                                           go back to another one, the first is 1
    finish                                                  end the body
    drained                                                 wait until the error log says so of its request
    trailers [open]                                         end it with trailers; with "open" its stream does not end (HTTP/3)
    stop                                                    read on until the server stops the body
    open SIZE                                               HTTP/2: let the server send so much more
    flood FRAMES                                            send so many DATA frames of one byte, or of none (HTTP/3)
    uploads NUMBER TARGET SIZE                              HTTP/2: POST so many at once, each with its end on its last frame
    requests NUMBER METHOD TARGET [SIZE]                    make so many at once, send nothing of their bodies, and read the answers
    blind SIZE                                              HTTP/2: send so much, as far as the window allows, and look at nothing
    ignore SIZE                                             HTTP/2: send so much whatever the window, until the server closes
    goaway                                                  HTTP/2: say that there will be no more requests
    frame TYPE [SIZE]                                       HTTP/3: send a frame, empty without SIZE
Raw connections: what is sent is numbers, from 0, one a line; zeros where it is more than a mebibyte
    send SIZE                                               send so much more
    flood SECONDS                                           send for so long, or until that fails
    line                                                    read a line
    take SIZE                                               read so much
    rest                                                    read on until the end, and see how much there was
    shutdown                                                say that nothing more will be sent
    proxied ADDRESS                                         send a PROXY header with this client address
    again                                                   up: take another connection
    header                                                  up: read a PROXY header
SIZE: bytes, also with k, m or g behind it.
OPTIONS
    window=SIZE     HTTP/2: how much the server may send on a stream to begin with; raw connections: how much the client's
                    system takes before it is read

Seen: status and body of each answer; "closed", "reset" or "silent" (for 20 seconds, or TEST_PATIENCE) for each end, or "cut"
for one of raw TLS without close_notify; "unsent" where the connection failed while something was being sent; "stopped: ERROR"
where the server has stopped a body.

The servers' ports are in the environment: PORT, TLS_PORT and H2C_PORT; the paths of the socket and of the error log in
TEST_NGINX_SOCKET and ERROR_LOG, that of the file with nginx's process number in PID_FILE.
"""

import collections
import contextlib
import functools
import os
import pathlib
import re
import signal
import socket
import ssl
import struct
import threading
import time
import urllib.request

from limit_body import connection, frames, http1, marks, proc
from limit_body.waiting import await_condition
from limit_body.words import numbers, shown, size

TIMEOUT = float(os.environ.get("TEST_PATIENCE", 20))

class Script:
    """What scripts for all protocols have in common."""

    def __init__(self, options):
        self.options = options
        self.seen = []

    def run(self, steps):
        try:
            for name, *words in steps:
                getattr(self, STEPS.get(name, name))(*words)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.seen.append("unsent")
        except Exception as error:
            self.seen.append(repr(error))

    def bytes(self, *words):
        self.connection.sendall(" ".join(words).encode().decode("unicode_escape").encode())

    def read(self):
        port = self.connection.getsockname()[1]

        def is_read():
            sockets = proc.tcp_sockets()
            return not any(one.port == port and one.unsent or one.peer == port and one.unread for one in sockets)

        await_condition(is_read, "read", TIMEOUT)

    def pause(self, seconds):
        time.sleep(float(seconds))

    def mark(self, name):
        marks.mark(name)

    def await_mark(self, name):
        marks.await_mark(name, TIMEOUT)

    def logged(self, word, times=1):
        await_condition(lambda: open(os.environ["ERROR_LOG"]).read().count(word) >= int(times), word, TIMEOUT)

    def clock(self, offset):
        # In one step: libfaketime reads it at any time, and ends nginx where it reads half of it.
        file = pathlib.Path(os.environ["FAKETIME_TIMESTAMP_FILE"])
        new = file.with_suffix(".new")
        new.write_text(offset)
        new.replace(file)

    def metric(self, name, value):
        address = f"http://127.0.0.1:{os.environ['PORT']}/metrics"
        wanted = re.compile(rf"^nginx_limit_body_{name}{{zone=\"\w+\"}} {value}$", re.M)
        await_condition(lambda: wanted.search(urllib.request.urlopen(address).read().decode()), f"{name} {value}", TIMEOUT)

    def active(self, number):
        address = f"http://127.0.0.1:{os.environ['PORT']}/status"
        # One more is the connection of this request.
        wanted = f"Active connections: {int(number) + 1} "
        await_condition(lambda: wanted in urllib.request.urlopen(address).read().decode(), f"active {number}", TIMEOUT)

    def idle(self, seconds):
        # nginx is one process.
        process = int(open(os.environ["PID_FILE"]).read())
        before = proc.cpu_seconds([process])
        self.pause(seconds)
        took = proc.cpu_seconds([process]) - before
        self.seen.append("idle" if took < float(seconds) / 4 else f"busy for {took:.2f} s")

    def freed(self):
        # They have no names any more; nginx is one process.
        opened = pathlib.Path("/proc", open(os.environ["PID_FILE"]).read().strip(), "fd")

        def how():
            files = [file for file in opened.iterdir() if "client_body_temp" in os.readlink(file)]
            return "closed" if not files else "" if any(os.stat(file).st_blocks for file in files) else "freed"

        self.seen.append(await_condition(how, "freed", TIMEOUT))

    def signal(self, name):
        os.kill(int(open(os.environ["PID_FILE"]).read()), signal.Signals[f"SIG{name}"])


class Http1(Script):
    @functools.cached_property
    def connection(self):
        """Made when it is needed."""
        if self.options[0] == "unix":
            made = socket.socket(socket.AF_UNIX)
            made.settimeout(TIMEOUT)
            made.connect(os.environ["TEST_NGINX_SOCKET"])
            return made
        if self.options[0] == "h1s":
            return connection.connect(os.environ["TLS_PORT"], TIMEOUT, ["http/1.1"])
        return connection.connect(os.environ["PORT"], TIMEOUT)

    @functools.cached_property
    def answers(self):
        return http1.Answers(self.connection)

    def head(self, method, target, *words):
        fields = ["Host: localhost"]
        for word in words:
            if ":" in word:
                fields.append(word.replace(":", ": ", 1))
            else:
                fields.append("Transfer-Encoding: chunked" if word == "chunked" else f"Content-Length: {size(word)}")
        self.connection.sendall("\r\n".join([f"{method} {target} HTTP/1.1", *fields, "", ""]).encode())

    def send(self, length, *words):
        if words:
            piece, pause = bytes(size(words[1])), float(words[3])
            for _ in range(size(length) // len(piece)):
                self.connection.sendall(piece)
                time.sleep(pause)
            return
        left, piece = size(length), bytes(1 << 20)
        while left > 0:
            self.connection.sendall(piece[:left])
            left -= len(piece)

    def chunk(self, length):
        self.connection.sendall(b"%x\r\n" % size(length))
        self.send(length)
        self.connection.sendall(b"\r\n")

    def chunks(self, number, length):
        self.connection.sendall((b"%x\r\n%s\r\n" % (size(length), bytes(size(length)))) * int(number))

    def header(self):
        try:
            self.answers.await_header()
        except EOFError:
            self.seen.append("no header")

    def answer(self):
        try:
            status, fields, body = self.answers.next()
        except EOFError:
            self.seen.append("no answer")
            return
        self.worker = fields.get("x-process")
        self.seen.append(shown(status, body))

    def end(self):
        try:
            self.answers.rest()
            self.seen.append("closed")
        except TimeoutError:
            self.seen.append("silent")
        except OSError:
            self.seen.append("reset")

    def open(self):
        self.connection.settimeout(0)
        try:
            self.seen.append("closed" if not self.connection.recv(1) else "more")
        except (BlockingIOError, ssl.SSLWantReadError):
            self.seen.append("open")
        finally:
            self.connection.settimeout(TIMEOUT)

    def gone(self):
        try:
            self.answers.rest()
        except OSError:
            pass

    def connect(self):
        self.connection.close()
        del self.connection, self.answers

    def shutdown(self):
        self.connection.shutdown(socket.SHUT_WR)

    def close(self):
        self.connection.close()

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def kill(self):
        try:
            while True:
                os.kill(int(self.worker), signal.SIGKILL)
                time.sleep(0.01)
        except ProcessLookupError:
            pass


class Raw(Script):
    """A raw connection of a client."""

    def __init__(self, options):
        super().__init__(options)
        self.port = os.environ[f"PORT_{options[1]}"]
        self.sent = 0
        self.came = b""

    @functools.cached_property
    def connection(self):
        """Made when it is needed."""
        made = connection.connect(self.port, TIMEOUT)
        if self.options[0] == "tls":
            tls = connection.context(["raw"])
            # As programs have it that are not in Python.
            tls.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
            made = tls.wrap_socket(made, suppress_ragged_eofs=False)
        for option in self.options[2:]:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size(option.removeprefix("window=")))
        return made

    def connect(self):
        """Makes the connection, and waits for nothing."""
        return self.connection

    def send(self, length):
        until = self.sent + size(length)
        # To count so far takes a busy machine too long.
        self.connection.sendall(numbers(until)[self.sent:] if until <= 1 << 20 else bytes(size(length)))
        self.sent = until

    def flood(self, seconds):
        until = time.monotonic() + float(seconds)
        while time.monotonic() < until:
            self.connection.sendall(bytes(1 << 16))

    def line(self):
        while b"\n" not in self.came:
            if not (piece := self.connection.recv(1 << 16)):
                self.seen.append("no line")
                return
            self.came += piece
        line, _, self.came = self.came.partition(b"\n")
        self.seen.append(line.decode("utf-8", "backslashreplace").strip())

    def take(self, length):
        while len(self.came) < size(length):
            if not (piece := self.connection.recv(1 << 16)):
                self.seen.append("too little")
                return
            self.came += piece
        self.came = self.came[size(length):]

    def end(self):
        """Reads on until the end, and shows what came: the text, or how much it was."""
        end = self.read_on()
        if self.came:
            self.seen.append(self.came.decode("utf-8", "backslashreplace").strip().replace("\n", "\\n"))
        self.seen.append(end)

    def rest(self):
        end, kind = self.read_on(), "bytes"
        if self.came == numbers(len(self.came)):
            kind = "numbers"
        self.seen += [f"{len(self.came)} {kind}", end]

    def read_on(self):
        try:
            while piece := self.connection.recv(1 << 20):
                self.came += piece
        except TimeoutError:
            return "silent"
        except OSError as error:
            return "cut" if "EOF" in getattr(error, "reason", "") or isinstance(error, ssl.SSLEOFError) else "reset"
        return "closed"

    def gone(self):
        self.read_on()

    def shutdown(self):
        self.connection.shutdown(socket.SHUT_WR)

    def proxied(self, address):
        self.connection.sendall(f"PROXY TCP4 {address} 127.0.0.1 1000 2000\r\n".encode())

    def close(self):
        self.connection.close()

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class Upstream(Raw):
    """An upstream of raw connections. It listens from the start."""

    def __init__(self, options):
        super().__init__(options)
        self.listener = socket.create_server(("127.0.0.1", int(self.port)))
        self.listener.settimeout(TIMEOUT)

    @functools.cached_property
    def connection(self):
        accepted, _ = self.listener.accept()
        accepted.settimeout(TIMEOUT)
        # What it still held back when it closes would be lost to everybody.
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.options[0] == "ups":
            certificate = os.environ["TEST_NGINX_CERTIFICATE"]
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
            accepted = tls.wrap_socket(accepted, server_side=True)
        self.seen.append("connected")
        return accepted

    def again(self):
        del self.connection
        self.came = b""
        return self.connection

    def header(self):
        """Reads a PROXY header."""
        while not self.came.endswith(b"\r\n"):
            self.came += self.connection.recv(1)
        if not self.came.startswith(b"PROXY "):
            self.seen.append("no header")
        self.came = b""


class Streams(Script):
    """What scripts for HTTP/2 and HTTP/3 have in common: steps that are about a stream."""

    scheme = "https"

    def __init__(self, options):
        super().__init__(options)
        self.streams, self.targets = [], []
        # The one that steps are about; None before the first head.
        self.current = None

    def stream(self, number):
        self.current = self.streams[int(number) - 1]

    def fields(self, method, target, words):
        """The fields of a request, and whether it has a body."""
        self.targets.append(target)
        fields, has_body = [(":method", method), (":path", target), (":scheme", self.scheme), (":authority", "localhost")], False
        for word in words:
            if ":" in word:
                fields.append(tuple(word.split(":", 1)))
                continue
            has_body = True
            if word != "chunked":
                fields.append(("content-length", str(size(word))))
        return fields, has_body

    def send(self, length, *words):
        left = size(length)
        step, pause = (size(words[1]), float(words[3])) if words else (left, 0)
        while left > 0 and not self.current.stopped and not self.closed:
            self.send_data(bytes(min(left, step)))
            left -= step
            if pause:
                time.sleep(pause)
                self.look()

    def requests(self, number, *words):
        streams = []
        for _ in range(int(number)):
            self.head(*words)
            streams.append(self.current)
        self.answered(streams)

    def answered(self, streams):
        """Waits for the answers to all of these, and counts them."""
        self.wait(lambda: all(stream.ended or stream.stopped for stream in streams))
        answers = collections.Counter(stream.status if stream.ended else stream.stopped for stream in streams)
        self.seen += [f"{count} x {answer}" for answer, count in sorted(answers.items(), key=str)]

    def header(self):
        self.wait(lambda: self.current.status)

    def answer(self):
        self.wait(lambda: self.current.ended or self.current.is_reset)
        self.seen.append(shown(self.current.status, self.current.body) if self.current.ended else "no answer")

    def stop(self):
        self.wait(lambda: self.current.stopped)
        self.seen.append(f"stopped: {self.current.stopped}" if self.current.stopped else "closed" if self.closed else "not stopped")

    def drained(self):
        target = self.targets[self.streams.index(self.current)]
        line = re.compile(rf"drained .* request: \"\S+ {re.escape(target)} ")

        def is_told():
            self.look()
            return line.search(open(os.environ["ERROR_LOG"]).read())

        await_condition(is_told, f"drained {target}", TIMEOUT)

    def end(self):
        self.wait(lambda: False)
        self.seen.append("closed" if self.closed else "silent")


class Http2(Streams):
    @property
    def scheme(self):
        return "https" if self.options[0] == "h2" else "http"

    @functools.cached_property
    def client(self):
        """Made when it is needed."""
        # Here, as those of HTTP/3 below: to load the library takes longer than most scripts.
        from limit_body import http2

        is_tls = self.options[0] == "h2"
        client = http2.Client(os.environ["TLS_PORT" if is_tls else "H2C_PORT"], TIMEOUT, is_tls)
        for option in self.options[1:]:
            client.http.update_settings({http2.INITIAL_WINDOW_SIZE: size(option.removeprefix("window="))})
        return client

    @property
    def connection(self):
        return self.client.connection

    @property
    def http(self):
        return self.client.http

    @property
    def closed(self):
        return self.client.closed

    def flush(self):
        self.client.flush()

    def look(self):
        self.client.look()

    def wait(self, condition):
        self.client.wait(condition)

    def head(self, method, target, *words):
        fields, has_body = self.fields(method, target, words)
        self.wait(lambda: self.http.open_outbound_streams < self.http.remote_settings.max_concurrent_streams)
        self.current = self.http.request(fields, not has_body)
        self.streams.append(self.current)
        self.flush()

    def send_data(self, data):
        while data:
            self.wait(lambda: self.current.stopped or self.http.local_flow_control_window(self.current.number) > 0)
            if self.current.stopped or self.closed:
                return
            room = self.http.room(self.current)
            self.http.send_data(self.current.number, data[:room])
            data = data[room:]
            self.flush()
            self.look()

    def uploads(self, number, target, length, declared=None):
        streams = []
        for _ in range(int(number)):
            streams.append(self.http.request(self.fields("POST", target, [declared or length])[0]))
            body, most = bytes(size(length)), self.http.max_outbound_frame_size
            while len(body) > most:
                self.http.send_data(streams[-1].number, body[:most])
                body = body[most:]
            self.http.send_data(streams[-1].number, body, end_stream=True)
        self.streams += streams
        self.flush()
        self.answered(streams)

    def blind(self, length):
        left = size(length)
        while room := min(left, self.http.room(self.current)):
            self.http.send_data(self.current.number, bytes(room))
            left -= room
            self.flush()

    def ignore(self, length):
        frame = frames.frame(frames.DATA, 0, self.current.number, bytes(16384))
        for _ in range(size(length) // 16384):
            if not self.closed:
                self.connection.sendall(frame)
                self.look()
        self.seen.append("closed" if self.closed else "open")

    def flood(self, number):
        frame = frames.frame(frames.DATA, 0, self.current.number, b"x")
        try:
            for _ in range(size(number) // 4096):
                self.connection.sendall(frame * 4096)
        except OSError:
            self.client.closed = True

    def finish(self):
        if not self.current.stopped:
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
        self.connection.sendall(frames.frame(frames.GOAWAY, 0, 0, bytes(8)))

    def close(self):
        self.client.close()


class Http3(Streams):
    @functools.cached_property
    def loop(self):
        import asyncio

        return asyncio.new_event_loop()

    @functools.cached_property
    def client(self):
        """Made when it is needed."""
        from limit_body import http3

        self.connection = http3.connect(os.environ["TLS_PORT"])
        return self.loop.run_until_complete(self.connection.__aenter__())

    @property
    def closed(self):
        return self.client.closed

    def look(self, timeout=0):
        """Takes in what has come, or comes in time."""
        import asyncio

        async def change():
            self.client.changed.clear()
            self.client.transmit()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.client.changed.wait(), timeout)

        self.loop.run_until_complete(change())

    def pause(self, seconds):
        import asyncio

        self.loop.run_until_complete(asyncio.sleep(float(seconds)))

    def wait(self, condition):
        until = time.monotonic() + TIMEOUT
        while not condition() and not self.closed and time.monotonic() < until:
            self.look(0.01)

    def head(self, method, target, *words):
        fields, has_body = self.fields(method, target, words)
        self.current = self.client.request(fields, not has_body)
        self.streams.append(self.current)
        self.look()

    def sent(self):
        """Waits until what was sent is acknowledged, or not wanted."""
        self.wait(lambda: self.current.stopped or self.client.unacknowledged(self.current) == 0)

    def send_data(self, data):
        for start in range(0, len(data), 65536):
            self.client.http.send_data(self.current.number, data[start : start + 65536], end_stream=False)
            self.sent()
            if self.current.stopped or self.closed:
                return

    def finish(self):
        if not self.current.stopped:
            self.client.http.send_data(self.current.number, b"", end_stream=True)
        self.look(0.01)

    def trailers(self, *is_open):
        self.client.http.send_headers(self.current.number, [(b"x-trailer", b"yes")], end_stream=not is_open)
        self.look(0.01)

    def flood(self, number):
        for _ in range(size(number) // 32768):
            if not self.current.stopped and not self.closed:
                self.client._quic.send_stream_data(self.current.number, b"\0\0" * 32768)
                self.sent()

    def frame(self, kind, length="0"):
        self.client.send_frame(self.current, int(kind), bytes(size(length)))
        self.sent()

    def reset(self):
        self.client.reset(self.current)
        self.look(0.01)

    def close(self):
        self.client.close()
        self.loop.run_until_complete(self.client.wait_closed())


class Hq(Http3):
    @functools.cached_property
    def client(self):
        """Made when it is needed."""
        from limit_body import http3

        self.connection = http3.connect(os.environ["TLS_PORT"], is_hq=True)
        return self.loop.run_until_complete(self.connection.__aenter__())

    def head(self, method, target, length="0"):
        self.targets.append(target)
        body = "Transfer-Encoding: chunked" if length == "chunked" else f"Content-Length: {size(length)}"
        self.current = self.client.request(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{body}\r\n\r\n".encode())
        self.streams.append(self.current)
        self.look()

    def send_data(self, data, is_end=False):
        if not self.current.stopped and not self.current.ended:
            self.client.send(self.current, data, is_end)
            self.look(0.01)

    def chunk(self, length):
        self.send_data(b"%x\r\n%b\r\n" % (size(length), bytes(size(length))))

    def finish(self):
        self.send_data(b"", is_end=True)


# Names that Python has for itself.
STEPS = {"await": "await_mark"}


KINDS = {"tcp": Raw, "tls": Raw, "up": Upstream, "ups": Upstream, "h1": Http1, "h1s": Http1, "unix": Http1, "h2": Http2, "h2c": Http2,
         "h3": Http3, "hq": Hq}


def play(lines, in_turn=False):
    """What the clients of scripts see, all at the same time, or one after the other."""
    scripts = [script(line) for line in lines]
    threads = [threading.Thread(target=client.run, args=[steps]) for client, steps in scripts]
    for thread in threads:
        thread.start()
        if in_turn:
            thread.join()
    for thread in threads:
        thread.join()
    return [client.seen for client, _ in scripts]


def script(line):
    """A client, and its steps."""
    protocol, steps = line.split(": ", 1)
    options = protocol.split()
    steps = [step.split() for step in steps.strip().split(";") if step.strip()]
    return KINDS[options[0]](options), steps
