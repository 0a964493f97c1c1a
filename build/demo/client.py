"""Uploads a file as users' programs do, to each location of the demo, and prints what they get, side by side."""

import http.client
import ssl
import subprocess
import sys

PORT, TLS_PORT, FILE = sys.argv[1:]
LOCATIONS = {"limit_body": "/upload", "closing at once": "/control/close", "answering twice": "/control/double"}


def curl(location):
    """curl, as on a command line. It looks for an answer while it sends."""
    done = subprocess.run(
        ["curl", "-sS", "-w", "%{stderr}%{http_code}", "--data-binary", f"@{FILE}", f"http://127.0.0.1:{PORT}{location}"],
        capture_output=True, text=True,
    )
    return f"{done.stderr[-3:]} {done.stdout.strip()}" if done.returncode == 0 else done.stderr.split("\n")[0][:-4 or None]


def python(connection, location):
    """Python's http.client. It sends all of the body before it looks, as most HTTP libraries do."""
    try:
        with open(FILE, "rb") as file:
            connection.request("POST", location, file.read())
        response = connection.getresponse()
        return f"{response.status} {response.read().decode().strip()}"
    except OSError as error:
        return f"{type(error).__name__}: {error.strerror}".split(" (")[0]


def plain(location):
    return python(http.client.HTTPConnection("127.0.0.1", int(PORT)), location)


def tls(location):
    context = ssl.create_default_context(cafile="objs/demo/localhost.pem")
    return python(http.client.HTTPSConnection("localhost", int(TLS_PORT), context=context), location)


CLIENTS = {"curl": curl, "Python http.client": plain, "the same over TLS": tls}

rows = [("", *LOCATIONS)]
for name, client in CLIENTS.items():
    rows.append((name, *(client(location) for location in LOCATIONS.values())))

widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
for row in rows:
    print("  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
