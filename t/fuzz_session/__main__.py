"""Plays random sessions of raw connections to nginx with the module and to nginx alone, and compares:

    python3 -m fuzz_session NGINX STREAM-MODULES CERTIFICATE SESSIONS [SEED]

STREAM-MODULES are those that build/nginx/stream-modules.sh prints. A session is played to both. With the module the client has
to read all of the answer, and to see a proper end, whatever it has sent. nginx alone may lose the end of the answer, and reset
the client. In any case: what is read is what was sent, up to where it ends; an upstream gets what the client has sent, no more
than the limit, and all of it if nobody ended the session before; nothing is left in the end.
"""

import concurrent.futures
import contextlib
import pathlib
import random
import re
import socket
import struct
import sys
import threading
import time
import urllib.request

from limit_body import connection
from limit_body.nginx import Nginx, await_condition, loads
from limit_body.ports import free_ports
from limit_body.words import numbers

TIMEOUT = 60
LIMIT = 50_000
# What nginx 1.22 writes at level crit of a client that goes on sending over TLS; 1.28 has it at level info.
HARMLESS = ("application data after close notify",)
MESSAGE = "too much"

CONFIGURATION = """
{loads}
worker_processes 1;
error_log error.log info;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    server {{ listen 127.0.0.1:{status}; location / {{ stub_status; }} }}
}}
stream {{
    {drain}
    ssl_certificate {certificate}.pem;
    ssl_certificate_key {certificate}.key;
    server {{ listen 127.0.0.1:{plain}; return "{answer}"; }}
    server {{ listen 127.0.0.1:{tls} ssl; return "{answer}"; }}
    server {{ listen 127.0.0.1:{proxied}; proxy_pass 127.0.0.1:{upstream}; }}
    server {{ listen 127.0.0.1:{proxied_tls} ssl; proxy_pass 127.0.0.1:{upstream}; }}
    server {{ listen 127.0.0.1:{half}; proxy_half_close on; proxy_pass 127.0.0.1:{upstream}; }}
    server {{ listen 127.0.0.1:{limited}; {limit} proxy_pass 127.0.0.1:{upstream}; }}
    server {{ listen 127.0.0.1:{limited_tls} ssl; {limit} proxy_pass 127.0.0.1:{upstream}; }}
}}
"""
SERVERS = ["plain", "tls", "proxied", "proxied_tls", "half", "limited", "limited_tls"]


class Session:
    """What is played, made from a random number."""

    def __init__(self, number):
        dice = random.Random(number)
        self.number = number
        self.server = dice.choice(SERVERS)
        # The client's pieces, with a pause before each, and how it ends.
        self.pieces = [(dice.choice([1, 10, 1000, 16384, 100_000, 1_000_000]), dice.choice([0, 0, 0, 0.001, 0.02]))
                       for _ in range(dice.randrange(5))]
        self.end = dice.choice(["read", "read", "shutdown", "shutdown", "leave", "reset"])
        if self.server.endswith("tls") and self.end == "shutdown":
            # TLS has no half-closed connections that everybody takes.
            self.end = "read"
        # The upstream reads so much before it answers; then it ends its side, reads on to the end, or both.
        self.reads = dice.choice([0, 1, 1000, 60_000])
        self.answer = numbers(dice.choice([0, 1, 100, 10_000, 300_000]))
        self.then = dice.choice(["end", "end", "rest"])

    def size(self):
        return sum(size for size, _ in self.pieces)


class Upstream:
    """Does what the session says whose number is the first line that comes."""

    def __init__(self, port, sessions):
        self.sessions, self.got = sessions, {}
        self.listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            connection.settimeout(TIMEOUT)
            threading.Thread(target=self.answer, args=[connection], daemon=True).start()

    def answer(self, client):
        got, session = b"", None
        with client, contextlib.suppress(OSError):
            while b"\n" not in got and (some := client.recv(1 << 16)):
                got += some
            name = got.partition(b"\n")[0]
            if not name:
                return
            key, number = name.decode().split()
            session = self.sessions[int(number)]
            while len(got) < len(name) + 1 + session.reads and (some := client.recv(1 << 16)):
                got += some
            client.sendall(session.answer)
            if session.then == "end":
                client.shutdown(socket.SHUT_WR)
            while some := client.recv(1 << 16):
                got += some
        if session:
            self.got[key, session.number] = got


