"""Uploads that are refused, and what they cost the worker:

    drain-client.py PORT TLS_PORT H2C_PORT WORKER WHAT MEBIBYTES CONNECTIONS
    WHAT: plain|tls|chunked|chunked-read|tls-chunked|tls-chunked-read|h2|h2c|memory

Prints CPU seconds per GB, GB per second, and the milliseconds until the answer; or bytes of memory per connection.
"""

import os
import resource
import select
import socket
import ssl
import sys
import time

port, tls_port, h2c_port, worker, what, mebibytes, connections = sys.argv[1:]
mebibytes, connections = int(mebibytes), int(connections)

HEADER = "POST {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n"
CHUNK = b"10000\r\n" + bytes(65536) + b"\r\n"


def cpu():
    fields = open(f"/proc/{worker}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory():
    return next(int(line.split()[1]) * 1024 for line in open(f"/proc/{worker}/status") if line.startswith("VmRSS"))


def connect(port, tls=False, protocol="http/1.1"):
    connection = socket.create_connection(("127.0.0.1", int(port)), 60)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols([protocol])
        connection = context.wrap_socket(connection)
    return connection


def upload():
    size, chunked = mebibytes << 20, "chunked" in what
    connection = connect(tls_port, True) if what.startswith("tls") else connect(port)
    piece = CHUNK * 16 if chunked else bytes(1 << 20)

    used, began, first = cpu(), time.monotonic(), None
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    # What reads a body refuses it in mid-stream, what does not answers with another error.
    target, status = ("/read", b"413") if what.endswith("read") else ("/", b"404" if chunked else b"413")
    connection.sendall(HEADER.format(target, length).encode())
    for _ in range(mebibytes):
        # In small pieces until the answer comes, so as not to miss it.
        start = 0
        while start < len(piece):
            end = len(piece) if first is not None else start + 16384
            connection.sendall(piece[start:end])
            start = end
            if first is None and select.select([connection], [], [], 0)[0]:
                first = time.monotonic() - began
    if chunked:
        connection.sendall(b"0\r\n\r\n")
    answer = b""
    while b"</html>" not in answer:
        answer += connection.recv(65536)
    took = time.monotonic() - began
    if not answer.startswith(b"HTTP/1.1 " + status):
        sys.exit(f"answered with {answer[:40]}")
    connection.close()
    print((cpu() - used) / (size / 1e9), size / 1e9 / took, 1000 * (first or took))


class Frames:
    """What a server sends over HTTP/2."""

    DATA, HEADERS, RST_STREAM, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 6, 7, 8

    def __init__(self, connection):
        self.connection, self.unread = connection, b""
        self.windows = {0: 65535, 1: 65535}
        self.answer, self.is_whole, self.is_ping_back = None, False, False

    def look(self, timeout):
        has_unread = getattr(self.connection, "pending", lambda: 0)()
        if not has_unread and not select.select([self.connection], [], [], timeout)[0]:
            return
        piece = self.connection.recv(65536)
        if not piece:
            sys.exit("the server has closed the connection")
        self.unread += piece
        while len(self.unread) >= 9 and len(self.unread) >= 9 + (length := int.from_bytes(self.unread[:3], "big")):
            self.take(self.unread[3], self.unread[4], int.from_bytes(self.unread[5:9], "big"), self.unread[9 : 9 + length])
            self.unread = self.unread[9 + length :]

    def take(self, kind, flags, stream, payload):
        if kind == self.WINDOW_UPDATE:
            self.windows[stream] += int.from_bytes(payload, "big")
        elif kind in (self.RST_STREAM, self.GOAWAY):
            sys.exit(f"the server has stopped the upload: {payload}")
        elif kind == self.HEADERS:
            self.answer = payload
        self.is_whole = self.is_whole or (kind in (self.DATA, self.HEADERS) and flags & 1)
        self.is_ping_back = self.is_ping_back or kind == self.PING


def stream():
    """An upload over HTTP/2; without the module it is accepted, and read."""
    size, tls = mebibytes << 20, what == "h2"
    connection = connect(tls_port, True, "h2") if tls else connect(h2c_port)
    frames = Frames(connection)
    piece = (b"\0\x40\0\0\0\0\0\0\1" + bytes(16384)) * 64

    used, began, first = cpu(), time.monotonic(), None
    fields = b"\x83\x04\x07/stream" + (b"\x87" if tls else b"\x86") + b"\x01\x09localhost"
    head = len(fields).to_bytes(3, "big") + b"\1\4\0\0\0\1" + fields
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0" + head)
    for _ in range(mebibytes):
        while min(frames.windows.values()) < 1 << 20:
            frames.look(60)
        connection.sendall(piece)
        frames.windows = {number: window - (1 << 20) for number, window in frames.windows.items()}
        frames.look(0)
        if first is None and frames.answer:
            first = time.monotonic() - began
    # The end of the body, and a PING that is answered when all of it has been read.
    connection.sendall(b"\0\0\0\0\1\0\0\0\1" + b"\0\0\x08\6\0\0\0\0\0" + bytes(8))
    while not (frames.is_whole and frames.is_ping_back):
        frames.look(60)
    took = time.monotonic() - began
    if b"413" not in frames.answer and frames.answer[0] != 0x89:
        sys.exit(f"answered with {frames.answer}")
    connection.close()
    print((cpu() - used) / (size / 1e9), size / 1e9 / took, 1000 * (first or took))


def crowd():
    resource.setrlimit(resource.RLIMIT_NOFILE, (connections + 100, connections + 100))
    header = HEADER.format("/", "Content-Length: 1000000").encode()

    def drain(number):
        opened = []
        for i in range(number):
            # Sources of their own: an address has no more than some 28,000 ports.
            connection = socket.socket()
            connection.bind((f"127.0.{1 + i // 20000}.1", 0))
            connection.connect(("127.0.0.1", int(port)))
            connection.sendall(header + bytes(1000))
            opened.append(connection)
        for connection in opened:
            connection.recv(65536)
        return opened

    # What the first connections need is there to stay.
    for connection in drain(100):
        connection.close()
    before = memory()
    opened = drain(connections)
    time.sleep(1)
    print(round((memory() - before) / len(opened)))


{"memory": crowd, "h2": stream, "h2c": stream}.get(what, upload)()
