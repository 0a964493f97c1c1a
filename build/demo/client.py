"""Uploads a file as users' programs do, to nginx with the module, to nginx alone, and to two textbook ways of refusing an
upload, and prints what each program gets:

    client.py PORT FILE

The module listens on PORT, nginx alone two above; with TLS, each one above that.
"""

import concurrent.futures
import http.client
import ssl
import subprocess
import sys
import time

PORT, FILE = int(sys.argv[1]), sys.argv[2]
SERVERS = {
    "limit_body": (PORT, "/upload"),
    "nginx alone": (PORT + 2, "/upload"),
    "closing at once": (PORT, "/control/close"),
    "answering twice": (PORT, "/control/double"),
}
# More than the 5 seconds for which nginx alone waits for a client that is silent.
PAUSE = 6.5


def curl(port, location):
    """curl, as on a command line. It looks for an answer while it sends."""
    done = subprocess.run(
        ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", f"@{FILE}", f"http://127.0.0.1:{port}{location}"],
        capture_output=True, text=True,
    )
    return done.stdout if done.returncode == 0 else f"exit code {done.returncode}"


def python(port, location):
    """Python's http.client. It sends all of the body before it looks, as most HTTP libraries do."""
    return upload(http.client.HTTPConnection("127.0.0.1", port), location)


def tls(port, location):
    context = ssl.create_default_context(cafile="objs/demo/localhost.pem")
    return upload(http.client.HTTPSConnection("localhost", port + 1, context=context), location)


def pausing(port, location):
    """The same, but half-way the client waits, as for a disk or a mobile network."""
    return upload(http.client.HTTPConnection("127.0.0.1", port), location, PAUSE)


def upload(connection, location, pause=0.0):
    with open(FILE, "rb") as file:
        body = file.read()
    try:
        connection.putrequest("POST", location)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        connection.send(body[: len(body) // 2])
        time.sleep(pause)
        connection.send(body[len(body) // 2 :])
        response = connection.getresponse()
        response.read()
        return str(response.status)
    except OSError as error:
        return type(error).__name__


CLIENTS = {
    "curl": curl,
    "Python http.client": python,
    "Python http.client, TLS": tls,
    f"Python http.client, pausing for {PAUSE} s": pausing,
}

rows = [("", *SERVERS)]
for name, client in CLIENTS.items():
    with concurrent.futures.ThreadPoolExecutor(len(SERVERS) if client is pausing else 1) as pool:
        rows.append((name, *pool.map(lambda server: client(*server), SERVERS.values())))

widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
for row in rows:
    print("  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
