"""A client that vanishes when nginx has its request: what nginx then sends is never acknowledged.

    vanish.py PORT

The client is in a network namespace of its own. Once it is connected, this side sends to an address of the link layer that
nobody has; what the client sends still arrives. Needs root, and leaves nothing behind.
"""

import contextlib
import os
import subprocess
import sys
import time

CLIENT = """
import socket, sys
connection = socket.create_connection(("10.213.77.1", int(sys.argv[1])), 10)
print("connected", flush=True)
sys.stdin.readline()
connection.sendall(b"POST /vanished HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 1000000\\r\\n\\r\\n")
sys.stdin.readline()
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True)


port, name, here, there = sys.argv[1], f"limit-body-{os.getpid()}", f"lb{os.getpid()}", f"lc{os.getpid()}"

with contextlib.ExitStack() as undo:
    ip("netns", "add", name)
    undo.callback(ip, "netns", "delete", name)
    ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
    undo.callback(ip, "link", "delete", here)
    ip("address", "add", "10.213.77.1/30", "dev", here)
    ip("link", "set", here, "up")
    ip("-n", name, "address", "add", "10.213.77.2/30", "dev", there)
    ip("-n", name, "link", "set", there, "up")

    command = ["ip", "netns", "exec", name, sys.executable, "-c", CLIENT, port]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        client.stdout.readline()
        ip("neighbour", "replace", "10.213.77.2", "lladdr", "02:00:00:00:00:99", "dev", here, "nud", "permanent")
        client.stdin.write("\n")
        client.stdin.flush()

        # nginx says so in its log when it has given up.
        give_up = time.monotonic() + 20
        while "drained" not in open(os.environ["ERROR_LOG"]).read() and time.monotonic() < give_up:
            time.sleep(0.01)
    print("vanished")
