"""Uploads over one connection, one after the other: pass-client.py PORT small|declared|chunked COUNT"""

import http.client
import sys
import time

port, upload, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])

for attempt in range(300):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.connect()
        break
    except ConnectionRefusedError:
        time.sleep(0.1)

for _ in range(count):
    if upload == "chunked":
        connection.request("PUT", "/upload", iter([bytes(65536)] * 16), encode_chunked=True)
    else:
        connection.request("PUT", "/upload", bytes(100 if upload == "small" else 1 << 20))
    response = connection.getresponse()
    response.read()
    assert response.status in (201, 204), response.status
