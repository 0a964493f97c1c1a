"""Many refused uploads, and what is left of them: refusals.py COUNT

Plain and over TLS, of known length and chunked, drained to the end and given up half-way. Prints what the worker has more
after them than after the first thousand: file descriptors, connections (stub_status at /status), and whether its memory
has grown by more than 256 KiB. The ports and the file with nginx's process number are in the environment: PORT, TLS_PORT,
PID_FILE.
"""

import concurrent.futures
import os
import pathlib
import re
import socket
import ssl
import sys
import time
import urllib.request

context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
worker = pathlib.Path(open(os.environ["PID_FILE"]).read().strip())

HEAD = "POST {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n"
WHOLE = bytes(20000)
CHUNKED = b"4e20\r\n" + WHOLE + b"\r\n0\r\n\r\n"


def refused(number):
    tls, chunked, whole = number % 3 == 0, number % 2 == 0, number % 5 != 0
    connection = socket.create_connection(("127.0.0.1", int(os.environ["TLS_PORT" if tls else "PORT"])), 20)
    if tls:
        connection = context.wrap_socket(connection)
    body = CHUNKED if chunked else WHOLE
    fields = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    connection.sendall(HEAD.format("/up", fields).encode() + (body if whole else body[:10000]))
    answer = connection.recv(4096)
    connection.close()
    return answer.startswith(b"HTTP/1.1 413 ")


def state():
    """Once nginx has dealt with all of them."""
    until = time.monotonic() + 60
    while True:
        status = urllib.request.urlopen(f"http://127.0.0.1:{os.environ['PORT']}/status").read().decode()
        active = int(re.search(r"Active connections: (\d+)", status)[1])
        if active == 1 or time.monotonic() > until:
            break
        time.sleep(0.05)
    process = pathlib.Path("/proc") / worker
    memory = int(re.search(r"VmRSS:\s+(\d+)", (process / "status").read_text())[1])
    return len(list((process / "fd").iterdir())), active, memory


with concurrent.futures.ThreadPoolExecutor(16) as pool:
    first = sum(pool.map(refused, range(1000)))
    before = state()
    rest = sum(pool.map(refused, range(1000, int(sys.argv[1]))))
    after = state()

grown = after[2] - before[2]
print(f"refused: {first + rest}, file descriptors: {after[0] - before[0]:+}, connections: {after[1] - before[1]:+}, "
      f"memory: {'steady' if grown <= 256 else f'{grown:+} KiB'}")
