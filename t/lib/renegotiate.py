"""An upstream that begins its answer, asks nginx for another handshake (TLS 1.2), and takes no part in that; with a client:

    renegotiate.py END SCRIPT

The script is the client's, as in t/lib/limit_body/script.py, and the request ends its header. It marks "begun" when it has that of
the answer and there is more to write. Then the upstream reads until nginx has begun the handshake, and nginx has to read before
it can write on. END is what the upstream does next:

    finish  send the rest of the answer when nginx has given up to write
    close   close the connection

Prints what the client has seen. The ports are in the environment: PORT, and PORT_5 for the upstream. nginx is one process, and
answers /ready.
"""

import contextlib
import os
import socket
import sys
import threading
import urllib.request

from OpenSSL import SSL

from limit_body import marks, script
from limit_body.waiting import await_condition


class Upstream:
    def __init__(self, connection):
        certificate = os.environ["TEST_CERTIFICATE"]
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.use_certificate_file(f"{certificate}.pem")
        context.use_privatekey_file(f"{certificate}.key")
        # Without a socket: what it has to send goes when it should, or never.
        self.tls, self.connection = SSL.Connection(context, None), connection
        self.tls.set_accept_state()
        connection.settimeout(script.TIMEOUT)

    def unsent(self):
        """Takes what there is to send."""
        with contextlib.suppress(SSL.WantReadError):
            return self.tls.bio_read(1 << 16)

    def read(self):
        if not (piece := self.connection.recv(1 << 16)):
            raise EOFError
        self.tls.bio_write(piece)

    def complete(self, call, *arguments):
        """Does something for which it may have to read."""
        while True:
            try:
                return call(*arguments)
            except SSL.WantReadError:
                self.connection.sendall(self.unsent() or b"")
                self.read()

    def begin(self):
        """Begins the answer and asks for a handshake, all at once. Returns the rest of the answer, encrypted."""
        self.complete(self.tls.do_handshake)
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.complete(self.tls.recv, 1 << 16)
        self.tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nbegun, ")
        self.tls.renegotiate()
        self.tls.do_handshake()
        self.connection.sendall(self.unsent())
        self.tls.sendall(b"finished\n")
        return self.unsent()

    def await_handshake(self):
        """Reads until it has something to send, which can only be its part of the handshake."""
        while not self.unsent():
            self.read()
            with contextlib.suppress(SSL.WantReadError):
                while True:
                    self.tls.recv(1 << 16)


def serve(listener, end):
    connection, _ = listener.accept()
    with connection:
        upstream = Upstream(connection)
        rest = upstream.begin()
        marks.await_mark("begun", script.TIMEOUT)
        upstream.await_handshake()
        # When this is answered, nginx has found that it cannot write on.
        urllib.request.urlopen(f"http://127.0.0.1:{os.environ['PORT']}/ready").read()
        if end == "finish":
            given_up = "upstream takes no more of the request"
            await_condition(lambda: given_up in open(os.environ["ERROR_LOG"]).read(), given_up, script.TIMEOUT)
            connection.sendall(rest)
            marks.await_mark("over", script.TIMEOUT)


listener = socket.create_server(("127.0.0.1", int(os.environ["PORT_5"])))
# So that there is more to write than what nginx's system takes at once.
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
threading.Thread(target=serve, args=[listener, sys.argv[1]], daemon=True).start()
[seen] = script.play([f"{sys.argv[2]}; mark over"])
print(" | ".join(seen))
