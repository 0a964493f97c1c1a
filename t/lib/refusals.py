"""Many refused uploads, and what is left of them: refusals.py connections|streams COUNT

Plain and over TLS, of known length and not, drained to the end and given up half-way; each on a connection of its own, or
each a stream of one of a hundred HTTP/2 connections. Prints what the worker has more after them than after the first fifth:
file descriptors, connections (stub_status at /status), and whether its memory has grown by more than 1 MiB, or by more than
4 MiB where hundreds of streams at once leave their mark in it; not where TEST_MEMORY says that something else watches it.
The ports and the file with nginx's process number are in the environment: PORT, TLS_PORT, H2C_PORT, PID_FILE.
"""

import concurrent.futures
import http.client
import os
import pathlib
import re
import sys
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import wire

worker = pathlib.Path(open(os.environ["PID_FILE"]).read().strip())

HEAD = "POST {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n"
WHOLE = bytes(20000)
CHUNKED = b"4e20\r\n" + WHOLE + b"\r\n0\r\n\r\n"
TOGETHER = 50


def one(number):
    """A refusal on a connection of its own."""
    tls, chunked, whole = number % 3 == 0, number % 2 == 0, number % 5 != 0
    connection = wire.connect(os.environ["TLS_PORT" if tls else "PORT"], 20, ["http/1.1"] if tls else ())
    body = CHUNKED if chunked else WHOLE
    fields = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    connection.sendall(HEAD.format("/up", fields).encode() + (body if whole else body[:10000]))
    answer = connection.recv(4096)
    connection.close()
    return answer.startswith(b"HTTP/1.1 413 ")


def streams(numbers):
    """Refusals on one HTTP/2 connection, some at a time. What is not ended in the end goes with the connection."""
    tls = numbers[0] // TOGETHER % 2 == 0
    connection = wire.connect(os.environ["TLS_PORT" if tls else "H2C_PORT"], 20, ["h2"] if tls else ())
    http2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    http2.initiate_connection()
    connection.sendall(http2.data_to_send())
    while http2.outbound_flow_control_window < TOGETHER * len(WHOLE):
        http2.receive_data(connection.recv(65536))
    refused = 0
    for start in range(0, len(numbers), TOGETHER):
        is_last = start + TOGETHER >= len(numbers)
        waiting = set()
        for number in numbers[start : start + TOGETHER]:
            stream, declared = http2.get_next_available_stream_id(), number % 2 == 0
            fields = [(":method", "POST"), (":path", "/up"), (":scheme", "https"), (":authority", "localhost")]
            http2.send_headers(stream, fields + ([("content-length", str(len(WHOLE)))] if declared else []))
            http2.send_data(stream, WHOLE[:10000])
            if number % 5 == 0:
                http2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
                refused += 1
                continue
            waiting.add(stream)
            if number % 7 or not is_last:
                http2.send_data(stream, WHOLE[10000:], end_stream=True)
        while waiting:
            connection.sendall(http2.data_to_send())
            for event in http2.receive_data(connection.recv(65536)):
                if isinstance(event, h2.events.DataReceived):
                    http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.ResponseReceived):
                    refused += dict(event.headers)[":status"] == "413"
                elif isinstance(event, h2.events.StreamEnded):
                    waiting.remove(event.stream_id)
    connection.close()
    return refused


def run(pool, kind, numbers):
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
    process = pathlib.Path("/proc") / worker
    memory = int(re.search(r"VmRSS:\s+(\d+)", (process / "status").read_text())[1])
    descriptors = len(list((process / "fd").iterdir()))
    asking.close()
    return descriptors, active, memory


kind, count = sys.argv[1], int(sys.argv[2])
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    first = run(pool, kind, range(count // 5))
    before = state()
    rest = run(pool, kind, range(count // 5, count))
    after = state()

grown, most = after[2] - before[2], 1024 if kind == "connections" else 4096
print(f"refused: {first + rest}, file descriptors: {after[0] - before[0]:+}, connections: {after[1] - before[1]:+}, "
      f"memory: {'steady' if grown <= most or 'TEST_MEMORY' in os.environ else f'{grown:+} KiB'}")
