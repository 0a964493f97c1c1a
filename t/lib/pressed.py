"""A client over HTTP/3 that makes a request in the same datagram in which it ends a body that is drained, while nginx has no
connection left:

    pressed.py PORT TLS_PORT

Clients that say nothing take all connections. nginx ends them for others, until the drain is the next.
"""

import asyncio
import socket
import sys

from limit_body import http3


def is_open(connection):
    try:
        return bool(connection.recv(1))
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


async def main(port, tls_port):
    def connect():
        return socket.create_connection(("127.0.0.1", port))

    silent = [connect() for _ in range(20)]
    for connection in silent:
        connection.setblocking(False)

    async with http3.connect(tls_port) as client:
        async def answer(stream):
            while not stream.ended and not stream.stopped and not client.closed:
                client.changed.clear()
                await asyncio.wait_for(client.changed.wait(), 20)
            print(stream.status or "closed", flush=True)

        fields = [(":scheme", "https"), (":authority", "localhost")]
        drained = client.request([(":method", "POST"), (":path", "/"), *fields, ("content-length", "1000000")])
        client.transmit()
        await answer(drained)

        busy, left = [], len(silent)
        while left:
            busy.append(connect())
            busy[-1].sendall(b"GET / HTTP/1.1\r\n")
            # Each takes the place of one. What the server has to be told of the answer is told meanwhile.
            for _ in range(100):
                await asyncio.sleep(0.01)
                if (now := sum(map(is_open, silent))) < left:
                    break
            left = now

        client.http.send_data(drained.number, b"", end_stream=True)
        following = client.request([(":method", "GET"), (":path", "/following"), *fields], is_end=True)
        client.transmit()
        await answer(following)


asyncio.run(main(*map(int, sys.argv[1:])))
