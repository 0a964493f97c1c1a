"""Sends a file over a raw connection to both servers of the demo, reads the answer, and prints what came of it, side by side."""

import socket
import sys

PORTS, FILE = sys.argv[1:3], sys.argv[3]
SERVERS = ["limit_session_drain", "nginx alone"]


def send(port):
    """Sends all of it before it looks."""
    try:
        with socket.create_connection(("127.0.0.1", int(port))) as connection, open(FILE, "rb") as file:
            connection.sendall(file.read())
            connection.shutdown(socket.SHUT_WR)
            return connection.makefile().read().strip()
    except OSError as error:
        return f"{type(error).__name__}: {error.strerror}"


rows = [("", *SERVERS), ("Python socket", *map(send, PORTS))]
widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
for row in rows:
    print("  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
