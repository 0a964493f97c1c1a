#!/usr/bin/env python3
"""What raw connections cost nginx with the module, beside nginx alone and HAProxy:

    bench/sessions.py NGINX MODULES OUT

Prints a table for docs/limit_session.md, and writes the figures to OUT. CPU time is the server's, user and system, from /proc;
server and load have a core each. Each figure is the median of several rounds; in each round the servers take turns in an order
drawn by lot, from a fixed seed. ROUNDS in the environment sets another number of rounds.
"""

import contextlib
import json
import os
import pathlib
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading

from limit_body import proc, servers
from limit_body.nginx import Nginx, await_condition, loads
from limit_body.ports import free_ports

ROUNDS = int(os.environ.get("ROUNDS") or 5)
SEED = 8413
SESSIONS = 3000
PIECE = memoryview(bytes(1 << 20))
GIB = 1 << 30

NGINX = """
{load}
worker_processes 1;
error_log {directory}/error.log crit;
events {{ worker_connections 1000; }}
stream {{
    {drain}
    server {{ listen 127.0.0.1:{answering}; return "busy\\n"; }}
    server {{ listen 127.0.0.1:{answered}; proxy_pass 127.0.0.1:{early}; }}
    server {{ listen 127.0.0.1:{passing}; proxy_pass 127.0.0.1:{sink}; }}
}}
"""
HAPROXY = """
global
    maxconn 1000
    nbthread 1
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen answered
    bind 127.0.0.1:{answered}
    server early 127.0.0.1:{early}
listen passing
    bind 127.0.0.1:{passing}
    server sink 127.0.0.1:{sink}
"""


class Upstream(threading.Thread):
    """An upstream of raw connections: DO is what it does with each."""

    def __init__(self, do):
        super().__init__(daemon=True)
        self.do = do
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            with connection, contextlib.suppress(OSError):
                self.do(connection)


def answer_early(connection):
    connection.recv(1)
    connection.sendall(b"busy\n")


def take_all(connection):
    buffer = bytearray(1 << 20)
    while connection.recv_into(buffer):
        pass


def session(port, asked=b""):
    """A session whose client reads the answer to its end, and has nothing more to send."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(asked)
        while client.recv(100):
            pass


def send_a_gib(client):
    for _ in range(GIB // len(PIECE)):
        client.sendall(PIECE)
    client.shutdown(socket.SHUT_WR)


def send_on(port):
    """A client that sends a GiB, whatever it is answered, and then reads. Returns whether it got the answer, and no error."""
    try:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"x")
            send_a_gib(client)
            return b"".join(iter(lambda: client.recv(100), b"")) == b"busy\n"
    except OSError:
        return False


def pass_on(port):
    with socket.create_connection(("127.0.0.1", port)) as client:
        send_a_gib(client)
        while client.recv(100):
            pass


@contextlib.contextmanager
def nginx(program, load, drain, ports, upstreams):
    with Nginx(program, NGINX, load=load, drain=drain, **ports, **upstreams) as server:
        server.start()
        yield server.master


@contextlib.contextmanager
def haproxy(ports, upstreams):
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
        file.write(HAPROXY.format(**ports, **upstreams))
        file.flush()
        process = subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", file.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield process.pid
        finally:
            servers.end(process)


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True


def measured(server, ports):
    """A server's CPU time: microseconds a session, seconds a GiB."""
    await_condition(lambda: listens(ports["answered"]), "the server")
    proc.pin(server, 1)
    found = {}

    def cost(name, do, scale):
        before = proc.cpu_seconds(proc.family(server))
        result = do()
        found[name] = (proc.cpu_seconds(proc.family(server)) - before) * scale
        return result

    if "answering" in ports:
        cost("answered by itself", lambda: [session(ports["answering"]) for _ in range(SESSIONS)], 1e6 / SESSIONS)
    cost("answered by its upstream", lambda: [session(ports["answered"], b"x") for _ in range(SESSIONS)], 1e6 / SESSIONS)
    cost("1 GiB passed on", lambda: pass_on(ports["passing"]), 1)
    if not cost("1 GiB after the answer", lambda: send_on(ports["answered"]), 1):
        # Who resets the client has done nothing.
        found["1 GiB after the answer"] = None
    return found


def main():
    program, modules, out = sys.argv[1:]
    load, alone = loads(modules)
    upstreams = {"early": Upstream(answer_early).port, "sink": Upstream(take_all).port}
    kinds = {
        "nginx alone": lambda ports: nginx(program, alone, "", ports, upstreams),
        "with the module": lambda ports: nginx(program, load, "limit_session_drain idle=60s;", ports, upstreams),
        "HAProxy": lambda ports: haproxy(ports, upstreams),
    }
    rng, rounds = random.Random(SEED), {name: [] for name in kinds}
    proc.pin(os.getpid(), 0)
    for number in range(ROUNDS):
        print(f"  round {number + 1} of {ROUNDS}", file=sys.stderr, flush=True)
        for name in rng.sample(list(kinds), len(kinds)):
            places = ["answered", "passing"] if name == "HAProxy" else ["answering", "answered", "passing"]
            ports = dict(zip(places, free_ports(len(places))))
            with kinds[name](ports) as server:
                rounds[name].append(measured(server, ports))
    pathlib.Path(out).write_text(json.dumps(rounds, indent=1))
    print("\n".join(table(rounds)))


def table(rounds):
    rows = list(rounds["nginx alone"][0])
    yield f"| CPU time | {' | '.join(rounds)} |"
    yield "|---|" + "---|" * len(rounds)
    for row in rows:
        base = median(rounds["nginx alone"], "1 GiB passed on" if row == "1 GiB after the answer" else row)
        cells = []
        for name in rounds:
            value = median(rounds[name], row)
            unit = f"{value:.2f} s" if value is not None and "GiB" in row else f"{value:.0f} µs" if value is not None else ""
            missing = "answer lost" if row == "1 GiB after the answer" else ""
            cells.append(f"{unit}, **{value / base:.2f}**" if value is not None else missing)
        yield f"| {row} | {' | '.join(cells)} |"


def median(rounds, row):
    values = [found.get(row) for found in rounds]
    return None if None in values else statistics.median(values)


if __name__ == "__main__":
    main()
