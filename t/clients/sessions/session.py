"""Sends so many bytes, then reads the answer to its end: session.py PORT plain|tls BYTES TRIES"""

import socket
import ssl
import sys

port, kind, size, tries = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


def session():
    with socket.create_connection(("127.0.0.1", port)) as plain:
        connection = plain
        if kind == "tls":
            connection = ssl._create_unverified_context().wrap_socket(plain)
        left, piece = size, bytes(1 << 16)
        while left > 0:
            connection.sendall(piece[:left])
            left -= len(piece)
        answer = b""
        while some := connection.recv(4096):
            answer += some
        return answer.decode().strip()


for _ in range(tries):
    try:
        print("answer", session())
    except OSError as error:
        print("error", error)
