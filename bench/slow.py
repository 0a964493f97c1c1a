"""What servers do with clients that upload as slowly as they can: how long they hold their connections, and what such a
client is told; a part of bench/attack.py."""

import datetime
import json
import os
import socket
import subprocess
import sys
import threading
import time

from limit_body import peers, proc, servers
from limit_body.pages import table

CLIENTS, SECONDS = 2000, 60
# Connections that a server may have; nginx begins to close idle ones when it has less than a sixteenth left. Apache has them
# in processes of 64 threads.
CONNECTIONS = 35 * 64
TIME, RATE = 10, 500
SIZE, EACH, PATIENCE = 1 << 20, 0.5, 30
UPLOAD = (f"POST /ok HTTP/1.1\r\nHost: honest\r\nContent-Length: {SIZE}\r\nConnection: close\r\n\r\n".encode()
          + bytes(SIZE))
SHORT = 5
# When the table looks, in seconds.
LOOKS = (5, 15, 30, 45, 60)

LIMITED = f"limit_body 2m; limit_body_timeout {TIME}s rate={RATE};"


def nginx(loaded, rules):
    return servers.nginx(loaded, rules, connections=CONNECTIONS)


def apache(server, context, directory):
    """As many connections from the beginning: it starts processes one by one otherwise."""
    (directory / "ok").write_text("ok\n")
    return peers.apache(server, context.certificate, directory, ["dir", "mime", "reqtimeout"], f"""
RequestReadTimeout body={TIME},MinRate={RATE}
ServerLimit {CONNECTIONS // 64}
StartServers {CONNECTIONS // 64}
MaxRequestWorkers {CONNECTIONS}
MinSpareThreads {CONNECTIONS}
MaxSpareThreads {CONNECTIONS}
ListenBacklog 16384
LimitRequestBody {2 << 20}
DocumentRoot {directory}
TypesConfig /etc/mime.types
""")


# This module first, then what it is held against.
SERVERS = {
    "slow module": ("limit_body_timeout", nginx("load_module {module};", LIMITED)),
    "slow nginx": ("nginx alone", nginx("", "client_max_body_size 2m;")),
    "slow apache": ("Apache, mod_reqtimeout", apache),
    "slow module, short": (
        f"limit_body_timeout, lingering_time {SHORT}s",
        nginx("load_module {module};", f"{LIMITED} lingering_time {SHORT}s;"),
    ),
}


class Uploads(threading.Thread):
    """Uploads that are accepted, each on a connection of its own, one after the other."""

    def __init__(self, server):
        super().__init__()
        self.place = (server.address, server.port)
        self.is_over = threading.Event()
        self.times, self.failures = [], []

    def run(self):
        while not self.is_over.wait(EACH):
            began = time.monotonic()
            try:
                self.upload()
                self.times.append(time.monotonic() - began)
            except OSError as error:
                self.failures.append(str(error))

    def upload(self):
        with socket.create_connection(self.place, PATIENCE) as connection:
            connection.sendall(UPLOAD)
            answer = b""
            while piece := connection.recv(1 << 16):
                answer += piece
        if not (answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\nok\n")):
            raise OSError(f"answered {answer[:40]!r}")

    def end(self):
        self.is_over.set()
        self.join()
        times = sorted(self.times)
        return {
            "accepted": len(times),
            "failed": len(self.failures),
            "why": self.failures[:3],
            "median_ms": round(1000 * times[len(times) // 2], 1) if times else None,
            "longest_ms": round(1000 * times[-1], 1) if times else None,
        }


def trial(context, name, core):
    title, start = SERVERS[name]
    servers.KINDS[name] = (title, servers.HTTP1, start)
    with servers.started([name], *context) as running:
        server = running[name]
        proc.pin(server.process.pid, core)
        uploads = Uploads(server)
        uploads.start()
        try:
            done = subprocess.run(
                [sys.executable, os.path.join(os.path.dirname(__file__), "drips.py"), server.address, str(server.port), "/ok",
                 str(CLIENTS), str(SECONDS)],
                stdout=subprocess.PIPE, text=True, check=True,
            )
        finally:
            honest = uploads.end()
        looks = [json.loads(line) for line in done.stdout.splitlines()]
        return {"server": name.removeprefix("slow "), "name": title, "looks": looks, "uploads": honest}


def broken(measured):
    """What of the promises was not kept, beside the module."""
    if not measured["server"].startswith("module"):
        return
    if measured["uploads"]["failed"]:
        yield f"{measured['uploads']['failed']} accepted uploads failed: {measured['uploads']['why']}"
    if (answered := measured["looks"][-1]["answered"]) != {"408": CLIENTS}:
        yield f"of {CLIENTS} clients {answered} have read an answer"


def held(measured, second):
    """How many connections were held at the look that is nearest to a second."""
    return min(measured["looks"], key=lambda look: abs(look["second"] - second))["held"]


def rows(figures):
    for measured in figures["servers"]:
        last, uploads = measured["looks"][-1], measured["uploads"]
        failed = f", {uploads['failed']} failed" if uploads["failed"] else ""
        yield [
            measured["name"],
            *(f"{held(measured, second):,}" for second in LOOKS),
            f"{last['answered'].get('408', 0):,}",
            f"{last['without_answer']:,}",
            f"{uploads['accepted']}{failed}; {uploads['median_ms']:.0f} ms, at most {uploads['longest_ms']:.0f}",
        ]


def run(context, core, top, load):
    """Measures all servers. Returns the table, and what was not kept."""
    versions = servers.Context(*context)
    figures = {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "nginx": versions.version("nginx"),
        "apache": versions.version("apache"),
        "clients": CLIENTS,
        "connections": CONNECTIONS,
        "servers": [],
    }
    failures = []
    for name in SERVERS:
        measured = trial(context, name, core)
        figures["servers"].append(measured)
        failures += [f"{measured['name']}: {what}" for what in broken(measured)]
        last = measured["looks"][-1]
        print(f"{measured['name']}: held {[look['held'] for look in measured['looks']][::5]}, answered {last['answered']}, "
              f"{last['without_answer']} without an answer; uploads {measured['uploads']}", flush=True)
    if not failures:
        file = top / "docs" / "slow-uploads.json"
        file.write_text(json.dumps(figures, indent=1) + "\n")
        subprocess.run([load, "plot-held", file, top / "docs" / "slow-uploads.svg"], check=True)
    head = ["", *(f"held after {second} s" for second in LOOKS), "read the 408 page", "ended without an answer",
            "uploads of 1 MiB"]
    return table(head, list(rows(figures))), failures
