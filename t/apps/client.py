"""One upload over HTTP/1.1, by a client that does all that the answer may be read.

It reads while it writes, until it has the answer; a failed write does not stop it from reading. So an answer that it has not
got did not reach it.
"""

import select
import socket
import time

from limit_body.http1 import Answers

TIMEOUT = 60
PIECE = memoryview(bytes(1 << 18))


class Sending:
    """A connection of which Answers reads, and which sends a request meanwhile."""

    def __init__(self, connection, head, length):
        self.connection, self.head, self.left = connection, memoryview(head), length
        self.until = time.monotonic() + TIMEOUT

    def recv(self, size):
        while True:
            sends = [self.connection] if self.head or self.left else []
            readable, writable, _ = select.select([self.connection], sends, [], max(0, self.until - time.monotonic()))
            if readable:
                return self.connection.recv(size)
            if not writable:
                raise TimeoutError
            try:
                self.send()
            except (BrokenPipeError, ConnectionResetError):
                self.head, self.left = b"", 0

    def send(self):
        if self.head:
            self.head = self.head[self.connection.send(self.head):]
        else:
            self.left -= self.connection.send(PIECE[:self.left])


def answer(address, path, length):
    """Status, fields and body of the final answer."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection(address, TIMEOUT) as connection:
        connection.setblocking(False)
        answers = Answers(Sending(connection, head.encode(), length))
        while True:
            status, fields, body = answers.next("POST")
            if status >= 200:
                return status, fields, body


def upload(address, path, length, wanted):
    """None if the answer is the wanted one, a status and a body, else what came in its place."""
    try:
        status, _, body = answer(address, path, length)
    except ConnectionResetError:
        return "a reset in place of the answer, or within it"
    except EOFError:
        return "an end in place of the answer, or within it"
    except TimeoutError:
        return f"no answer in {TIMEOUT} seconds"
    if (status, body) == wanted:
        return None
    return f"status {status}" if status != wanted[0] else "another body"
