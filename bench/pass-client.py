"""Uploads over one connection, one after the other: pass-client.py PORT small|declared|chunked COUNT"""

import http.client
import sys
import time

port, upload, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])

connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
give_up = time.monotonic() + 20
while True:
    try:
        connection.connect()
        break
    except ConnectionRefusedError:
        if time.monotonic() > give_up:
            sys.exit("nginx does not answer")
        time.sleep(0.1)

for _ in range(count):
    if upload == "chunked":
        connection.request("POST", "/upload", iter([bytes(65536)] * 16), encode_chunked=True)
    else:
        connection.request("POST", "/upload", bytes(100 if upload == "small" else 1 << 20))
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        sys.exit(f"answered with {response.status}")
