"""A client that does to connections just what it is told.

Reads scripts from standard input, one a line, runs them all at the same time, or one after the other ("script.py in-turn"),
each on a connection of its own, and prints what each has seen, line by line:

    PROTOCOL [OPTION ...]: STEP; STEP; ...

PROTOCOL: h1 (cleartext), h1s (TLS), or unix (a socket in the file system); h2 (TLS), h2c (cleartext), h3 (QUIC).
STEPS
    head METHOD TARGET [SIZE | chunked] [NAME:VALUE ...]    send the header of a request
    send SIZE [each SIZE every SECONDS]                     send some of its body, all at once or in pieces
    answer                                                  read an answer
    end                                                     read on until the server closes the connection
    bytes TEXT                                              send these bytes ("\\r", "\\n" and so on are Python's; TCP)
    pause SECONDS
    close                                                   close the connection
    reset                                                   close it with a TCP RST; of HTTP/2 and 3, reset the stream
    mark NAME, await NAME                                   wait for another script to come so far
    logged WORD [TIMES]                                     wait until the error log has this word, so often
    signal NAME                                             send nginx a signal
    clock OFFSET                                            set nginx's time of day, as "+2h" does (libfaketime)
    metric NAME VALUE                                       wait until /metrics has it for the one zone there is
    freed                                                   wait until the open files of bodies take no space on the disk
HTTP/1.x
    chunk SIZE                                              send a chunk of the body; the one of 0 bytes ends it
    chunks NUMBER SIZE                                      send so many chunks of the body, all at once
    gone                                                    read on until the connection is gone, however that comes
    connect                                                 close the connection, and open another one
    shutdown                                                say that nothing more will be sent, and read on
    kill                                                    kill the worker that has answered (its header X-Process)
HTTP/2 and 3: steps are about the stream of the last head
    stream NUMBER                                           go back to another one, the first is 1
    finish                                                  end the body
    trailers                                                end it with trailers
    stop                                                    read on until the server stops the body
    open SIZE                                               HTTP/2: let the server send so much more
    flood FRAMES                                            send so many DATA frames of one byte, or of none (HTTP/3)
    uploads NUMBER TARGET SIZE                              HTTP/2: POST so many at once, each with its end on its last frame
    requests NUMBER METHOD TARGET [SIZE]                    make so many at once, send nothing of their bodies, and read the answers
    blind SIZE                                              HTTP/2: send so much, as far as the window allows, and look at nothing
    ignore SIZE                                             HTTP/2: send so much whatever the window, until the server closes
    goaway                                                  HTTP/2: say that there will be no more requests
    frame TYPE [SIZE]                                       HTTP/3: send a frame, empty without SIZE
SIZE: bytes, also with k, m or g behind it.
OPTIONS
    window=SIZE     HTTP/2: how much the server may send on a stream to begin with

Printed: status and body of each answer; "closed", "reset" or "silent" (for 20 seconds, or TEST_PATIENCE) for each end; "unsent" where the
connection failed while something was being sent; "stopped: ERROR" where the server has stopped a body.

The servers' ports are in the environment: PORT, TLS_PORT and H2C_PORT; the paths of the socket and of the error log in
TEST_NGINX_SOCKET and ERROR_LOG, that of the file with nginx's process number in PID_FILE.
"""

import collections
import functools
import os
import pathlib
import re
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.request

import wire
from wire import shown, size

TIMEOUT = float(os.environ.get("TEST_PATIENCE", 20))

marks = {}
marks_lock = threading.Lock()


