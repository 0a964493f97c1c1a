"""Connections over TCP and TLS."""

import socket
import ssl


def connect(port, timeout, tls=(), version=None):
    """A connection to nginx; with TLS, of any version or this one, if that is to offer protocols."""
    connection = socket.create_connection(("127.0.0.1", int(port)), timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return connection
    trusting = context(tls)
    if version:
        trusting.minimum_version = trusting.maximum_version = version
    # An end without close_notify, as after a timeout, is an end: newer Pythons would have it an error.
    return trusting.wrap_socket(connection, suppress_ragged_eofs=True)


def context(protocols):
    """TLS that trusts everybody, and offers protocols."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_alpn_protocols(protocols)
    return made
