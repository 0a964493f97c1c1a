"""A client that does to HTTP/1.x connections just what it is told.

Reads scripts from standard input, one a line, runs them all at the same time, each on a connection of its own, and
prints what each has seen, line by line:

    PROTOCOL: STEP; STEP; ...

PROTOCOL: h1 (cleartext), h1s (TLS), or unix (a socket in the file system).
STEPS
    head METHOD TARGET [SIZE | chunked] [NAME:VALUE ...]    send the header of a request
    send SIZE [each SIZE every SECONDS]                     send some of its body, all at once or in pieces
    chunk SIZE                                              send a chunk of it; the one of 0 bytes ends it
    bytes TEXT                                              send these bytes ("\\r", "\\n" and so on are Python's)
    answer                                                  read an answer
    end                                                     read on until the server closes
    pause SECONDS
    shutdown                                                say that nothing more will be sent, and read on
    close                                                   close the connection
    reset                                                   close it with a TCP RST
    mark NAME, await NAME                                   wait for another script to come so far
    logged WORD                                             wait until the error log has a line with this word
    signal NAME                                             send nginx a signal
    clock OFFSET                                            set nginx's time of day, as "+2h" does (libfaketime)
    kill                                                    kill the worker that has answered (its header X-Process)
SIZE: bytes, also with k, m or g behind it.

Printed: status and body of each answer; "closed", "reset" or "silent" (for 20 seconds) for each end; "unsent" where the
connection failed while something was being sent.

The servers' ports are in the environment: PORT and TLS_PORT; the paths of the socket and of the
error log in TEST_NGINX_SOCKET and ERROR_LOG, that of the file with nginx's process number in PID_FILE.
"""

import functools
import os
import re
import signal
import socket
import ssl
import struct
import sys
import threading
import time

TIMEOUT = 20

marks = {}
marks_lock = threading.Lock()


def mark(name):
    with marks_lock:
        return marks.setdefault(name, threading.Event())


def size(text):
    units = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
    return int(text[:-1]) * units[text[-1]] if text[-1] in units else int(text)


def connect(protocol):
    if protocol == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT)
        connection.connect(os.environ["TEST_NGINX_SOCKET"])
        return connection
    port = os.environ["TLS_PORT" if protocol == "h1s" else "PORT"]
    connection = socket.create_connection(("127.0.0.1", int(port)), TIMEOUT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if protocol == "h1s":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = context.wrap_socket(connection)
    return connection


class Script:
    @functools.cached_property
    def connection(self):
        """Made when it is needed."""
        return connect(self.protocol)

    def __init__(self, line):
        protocol, steps = line.split(": ", 1)
        self.steps = [step.split() for step in steps.strip().split(";") if step.strip()]
        self.protocol = protocol
        self.unread = b""
        self.seen = []

    def run(self):
        try:
            for name, *words in self.steps:
                getattr(self, name)(*words)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.seen.append("unsent")
        except Exception as error:
            self.seen.append(repr(error))

    def head(self, method, target, *words):
        words = list(words)
        fields = ["Host: localhost"]
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

    def bytes(self, *words):
        self.connection.sendall(" ".join(words).encode().decode("unicode_escape").encode())

    def read(self):
        piece = self.connection.recv(65536)
        self.unread += piece
        return bool(piece)

    def answer(self):
        try:
            while b"\r\n\r\n" not in self.unread:
                if not self.read():
                    raise EOFError
            head, self.unread = self.unread.split(b"\r\n\r\n", 1)
            self.worker = re.search(rb"(?i)\r\nx-process: (\d+)", head)
            length = int(re.search(rb"(?i)\r\ncontent-length: (\d+)", head)[1])
            while len(self.unread) < length:
                if not self.read():
                    raise EOFError
        except EOFError:
            self.seen.append("no answer")
            return
        body, self.unread = self.unread[:length].decode(), self.unread[length:]
        title = re.search("<title>(.*?)</title>", body)
        self.seen.append(f"{head.split()[1].decode()} {f'<{title[1]}>' if title else body.strip()}")

    def end(self):
        try:
            while self.read():
                pass
            self.seen.append("closed")
        except TimeoutError:
            self.seen.append("silent")
        except OSError:
            self.seen.append("reset")

    def pause(self, seconds):
        time.sleep(float(seconds))

    def shutdown(self):
        self.connection.shutdown(socket.SHUT_WR)

    def close(self):
        self.connection.close()

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def mark(self, name):
        mark(name).set()

    def await_(self, name):
        if not mark(name).wait(TIMEOUT):
            raise TimeoutError(name)

    def logged(self, word):
        until = time.monotonic() + TIMEOUT
        while word not in open(os.environ["ERROR_LOG"]).read():
            if time.monotonic() > until:
                raise TimeoutError(word)
            time.sleep(0.01)

    def clock(self, offset):
        with open(os.environ["FAKETIME_TIMESTAMP_FILE"], "w") as file:
            file.write(offset)

    def signal(self, name):
        os.kill(int(open(os.environ["PID_FILE"]).read()), signal.Signals[f"SIG{name}"])

    def kill(self):
        worker = int(self.worker[1])
        try:
            while True:
                os.kill(worker, signal.SIGKILL)
                time.sleep(0.01)
        except ProcessLookupError:
            pass


setattr(Script, "await", Script.await_)

scripts = [Script(line) for line in sys.stdin if line.strip()]
threads = [threading.Thread(target=script.run) for script in scripts]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for script in scripts:
    print(" | ".join(script.seen))
