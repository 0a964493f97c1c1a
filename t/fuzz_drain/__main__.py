"""Holds the module's drain against nginx's own: the same uploads, cut and timed at random, are sent to both, and what the
client gets to see has to be the same.

    python -m fuzz_drain NGINX MODULE CERTIFICATE COUNT [SEED]

Both are in one nginx, which differs in nothing but limit_body_drain. A script is one connection: up to four requests, of
known length or chunked, some refused (401, 403, 404, 413, in advance or in mid-stream) and some not; one after the other
or pipelined; in pieces of any size, with pauses; over TLS every piece is a record. The last may stop half-way, and then the
client is silent, says that no more will come, or closes. Held against each other: the answers, byte for byte but for the
date; and whether the connection is open (which one more request proves), closed or reset in the end.

Ends with 1, and the script, at the first difference that shows three times in a row: packets have some say in where
reading stops.
"""

import concurrent.futures
import random
import socket
import sys
import time

from limit_body import connection, http1
from limit_body.nginx import Nginx
from limit_body.ports import free_ports

TARGETS = ["/413", "/413", "/413/read", "/413/read", "/413/unbuffered", "/403", "/401", "/404", "/200", "/200"]
PATIENCE = 4
# With valgrind a handshake may take long; it is nothing that is compared.
HANDSHAKE_PATIENCE = 60

LOCATIONS = """
        location = /413 {{ limit_body 1k; proxy_pass http://unix:{directory}/backend; }}
        location = /413/read {{ limit_body 9k; proxy_pass http://unix:{directory}/backend; }}
        location = /413/unbuffered {{ limit_body 9k; proxy_request_buffering off; proxy_pass http://unix:{directory}/backend; }}
        location = /403 {{ return 403 "no\\n"; }}
        location = /401 {{ auth_basic realm; auth_basic_user_file {directory}/users; }}
        location = /200 {{ limit_body 0; proxy_pass http://unix:{directory}/backend; }}
"""
CONFIGURATION = """
load_module {module};
worker_processes 2;
events {{ worker_connections 2000; }}
http {{
    access_log off;
    lingering_timeout 400ms;
    keepalive_requests 1000000;
    large_client_header_buffers 4 8k;
    proxy_http_version 1.1;
    ssl_certificate {certificate}.pem;
    ssl_certificate_key {certificate}.key;
    client_max_body_size 0;
    # It answers when it has read the body: where one answers before, the network decides whether the connection lives on.
    server {{ listen unix:{directory}/backend; location / {{ proxy_pass http://unix:{directory}/answer; }} }}
    server {{ listen unix:{directory}/answer; location / {{ return 200 "ok\\n"; }} }}
    server {{ listen 127.0.0.1:{ports[0]}; listen 127.0.0.1:{ports[1]} ssl; LOCATIONS limit_body_drain off; }}
    server {{ listen 127.0.0.1:{ports[2]}; listen 127.0.0.1:{ports[3]} ssl; LOCATIONS limit_body_drain idle=400ms; }}
}}
""".replace("LOCATIONS", LOCATIONS)


def size(rng):
    return rng.choice([0, 1, 1023, 1024, 1025, rng.randrange(5000), rng.randrange(20000), rng.randrange(300000), 1 << 20])


def chunks(rng, body):
    pieces, rest = [], body
    while rest:
        length = rng.choice([rng.randrange(1, 20), rng.randrange(1, 5000), rng.randrange(1, 70000), len(rest)])
        extension = rng.choice([b"", b"", b";a=b", b';name="a;b"'])
        pieces.append(b"%x%s\r\n%s\r\n" % (min(length, len(rest)), extension, rest[:length]))
        rest = rest[length:]
    trailer = rng.choice([b"", b"", b"X-Trailer: yes\r\n"])
    return b"".join(pieces) + b"0\r\n" + trailer + b"\r\n"


class Script:
    def __init__(self, seed):
        rng = random.Random(seed)
        self.tls = rng.random() < 0.4
        self.pipelined = rng.random() < 0.3
        self.requests, self.shown = [], []
        for _ in range(rng.choice([1, 1, 2, 3, 4])):
            target, length, chunked = rng.choice(TARGETS), size(rng), rng.random() < 0.5
            body = rng.randbytes(length)
            framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {length}"
            head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n".encode()
            self.requests.append(head + (chunks(rng, body) if chunked else body))
            self.shown.append(f"{target} {'chunked' if chunked else 'declared'} {length}")
        self.ending = rng.choice(["whole", "whole", "whole", "whole", "silent", "half-closed", "closed"])
        if self.ending != "whole":
            last = self.requests[-1]
            start = last.index(b"\r\n\r\n") + 4
            if len(last) - start < 2:
                self.ending = "whole"
            else:
                self.requests[-1] = last[: rng.randrange(start, len(last) - 1)]
        if self.ending == "silent" and rng.random() < 0.8:
            self.ending = "half-closed"  # Silence takes time.
        # Where to cut, and how long to wait there.
        self.cuts = [self.pieces(rng, len(request)) for request in self.requests]

    @staticmethod
    def pieces(rng, length):
        cuts, sent = [], 0
        scale = rng.choice([100, 1500, 17000, 100000, 1 << 20])
        while sent < length:
            piece = rng.randrange(1, scale + 1) if len(cuts) < 40 else length
            cuts.append((piece, rng.choice([0, 0, 0, 0.001, 0.003]) if len(cuts) < 20 else 0))
            sent += piece
        return cuts

    def __str__(self):
        words = [("TLS" if self.tls else "plain"), *(["pipelined"] if self.pipelined else []), "; ".join(self.shown), self.ending]
        return ", ".join(words)


