"""One upload over HTTP/1.1, by a client that does all that the answer may be read.

It reads while it writes, until it has the answer; a failed write does not stop it from reading. So an answer that it has not
got did not reach it.
"""

import contextlib
import select
import socket
import ssl

from limit_body.connection import context
from limit_body.http1 import Answers

# How long nothing may come or go, in seconds.
SILENCE = 10
SILENT = f"nothing for {SILENCE} seconds"
PIECE = memoryview(bytes(1 << 18))


class Sending:
    """A connection of which Answers reads, and which sends a request meanwhile."""

    def __init__(self, connection, head, length):
        self.connection, self.head, self.left = connection, memoryview(head), length
        self.begun = False

    def recv(self, size):
        while True:
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                piece = self.connection.recv(size)
                self.begun = self.begun or bool(piece)
                return piece
            self.write_or_wait()

    def write_or_wait(self):
        sends = [self.connection] if self.head or self.left else []
        readable, writable, _ = select.select([self.connection], sends, [], SILENCE)
        if writable:
            # An SSLError is one of a connection that has been closed; what has come before can be read.
            try:
                self.send()
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                self.head, self.left = b"", 0
        elif not readable:
            raise TimeoutError

    def send(self):
        if self.head:
            self.head = self.head[self.connection.send(self.head):]
        else:
            self.left -= self.connection.send(PIECE[:self.left])


def connected(address, tls):
    """A connection to an address and port or to the path of a Unix socket; with TLS, without HTTP/2."""
    connection = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    connection.settimeout(SILENCE)
    connection.connect(address)
    if tls:
        # An end without close_notify is an end.
        connection = context(["http/1.1"]).wrap_socket(connection, suppress_ragged_eofs=True)
    connection.setblocking(False)
    return connection


def upload(address, tls, path, length, wanted):
    """None if the answer is the wanted one, a status and a body, else what came in its place."""
    fields = f"Host: 127.0.0.1\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n"
    with connected(address, tls) as connection:
        sending = Sending(connection, f"POST {path} HTTP/1.1\r\n{fields}\r\n".encode(), length)
        try:
            status, body = final(Answers(sending))
        except ConnectionResetError:
            return "a reset within the answer" if sending.begun else "a reset, no answer"
        except EOFError:
            return "an end within the answer" if sending.begun else "an end, no answer"
        except TimeoutError:
            return SILENT + (", within the answer" if sending.begun else "")
    if (status, body) == wanted:
        return None
    return f"status {status}" if status != wanted[0] else "another body"


def final(answers):
    """Status and body of the answer behind those that announce it."""
    while True:
        status, _, body = answers.next("POST")
        if status >= 200:
            return status, body
