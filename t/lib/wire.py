"""What the clients of the tests have in common: connections, HTTP/1.x answers, and how an answer is shown."""

import re
import socket
import ssl

UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def size(text):
    """Bytes, also with k, m or g behind them."""
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


def shown(status, body):
    """An answer on one line. A page of nginx's own is known by its title."""
    body = body.decode("utf-8", "backslashreplace").strip()
    if page := re.match(r"<html>\s*<head><title>(.*?)</title></head>.*</html>\s*$", body, re.S):
        body = f"<{page[1]}>"
    return f"{status} {body}".rstrip().replace("\n", "\\n")


def free_ports(count):
    """Ports of 127.0.0.1 that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def connect(port, timeout, tls=()):
    """A connection to nginx; with TLS if that is to offer protocols."""
    connection = socket.create_connection(("127.0.0.1", int(port)), timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return with_tls(connection, tls) if tls else connection


def with_tls(connection, protocols, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(protocols)
    if version:
        context.minimum_version = context.maximum_version = version
    # An end without close_notify, as after a timeout, is an end: newer Pythons would have it an error.
    return context.wrap_socket(connection, suppress_ragged_eofs=True)


class Answers:
    """The answers that come over an HTTP/1.x connection. EOFError stands for one that ends before its time."""

    def __init__(self, connection):
        self.connection = connection
        self.unread = b""

    def read(self):
        piece = self.connection.recv(65536)
        self.unread += piece
        return bool(piece)

    def until(self, end):
        while end not in self.unread:
            if not self.read():
                raise EOFError
        taken, self.unread = self.unread.split(end, 1)
        return taken

    def take(self, length):
        while len(self.unread) < length:
            if not self.read():
                raise EOFError
        taken, self.unread = self.unread[:length], self.unread[length:]
        return taken

    def rest(self):
        while self.read():
            pass
        rest, self.unread = self.unread, b""
        return rest

    def next(self, method="POST"):
        """Status, fields (with names in lower case) and body of the next answer."""
        line, *fields = self.until(b"\r\n\r\n").decode().split("\r\n")
        status, fields = int(line.split()[1]), {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
        return status, fields, self.body(method, status, fields)

    def body(self, method, status, fields):
        if method == "HEAD" or status < 200 or status in (204, 304):
            return b""
        if "content-length" in fields:
            return self.take(int(fields["content-length"]))
        if fields.get("transfer-encoding") != "chunked":
            return self.rest()
        body = b""
        while piece := self.take(int(self.until(b"\r\n"), 16) + 2)[:-2]:
            body += piece
        return body
