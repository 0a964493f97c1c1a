"""What clients that mean no good do to others: accepted uploads beside them.

    attack.py NGINX MODULE CERTIFICATE LOAD [KIND ...]

nginx has one worker on one core, clients and the backend have another; attackers get what the others leave of that
(nice 19). Uploads of a mebibyte come RATE times a second, whatever becomes of them, for SECONDS with nobody beside them and
for as long beside each kind of attackers (attackers.py). That is done to nginx alone, to the module as it is, and to the
module with a budget. The kind "slow" is another measurement: how long servers hold clients that upload as slowly as they
can (slow.py). LOAD is the program that draws it. Writes the tables between "make attack" and "end" of docs/reliability.md.

Ends with 1 if an accepted upload failed beside the module, or if the budget was not kept.
"""

import asyncio
import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.request

import slow
from limit_body import proc, servers
from limit_body.pages import fill, table

TOP = pathlib.Path(__file__).resolve().parent.parent
RATE, SIZE, SECONDS, SETTLING = 200, 1 << 20, 10, 3
PATIENCE = 30
UPLOAD = f"POST /large HTTP/1.1\r\nHost: honest\r\nContent-Length: {SIZE}\r\n\r\n".encode() + bytes(SIZE)
# lingering_time here, and how much longer it may seem to a client that looks once a second: nginx counts whole ones.
GRACE, ROUNDING = 5, 4
CONNS, BYTES = 500, 16 << 20

ATTACKERS = {
    # Title: kind, connections.
    "5,000 clients that send a byte a second": ("drip", 5000),
    "1,000 clients at full speed": ("flood", 1000),
    "100 clients with chunk extensions": ("extensions", 100),
    "100 connections of 100 HTTP/2 streams": ("streams", 100),
    "100 connections of HTTP/2 resets": ("resets", 100),
}

COMMON = f"lingering_time {GRACE}s; keepalive_requests 1000000;"
LARGE = """
        location /large { %s client_body_buffer_size 2m; proxy_pass_request_body off; proxy_set_header Content-Length '';
            proxy_http_version 1.1; proxy_set_header Connection ''; proxy_pass http://backend/ok; }
"""
PLAIN = COMMON + "client_max_body_size 1k;" + LARGE % "client_max_body_size 2m;"
LIMITED = (
    COMMON + "limit_body 1k; limit_body_zone attacked; location /metrics { limit_body_metrics; }"
    + LARGE % "limit_body 2m;"
)
BACKEND = "upstream backend {{ server {backend}; keepalive 64; keepalive_requests 1000000; }}"
SERVERS = {
    "nginx": servers.nginx("", PLAIN, BACKEND),
    "module": servers.nginx("load_module {module};", LIMITED, BACKEND),
    "budget": servers.nginx("load_module {module};", LIMITED + f"limit_body_drain conns={CONNS} bytes={BYTES};", BACKEND),
}
TITLES = {"nginx": "nginx alone", "module": "the module", "budget": f"with `conns={CONNS} bytes={BYTES >> 20}m`"}


