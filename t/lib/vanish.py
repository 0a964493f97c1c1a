"""A client that vanishes when nginx has its request: what nginx then sends is never acknowledged.

    vanish.py PORT

The client is in a network namespace of its own; what it sends still arrives.
"""

import os
import sys
import time

from limit_body import netns

CLIENT = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
print("connected", flush=True)
sys.stdin.readline()
connection.sendall(b"POST /vanished HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 1000000\\r\\n\\r\\n")
sys.stdin.readline()
"""

with netns.namespace() as namespace, namespace.run(CLIENT, netns.HERE, sys.argv[1]) as client:
    namespace.lose()
    client.stdin.write("\n")
    client.stdin.flush()

    # nginx says so in its log when it has given up.
    give_up = time.monotonic() + 20
    while "drained" not in open(os.environ["ERROR_LOG"]).read() and time.monotonic() < give_up:
        time.sleep(0.01)
    print("vanished")
