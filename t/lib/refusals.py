"""Many refused uploads, and what is left of them: refusals.py connections|streams|sessions COUNT

Plain and over TLS, of known length and not, drained to the end and given up half-way; each on a connection of its own, or
each a stream of one of a hundred HTTP/2 connections. Or sessions of raw connections that are answered "busy": on PORT_3, over
TLS on PORT_4, through another server on PORT_6; read to the end, given up, reset. Prints what the worker has more after them than after the first fifth:
file descriptors, connections (stub_status at /status), and whether its memory has grown by more than 1 MiB, or by more than
4 MiB where hundreds of streams at once leave their mark in it; not where TEST_MEMORY says that something else watches it.
The ports and the file with nginx's process number are in the environment: PORT, TLS_PORT, H2C_PORT, PID_FILE.
"""

import concurrent.futures
import http.client
import os
import pathlib
import re
import socket
import struct
import sys
import time

from limit_body import connection, http2, proc

worker = open(os.environ["PID_FILE"]).read().strip()

HEAD = "POST {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n"
WHOLE = bytes(20000)
CHUNKED = b"4e20\r\n" + WHOLE + b"\r\n0\r\n\r\n"
TOGETHER = 50
# RFC 9113, section 7.
CANCEL = 8


def one(number):
    """A refusal on a connection of its own."""
    tls, chunked, whole = number % 3 == 0, number % 2 == 0, number % 5 != 0
    body = CHUNKED if chunked else WHOLE
    fields = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    with connection.connect(os.environ["TLS_PORT" if tls else "PORT"], 20, ["http/1.1"] if tls else ()) as client:
        client.sendall(HEAD.format("/up", fields).encode() + (body if whole else body[:10000]))
        answer = client.recv(4096)
    return answer.startswith(b"HTTP/1.1 413 ")


def streams(numbers):
    """Refusals on one HTTP/2 connection, some at a time. What is not ended in the end goes with the connection."""
    tls = numbers[0] // TOGETHER % 2 == 0
    client = http2.Client(os.environ["TLS_PORT" if tls else "H2C_PORT"], 20, tls, acknowledges=True)
    http = client.http
    client.flush()
    while http.outbound_flow_control_window < TOGETHER * len(WHOLE):
        client.receive()
    refused = 0
    for start in range(0, len(numbers), TOGETHER):
        is_last = start + TOGETHER >= len(numbers)
        waiting = []
        for number in numbers[start : start + TOGETHER]:
            declared = [("content-length", str(len(WHOLE)))] if number % 2 == 0 else []
            stream = http.request([(":method", "POST"), (":path", "/up"), (":scheme", "https"), (":authority", "localhost"), *declared])
            http.send_data(stream.number, WHOLE[:10000])
            if number % 5 == 0:
                http.reset_stream(stream.number, CANCEL)
                refused += 1
                continue
            waiting.append(stream)
            if number % 7 or not is_last:
                http.send_data(stream.number, WHOLE[10000:], end_stream=True)
        while not all(stream.ended for stream in waiting):
            client.flush()
            client.receive()
        refused += sum(stream.status == "413" for stream in waiting)
    client.close()
    return refused


def session(number):
    """A raw connection that is answered while it still sends."""
    tls = number % 3 == 0
    port = os.environ["PORT_4" if tls else "PORT_6" if number % 3 == 1 else "PORT_3"]
    with connection.connect(port, 20, ["raw"] if tls else ()) as client:
        client.sendall(WHOLE[:10000])
        answer = client.recv(4096)
        client.sendall(WHOLE[10000:])
        if number % 5 == 0:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif number % 7:
            answer += client.recv(4096)
    return answer == b"busy\n"


def run(pool, kind, numbers):
    if kind == "sessions":
        return sum(pool.map(session, numbers))
    if kind == "connections":
        return sum(pool.map(one, numbers))
    each = max(1, count // 100)
    return sum(pool.map(streams, [numbers[i : i + each] for i in range(0, len(numbers), each)]))


def state():
    """Once nginx has dealt with all of them. The connection that asks stays open meanwhile, to be counted every time."""
    until = time.monotonic() + float(os.environ.get("TEST_PATIENCE", 60))
    asking = http.client.HTTPConnection("127.0.0.1", int(os.environ["PORT"]))
    while True:
        asking.request("GET", "/status")
        active = int(re.search(rb"Active connections: (\d+)", asking.getresponse().read())[1])
        if active == 1 or time.monotonic() > until:
            break
        time.sleep(0.05)
    memory = proc.resident(worker)
    descriptors = len(list(pathlib.Path(f"/proc/{worker}/fd").iterdir()))
    asking.close()
    return descriptors, active, memory


kind, count = sys.argv[1], int(sys.argv[2])
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    first = run(pool, kind, range(count // 5))
    before = state()
    rest = run(pool, kind, range(count // 5, count))
    after = state()

grown, most = after[2] - before[2], 4096 if kind == "streams" else 1024
print(f"refused: {first + rest}, file descriptors: {after[0] - before[0]:+}, connections: {after[1] - before[1]:+}, "
      f"memory: {'steady' if grown <= most or 'TEST_MEMORY' in os.environ else f'{grown:+} KiB'}")