class Connection:
    def __init__(self, port, tls):
        self.socket = connection.connect(port, HANDSHAKE_PATIENCE, ["http/1.1"] if tls else ())
        self.socket.settimeout(PATIENCE)
        self.answers = http1.Answers(self.socket)
        self.closing = False

    def send(self, request, cuts):
        """Whether all could be sent."""
        try:
            for piece, pause in cuts:
                self.socket.sendall(request[:piece])
                request = request[piece:]
                if pause:
                    time.sleep(pause)
            return True
        except OSError:
            return False

    def answer(self):
        """The next answer, or how the connection ended instead."""
        try:
            status, fields, body = self.answers.next()
        except EOFError:
            return "closed"
        except TimeoutError:
            return "silent"
        except OSError:
            return "reset"
        self.closing = fields.get("connection") == "close"
        del fields["date"]
        return status, fields, body

    def end(self):
        try:
            rest = self.answers.rest()
            return "closed" if not rest else f"closed, with {rest!r}"
        except TimeoutError:
            return "silent"
        except OSError:
            return "reset"

    def shutdown(self):
        try:
            # The socket beneath: Python's TLS cannot close one direction.
            socket.socket.shutdown(self.socket, socket.SHUT_WR)
        except OSError:
            pass  # The server has closed already.


def play(script, ports):
    """What the client gets to see."""
    client = Connection(ports[script.tls], script.tls)
    seen = []
    try:
        last = len(script.requests) - 1
        for i, (request, cuts) in enumerate(zip(script.requests, script.cuts)):
            sent = client.send(request, cuts)
            if i == last and sent:
                if script.ending == "closed":
                    break
                if script.ending == "half-closed":
                    client.shutdown()
            if script.pipelined and i < last:
                continue
            while len(seen) <= i:
                seen.append(client.answer())
                if isinstance(seen[-1], str) or client.closing:
                    break
            if isinstance(seen[-1], str):
                return seen
            if client.closing:
                return [*seen, client.end()]
        if script.ending in ("silent", "half-closed"):
            seen.append(client.end())
        elif script.ending == "whole":
            client.send(b"GET /404 HTTP/1.1\r\nHost: localhost\r\n\r\n", [(1000, 0)])
            probe = client.answer()
            seen.append(probe if isinstance(probe, str) else ("open", *probe))
        return seen
    finally:
        client.socket.close()


def alike(script, one, other):
    """Whether both are the same, as far as nginx decides it and not the network."""
    if one == other:
        return True
    # A client that closes when it has sent all looks for answers only if it could not send.
    if script.ending == "closed" and not (one and other):
        return True
    # Not a set: what a client sees may hold the fields of an answer.
    ends = ("closed", "reset")
    if not (one and other) or one[-1] not in ends or other[-1] not in ends:
        return False
    # What is left unread when nginx closes, and what is sent after that, makes the kernel reset the connection; requests
    # behind one that is refused are such. So their client may lose answers, with nginx's own drain as well.
    if script.pipelined:
        return all(a == b for a, b in zip(one[:-1], other[:-1]))
    return one[:-1] == other[:-1]


def judge(seed, plain, ours):
    """What is wrong with a script, if anything is, three times in a row."""
    script = Script(seed)
    for _ in range(3):
        one, other = play(script, plain), play(script, ours)
        if alike(script, one, other):
            resets = (one[-1:] == ["reset"], other[-1:] == ["reset"])
            return None, resets
    return f"{script}\n    nginx's drain: {one}\n    the module's:  {other}", (False, False)


def main():
    nginx, module, certificate, count, *seed = sys.argv[1:]
    count, seed = int(count), seed[0] if seed else str(random.randrange(10**9))
    ports = free_ports(4)
    with Nginx(nginx, CONFIGURATION, module=module, certificate=certificate, ports=ports) as server:
        (server.directory / "users").write_text("")
        server.start()
        print(f"{count} scripts, seed {seed}", flush=True)
        found, resets, done = [], [0, 0], 0
        names = [f"{seed}-{i}" for i in range(count)]
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            for name, (wrong, reset) in zip(names, pool.map(lambda name: judge(name, ports[:2], ports[2:]), names)):
                done += 1
                resets = [resets[0] + reset[0], resets[1] + reset[1]]
                if wrong:
                    found.append(f"{name}: {wrong}")
                    print(found[-1], flush=True)
                if len(found) >= 5:
                    pool.shutdown(cancel_futures=True)
                    break
                if done % 2000 == 0:
                    print(f"{done} scripts, {len(found)} differences", flush=True)
        if not server.stop():
            sys.exit("nginx does not end")
        alerts = server.serious()
        print("\n".join(alerts))
        drains = server.logged().count(" drained ")
        print(f"{done} scripts, {len(found)} differences, {len(alerts)} alerts; {drains} drains of the module; ended with a "
              f"reset: {resets[0]} with nginx's drain, {resets[1]} with the module's")
        sys.exit(1 if found or alerts else 0)


main()
