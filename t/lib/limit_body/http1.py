"""Answers over HTTP/1.x."""


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

    def await_header(self):
        while b"\r\n\r\n" not in self.unread:
            if not self.read():
                raise EOFError

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