class Uploads:
    """Accepted uploads: one every so often, each on a connection that is free."""

    def __init__(self, server):
        self.place = (server.address, server.port)
        self.loop = asyncio.get_running_loop()
        self.free = []
        self.times = []
        self.failures = []

    async def run(self, seconds):
        began, tasks = self.loop.time(), []
        for number in range(int(seconds * RATE)):
            due = began + number / RATE
            await asyncio.sleep(max(0, due - self.loop.time()))
            tasks.append(asyncio.ensure_future(self.upload(due)))
        in_time = len(self.times)
        await asyncio.wait(tasks, timeout=PATIENCE)
        for task in tasks:
            if not task.done():
                task.cancel()
                self.failures.append("no answer")
        for connection in self.free:
            connection.close()
        times = sorted(self.times) or [float("inf")]
        return {
            "share": in_time / len(tasks),
            "median_ms": 1000 * times[len(times) // 2],
            "worst_ms": 1000 * times[-1],
            "failed": len(self.failures),
            "why": self.failures[:3],
        }

    async def upload(self, due):
        connection = self.free.pop() if self.free else socket.socket()
        try:
            if connection.getsockname()[1] == 0:
                connection.setblocking(False)
                await self.loop.sock_connect(connection, self.place)
            await self.loop.sock_sendall(connection, UPLOAD)
            answer = b""
            while not answer.endswith(b"\r\n\r\nok\n"):
                piece = await self.loop.sock_recv(connection, 4096)
                if not piece:
                    raise OSError(f"closed after {answer[:40]!r}")
                answer += piece
        except OSError as error:
            self.failures.append(str(error))
            connection.close()
            return
        self.times.append(self.loop.time() - due)
        self.free.append(connection)


@contextlib.contextmanager
def attackers(server, kind, count):
    """Attackers; gives a function that ends them, and says what it came to."""
    process = subprocess.Popen(
        ["nice", "-n", "19", sys.executable, TOP / "bench" / "attackers.py", kind, server.address, str(server.port),
         str(count)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )

    def end():
        out, _ = process.communicate(timeout=60)
        return json.loads(out)

    try:
        yield end
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def metrics(server):
    with urllib.request.urlopen(server.url("h1", "/metrics"), timeout=20) as answer:
        return answer.read().decode()


async def watched(server, ended):
    """The most drains at a time that the metrics have shown."""
    most = 0
    while not ended.is_set():
        shown = await asyncio.get_running_loop().run_in_executor(None, metrics, server)
        most = max([most, *map(int, re.findall(r"^nginx_limit_body_draining_connections\S* (\d+)", shown, re.M))])
        await asyncio.sleep(0.5)
    return most


async def measure(server, has_metrics):
    ended = asyncio.Event()
    watch = asyncio.ensure_future(watched(server, ended)) if has_metrics else None
    members = proc.family(server.process.pid)
    cpu, began = proc.cpu_seconds(members), time.monotonic()
    measured = await Uploads(server).run(SECONDS)
    # The last uploads may take longer.
    measured["busy"] = (proc.cpu_seconds(members) - cpu) / (time.monotonic() - began)
    ended.set()
    measured["draining"] = await watch if watch else None
    return measured


def trial(context, name, title, core):
    """One kind of attackers and one server; None for nobody."""
    servers.KINDS[name] = (name, servers.HTTP1 + servers.HTTP2, SERVERS[name])
    with servers.started([name], *context) as running:
        server = running[name]
        proc.pin(server.process.pid, core)
        has_metrics = name != "nginx"
        if title is None:
            return asyncio.run(measure(server, has_metrics))
        kind, count = ATTACKERS[title]
        with attackers(server, kind, count) as end:
            # Long enough for the first to be cut off meanwhile.
            time.sleep(SETTLING)
            measured = asyncio.run(measure(server, has_metrics))
            return measured | {"attack": end()}


def broken(name, title, measured):
    """What of the promises was not kept."""
    kind = ATTACKERS[title][0] if title else None
    if name == "nginx":
        return
    if measured["failed"]:
        yield f"{measured['failed']} accepted uploads failed: {measured['why']}"
    if kind == "drip" and measured["attack"]["longest"] > GRACE + ROUNDING:
        yield f"a client was held for {measured['attack']['longest']:.1f} s"
    if name == "budget" and measured["draining"] > CONNS:
        yield f"{measured['draining']} drains at a time"
    # What is in the kernel's buffers was sent, and not drained.
    if name == "budget" and kind and measured["attack"]["most"] > BYTES + (16 << 20):
        yield f"{measured['attack']['most']} bytes were taken from one connection"


def row(measured, alone):
    """The share of what is done with nobody beside it, median and worst time, and how busy nginx was."""
    share = measured["share"] / alone["share"]
    failed = f", {measured['failed']} failed" if measured["failed"] else ""
    return (f"{100 * share:.0f}%{failed}; {measured['median_ms']:.0f} ms, at most {measured['worst_ms']:.0f}; "
            f"{100 * measured['busy']:.0f}% busy")


def came_to(attack):
    megabytes = attack["bytes"] / attack["seconds"] / 1e6
    return f"{attack['requests'] / attack['seconds']:,.0f} requests, {megabytes:,.1f} MB a second"


def beside(context, kinds, core):
    """Measures accepted uploads beside each kind of attackers. Returns the table, and what was not kept."""
    rows, failures, alone = [], [], {}
    for title in [None, *(title for title, (kind, _) in ATTACKERS.items() if not kinds or kind in kinds)]:
        cells = []
        for name in SERVERS:
            measured = trial(context, name, title, core)
            alone.setdefault(name, measured)
            cells.append(row(measured, alone[name]))
            attack = measured.get("attack")
            print(f"{title or 'nobody'}, {TITLES[name]}: {cells[-1]}; draining at most {measured['draining']}"
                  + (f"; {came_to(attack)}; held for {attack['longest']:.1f} s at most" if attack else ""), flush=True)
            failures += broken(name, title, measured)
        rows.append([title or "nobody", *cells])
    return table(["beside", *(TITLES[name] for name in SERVERS)], rows), failures


def main():
    nginx, module, certificate, load = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:5])
    context = (nginx, module, module, certificate)
    kinds = sys.argv[5:]
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("error: two cores are needed, one for nginx and one for its clients")
    os.sched_setaffinity(0, {cores[1]})
    tables, failures = {}, []
    if kinds != ["slow"]:
        filled, failures = beside(context, kinds, cores[0])
        if not kinds:
            tables["make attack"] = filled
    if not kinds or "slow" in kinds:
        tables["make attack PARTS=slow"], missed = slow.run(context, cores[0], TOP, load)
        failures += missed
    for what in failures:
        print(f"error: {what}", file=sys.stderr)
    if tables and not failures:
        page = TOP / "docs" / "reliability.md"
        fill(page, tables)
        print(f"==> {page.relative_to(TOP)}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