def mark(name):
    with marks_lock:
        return marks.setdefault(name, threading.Event())


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

    def pause(self, seconds):
        time.sleep(float(seconds))

    def mark(self, name):
        mark(name).set()

    def await_mark(self, name):
        if not mark(name).wait(TIMEOUT):
            raise TimeoutError(name)

    def logged(self, word, times=1):
        until = time.monotonic() + TIMEOUT
        while open(os.environ["ERROR_LOG"]).read().count(word) < int(times):
            if time.monotonic() > until:
                raise TimeoutError(word)
            time.sleep(0.01)

    def clock(self, offset):
        with open(os.environ["FAKETIME_TIMESTAMP_FILE"], "w") as file:
            file.write(offset)

    def metric(self, name, value):
        address = f"http://127.0.0.1:{os.environ['PORT']}/metrics"
        wanted = re.compile(rf"^nginx_limit_body_{name}{{zone=\"\w+\"}} {value}$", re.M)
        until = time.monotonic() + TIMEOUT
        while not wanted.search(urllib.request.urlopen(address).read().decode()):
            if time.monotonic() > until:
                raise TimeoutError(f"{name} {value}")
            time.sleep(0.01)

    def freed(self):
        # They have no names any more; nginx is one process.
        opened = pathlib.Path("/proc", open(os.environ["PID_FILE"]).read().strip(), "fd")
        until = time.monotonic() + TIMEOUT
        while files := [file for file in opened.iterdir() if "client_body_temp" in os.readlink(file)]:
            if not sum(os.stat(file).st_blocks for file in files):
                self.seen.append("freed")
                return
            if time.monotonic() > until:
                raise TimeoutError("freed")
            time.sleep(0.01)
        self.seen.append("closed")

    def signal(self, name):
        os.kill(int(open(os.environ["PID_FILE"]).read()), signal.Signals[f"SIG{name}"])


class Http1(Script):
    @functools.cached_property
    def connection(self):
        """Made when it is needed."""
        if self.options[0] == "unix":
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(TIMEOUT)
            connection.connect(os.environ["TEST_NGINX_SOCKET"])
            return connection
        if self.options[0] == "h1s":
            return wire.connect(os.environ["TLS_PORT"], TIMEOUT, ["http/1.1"])
        return wire.connect(os.environ["PORT"], TIMEOUT)

    @functools.cached_property
    def answers(self):
        return wire.Answers(self.connection)

    def head(self, method, target, *words):
        fields, words = ["Host: localhost"], list(words)
        if words and ":" not in words[0]:
            length = words.pop(0)
            chunked = length == "chunked"
            fields.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {size(length)}")
        fields += [field.replace(":", ": ", 1) for field in words]
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


class Streams(Script):
    """What scripts for HTTP/2 and HTTP/3 have in common: steps that are about a stream."""

    scheme = "https"

    def __init__(self, options):
        super().__init__(options)
        self.streams = []

    def stream(self, number):
        self.current = self.streams[int(number) - 1]

    def fields(self, method, target, words):
        """The fields of a request, and whether it has a body."""
        fields, words = [(":method", method), (":path", target), (":scheme", self.scheme), (":authority", "localhost")], list(words)
        has_body = bool(words) and ":" not in words[0]
        if has_body and (length := words.pop(0)) != "chunked":
            fields.append(("content-length", str(size(length))))
        return fields + [tuple(word.split(":", 1)) for word in words], has_body

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

    def answer(self):
        self.wait(lambda: self.current.ended)
        self.seen.append(shown(self.current.status, self.current.body) if self.current.ended else "no answer")

    def stop(self):
        self.wait(lambda: self.current.stopped)
        self.seen.append(f"stopped: {self.current.stopped}" if self.current.stopped else "closed" if self.closed else "not stopped")

    def end(self):
        self.wait(lambda: False)
        self.seen.append("closed" if self.closed else "silent")


class Stream:
    """What a client knows of a stream."""

    def __init__(self, number):
        self.number = number
        self.status, self.body = None, b""
        # Whether the answer has come to its end, and for what error the server does not want the body.
        self.ended, self.stopped = False, None


# Names that Python has for itself.
STEPS = {"await": "await_mark"}


def script(line):
    protocol, steps = line.split(": ", 1)
    options = protocol.split()
    steps = [step.split() for step in steps.strip().split(";") if step.strip()]
    if options[0] in ("h2", "h2c"):
        from http2 import Http2 as kind
    elif options[0] == "h3":
        from http3 import Http3 as kind
    else:
        kind = Http1
    return kind(options), steps


if __name__ == "__main__":
    sys.modules["script"] = sys.modules["__main__"]
    scripts = [script(line) for line in sys.stdin if line.strip()]
    threads = [threading.Thread(target=script.run, args=[steps]) for script, steps in scripts]
    for thread in threads:
        thread.start()
        if "in-turn" in sys.argv:
            thread.join()
    for thread in threads:
        thread.join()
    for script, _ in scripts:
        print(" | ".join(script.seen))
