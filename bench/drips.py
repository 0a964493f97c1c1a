"""Clients that upload as slowly as they can, all at once:

    drips.py ADDRESS PORT PATH COUNT SECONDS

Each declares a body of SIZE bytes and sends one byte of it each second, until that fails, whatever it is answered; it reads
what comes meanwhile. Prints a line of JSON each second for SECONDS: how many connections the server has of these, how many
clients have read a whole answer, by its status, and how many have none and were closed or reset.
"""

import asyncio
import collections
import json
import pathlib
import re
import resource
import socket
import sys
import time

SIZE = 1_000_000
# Clients have addresses that nobody else has here.
NETWORK = "127.3"


class Drip:
    """One client."""

    def __init__(self):
        self.answer = b""
        self.has_ended = False

    async def run(self, place, path, number, delay):
        loop = asyncio.get_running_loop()
        await asyncio.sleep(delay)
        with socket.socket() as connection:
            connection.setblocking(False)
            connection.bind((f"{NETWORK}.{number // 250}.{1 + number % 250}", 0))
            reading = None
            try:
                await loop.sock_connect(connection, place)
                await loop.sock_sendall(
                    connection, f"POST {path} HTTP/1.1\r\nHost: slow\r\nContent-Length: {SIZE}\r\n\r\n".encode())
                reading = asyncio.ensure_future(self.read(loop, connection))
                while True:
                    await asyncio.sleep(1)
                    await loop.sock_sendall(connection, b"x")
            except OSError:
                # What came before the reset is there to be read.
                if reading:
                    await asyncio.wait([reading])
            finally:
                self.has_ended = True

    async def read(self, loop, connection):
        try:
            while piece := await loop.sock_recv(connection, 1 << 16):
                self.answer += piece
        except OSError:
            pass

    def status(self):
        """The status of an answer that is whole; None without one."""
        head, end, body = self.answer.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
        if end and length and len(body) == int(length[1]):
            return int(head.split()[1])
        return None


def held(port):
    """How many connections with these clients a process has. A row of the table has the two addresses in hexadecimal, the
    bytes of an address in reverse, and the number of the socket, 0 where no process has it any more."""
    first, second = map(int, NETWORK.split("."))
    ours = re.compile(
        rf"^ *\d+: [0-9A-F]{{8}}:{port:04X} ([0-9A-F]{{4}}{second:02X}{first:02X}:\S+)(?: +\S+){{6}} +(\d+)", re.M)
    # A table that changes while it is read may have a row twice.
    return len({client for client, number in ours.findall(pathlib.Path("/proc/net/tcp").read_text()) if number != "0"})


async def main(address, port, path, count, seconds):
    clients = [Drip() for _ in range(count)]
    began = time.monotonic()
    tasks = [asyncio.ensure_future(client.run((address, port), path, number, number / count))
             for number, client in enumerate(clients)]
    for second in range(seconds + 1):
        await asyncio.sleep(max(0, began + second - time.monotonic()))
        statuses = collections.Counter(filter(None, (client.status() for client in clients)))
        print(json.dumps({
            "second": round(time.monotonic() - began, 2),
            "held": held(port),
            "answered": {str(status): number for status, number in sorted(statuses.items())},
            "without_answer": sum(client.has_ended and client.status() is None for client in clients),
        }), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    address, port, path, count, seconds = sys.argv[1:6]
    asyncio.run(main(address, int(port), path, int(count), int(seconds)))