def play(session, port, key):
    """What the client has read, and how it ended."""
    tls, came = session.server.endswith("tls"), b""
    with connection.connect(port, TIMEOUT, ["raw"] if tls else ()) as client:
        try:
            client.sendall(f"{key} {session.number}\n".encode())
            for size, pause in session.pieces:
                time.sleep(pause)
                client.sendall(bytes(size))
            if session.end == "shutdown":
                client.shutdown(socket.SHUT_WR)
            if session.end == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if session.end in ("reset", "leave"):
                return came, "left"
            if session.then == "rest" and session.server not in ("plain", "tls") and session.end != "shutdown":
                # Nobody would end it.
                while len(came) < len(session.answer) and (some := client.recv(1 << 16)):
                    came += some
                return came, "closed"
            while some := client.recv(1 << 16):
                came += some
            return came, "closed"
        except OSError as error:
            return came, repr(error)


def is_over(session, key):
    """Whether the client sends more than it may."""
    return session.server.startswith("limited") and key == "module" and session.size() + len(f"{key} {session.number}\n") > LIMIT


def check(session, key, seen, end, got):
    """What is wrong."""
    name = f"{key} {session.number}\n".encode()
    sent = name + bytes(session.size())
    answer = b"busy\n" if session.server in ("plain", "tls") else session.answer
    if is_over(session, key):
        # The answer may have been given before, in part or in full.
        said = seen.removesuffix(f"{MESSAGE}\n".encode())
        if not answer.startswith(said):
            yield f"read {seen[-40:]!r}"
        if got is not None and len(got) > LIMIT:
            yield f"the upstream got {len(got)} bytes"
    elif not answer.startswith(seen):
        yield f"read {len(seen)} bytes that are not the answer"
    if got is not None and not sent.startswith(got):
        yield f"the upstream got {len(got)} bytes that were not sent"
    if key == "alone" or end == "left":
        return
    if end != "closed":
        yield f"ended with {end}"
    may_be_short = is_over(session, key) or (session.end == "shutdown" and session.server not in ("plain", "tls", "half"))
    waits = session.size() < session.reads and session.server not in ("plain", "tls")
    if not may_be_short and not waits and seen != answer:
        yield f"read {len(seen)} of {len(answer)} bytes"


def main(program, modules, certificate, count, seed=None):
    seed = int(seed) if seed else random.randrange(1 << 32)
    print("seed", seed, file=sys.stderr)
    numbers_of = random.Random(seed)
    sessions = {number: Session(number) for number in (numbers_of.randrange(1 << 48) for _ in range(int(count)))}
    # A client that waits for an answer for which its upstream waits would wait for ever.
    for session in sessions.values():
        if session.size() < session.reads and session.end == "read":
            session.end = "leave"
    ports = dict(zip([*SERVERS, "status", "upstream"], free_ports(len(SERVERS) + 2)))
    upstream = Upstream(ports["upstream"], sessions)
    with_module, alone = loads(modules)
    limit = f'limit_session {LIMIT}; limit_session_message "{MESSAGE}\\n";'
    wrong, lost = [], {"module": 0, "alone": 0}
    for key, values in {"module": dict(loads=with_module, drain="limit_session_drain idle=10s;", limit=limit),
                        "alone": dict(loads=alone, drain="", limit="")}.items():
        with Nginx(program, CONFIGURATION, certificate=certificate, answer="busy\\n", **values, **ports) as nginx:
            nginx.start()
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                played = pool.map(lambda session: (session, *play(session, ports[session.server], key)), sessions.values())
                for session, seen, end in played:
                    if is_over(session, key):
                        with contextlib.suppress(TimeoutError):
                            await_condition(lambda: (key, session.number) in upstream.got, "the upstream", 5)
                    got = upstream.got.get((key, session.number))
                    wrong += [f"{key} {vars(session) | {'answer': len(session.answer)}}: {what}"
                              for what in check(session, key, seen, end, got)]
                    lost[key] += end not in ("closed", "left")

            def active():
                text = urllib.request.urlopen(f"http://127.0.0.1:{ports['status']}/").read().decode()
                return int(re.search(r"Active connections: (\d+)", text)[1])

            with contextlib.suppress(TimeoutError):
                await_condition(lambda: active() == 1, "the end of all connections", 40)
            if (left := active() - 1):
                wrong.append(f"{key}: {left} connections are left")
            nginx.stop()
            wrong += nginx.serious(but=HARMLESS)
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{len(sessions)} sessions: {len(wrong)} wrong")
    print(f"broken off: {lost['module']} with the module, {lost['alone']} without", file=sys.stderr)
    return 1 if wrong else 0


sys.exit(main(*sys.argv[1:]))
