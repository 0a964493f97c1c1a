"""The same clients, played to an nginx and simulated; and what the dearest bytes of an attacker take of an nginx.

The budget is a small one, so that all of it is over in seconds."""

import asyncio
import os
import random
import ssl
import statistics
import sys
import time

import drains
import h2.exceptions
from limit_body import connection, frames, http2, nginx, proc
from limit_body.ports import free_ports

CLIENTS = 240
OVER = 12_000
PATIENCE = 20
CONNS = 12
BUDGET = drains.Budget(idle=2000, grace=3000, time=8000, rate=16 << 10, bytes=256 << 10)
FLOOD = 32 << 20
RECORDS = 300_000
HELD = 50

CONFIGURATION = """
load_module {module};
worker_processes 1;
worker_rlimit_nofile 8192;
error_log error.log;
events {{ worker_connections 4096; }}
http {{
    lingering_time 3s;
    log_format drains '$arg_id $limit_body_drain $limit_body_drained $limit_body_drain_time';
    access_log off;
    limit_body 1k;
    limit_body_drain idle=2s time=8s rate=16k bytes=256k;
    server {{
        listen 127.0.0.1:{ports[0]} backlog=4096;
        listen 127.0.0.1:{ports[1]}{h2};
        listen 127.0.0.1:{ports[2]} ssl;
        {http2}
        ssl_certificate {certificate}.pem;
        ssl_certificate_key {certificate}.key;
        location /any {{ access_log drains.log drains; }}
        location /slots {{ limit_body_zone slots; limit_body_drain idle=2s time=8s rate=16k bytes=256k conns={conns};
            access_log drains.log drains; }}
        location /patient {{ lingering_time 1h; limit_body_drain idle=1h time=1h bytes=off; }}
    }}
}}
"""


def scripts():
    """Clients of every kind, each with rates and sizes of its own: (when, client, size)."""
    dice = random.Random(8413)
    kinds = [
        lambda: (drains.Client("fast", dice.uniform(5e4, 4e5), 100), dice.randrange(20_000, 200_000)),
        lambda: (drains.Client("patient", dice.uniform(1.8e4, 3e4), 100), dice.randrange(50_000, 120_000)),
        lambda: (drains.Client("too long", dice.uniform(1.8e4, 2.5e4), 100), 600_000),
        lambda: (drains.Client("too slow", dice.uniform(1e3, 1.4e4), 100), 600_000),
        lambda: (drains.Client("too much", dice.uniform(1e5, 4e5), 100), 600_000),
        lambda: (drains.Client("drips", 1.3, dice.randrange(700, 1700)), 5000),
        lambda: (drains.Client("falls silent", dice.uniform(2e4, 5e4), 100, stops=dice.randrange(200, 2500)), 600_000),
        lambda: (drains.Client("hangs up", dice.uniform(2e4, 5e4), 100, dice.randrange(200, 2500), closes=True), 600_000),
    ]
    whens = sorted(dice.randrange(OVER) for _ in range(CLIENTS))
    return [(when, *kinds[number % len(kinds)]()) for number, when in enumerate(whens)]


class Server(nginx.Nginx):
    def __init__(self, program, module, certificate):
        self.ports = free_ports(3)
        h2, directive = nginx.http2(program)
        super().__init__(program, CONFIGURATION, module=module, certificate=certificate, ports=self.ports, conns=CONNS,
                         h2=h2, http2=directive)
        self.start()
        (self.worker,) = self.workers()

    def connect(self, port):
        return connection.connect(self.ports[port], PATIENCE)

    def cpu(self):
        return proc.cpu_seconds([self.worker])

    def sockets(self):
        return len(os.listdir(f"/proc/{self.worker}/fd"))

    def drains(self):
        """By the number of the client: outcome, bytes, seconds."""
        lines = (self.directory / "drains.log").read_text().splitlines()
        return {int(number): (outcome, int(count), float(seconds))
                for number, outcome, count, seconds in (line.split() for line in lines if " - " not in line)}


async def play(server, location, is_stream, script):
    began = asyncio.get_running_loop().time() + 0.2
    await asyncio.gather(*(one(server, location, is_stream, began, number, *it) for number, it in enumerate(script)))


async def one(server, location, is_stream, began, number, when, client, size):
    """A client that sends as it is told to, until nginx is done with it."""
    async def sleep_until(milliseconds):
        await asyncio.sleep(began + milliseconds / 1000 - asyncio.get_running_loop().time())

    await sleep_until(when)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.ports[1 if is_stream else 0])
    target = f"{location}?id={number}"
    http = None
    if is_stream:
        http = http2.Protocol()
        http.request(upload(target, size))
        writer.write(http.data_to_send())
    else:
        writer.write(f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode())
    ended = asyncio.ensure_future(listen(reader, http, writer))
    try:
        left = size
        for at, what in client.pieces(size):
            await sleep_until(when + at)
            if ended.done():
                break
            if what == "silence":
                await asyncio.wait([ended], timeout=PATIENCE)
            elif what != "close":
                left -= what
                await send(http, writer, bytes(what), left == 0, ended)
                await writer.drain()
        if left == 0:
            await asyncio.wait([ended], timeout=1)
    except OSError:
        pass
    ended.cancel()
    writer.transport.abort() if left == 0 else writer.close()


def upload(target, size):
    return [(":method", "POST"), (":scheme", "http"), (":path", target), (":authority", "localhost"), ("content-length", str(size))]


async def send(http, writer, piece, is_last, ended):
    if not http:
        writer.write(piece)
        return
    while piece and not ended.done():
        window = min(http.local_flow_control_window(1), 16384)
        if window <= 0:
            # Credit is on its way, or the end.
            await asyncio.sleep(0.01)
            continue
        part, piece = piece[:window], piece[window:]
        http.send_data(1, part, end_stream=is_last and not piece)
        writer.write(http.data_to_send())


async def listen(reader, http, writer):
    """Until nginx ends the connection, or the stream."""
    try:
        while data := await reader.read(65536):
            if not http:
                continue
            http.take(data)
            if http.requests[1].stopped:
                return
            writer.write(http.data_to_send())
        # Over HTTP/1.x nginx says goodbye first where it lingers; to be told of its end takes sending more.
    except (OSError, h2.exceptions.ProtocolError):
        pass


def simulated(script, is_stream, conns):
    budget = drains.Budget(**{**vars(BUDGET), "conns": conns})
    node = drains.Node(budget, is_stream=is_stream)
    arrivals = [(when, 0, client, size) for when, client, size in script]
    return drains.run([node], arrivals, OVER + 60_000)[0]


def compare(server, script, location, is_stream, conns):
    log = server.directory / "drains.log"
    asyncio.run(play(server, location, is_stream, script))
    deadline = time.monotonic() + PATIENCE
    while len(server.drains()) < len(script) and time.monotonic() < deadline:
        time.sleep(0.2)
    real = server.drains()
    log.write_text("")
    model = simulated(script, is_stream, conns)
    return real, model


def rules(server):
    """How many drains end as simulated; a row for each version of HTTP."""
    script = scripts()
    rows = []
    for title, is_stream in (("HTTP/1.1", False), ("HTTP/2", True)):
        print(f"==> {len(script)} clients against nginx, {title}", flush=True)
        real, model = compare(server, script, "/any", is_stream, None)
        same = [number for number, drain in enumerate(model) if real.get(number, ("none",))[0] == drain.outcome]
        for number, drain in enumerate(model):
            if number not in same:
                print(f"  {drain.client.name} of {drain.size} bytes: {drain.outcome}, {real.get(number)}")
        seconds = [sum(real[it][2] for it in same), sum(model[it].ended - model[it].began for it in same) / 1000]
        count = [sum(real[it][1] for it in same), sum(model[it].bytes for it in same)]
        rows.append({"title": title, "same": (len(same), len(script)), "seconds": seconds, "bytes": count})
    return rows


def slots(server):
    """How many find no slot, of nginx and simulated; by version of HTTP."""
    script = scripts()
    rows = {}
    for title, is_stream in (("HTTP/1.1", False), ("HTTP/2", True)):
        print(f"==> the same with conns={CONNS}, {title}", flush=True)
        real, model = compare(server, script, "/slots", is_stream, CONNS)
        rows[title] = [sum(it[0] == "refused" for it in real.values()), sum(it.outcome == "refused" for it in model)]
    return rows


def linger(server):
    """How long nginx keeps HTTP/1.1 connections whose body it has read, of clients that do not close; in seconds."""
    time.sleep(0.5)
    before = server.sockets()
    clients = [server.connect(0) for _ in range(HELD)]
    for client in clients:
        client.sendall(b"POST /any HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n" + bytes(2000))
    began = time.monotonic()
    while server.sockets() < before + HELD and time.monotonic() < began + 1:
        time.sleep(0.01)
    while server.sockets() > before + HELD / 2 and time.monotonic() < began + PATIENCE:
        time.sleep(0.02)
    took = time.monotonic() - began
    for client in clients:
        client.close()
    return took


def dearest(server):
    """CPU seconds of a GB on the wire that is cut as small as can be, by how it is."""
    head = b"POST /patient HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    costs = {}

    client = server.connect(0)
    client.sendall(head)
    costs["http1_chunked"] = flood(server, client, b"1\r\nx\r\n" * (FLOOD // 6))

    client = server.connect(2)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = connection.context(["http/1.1"]).wrap_bio(incoming, outgoing)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            client.sendall(outgoing.read())
            incoming.write(client.recv(65536))
    tls.write(head)
    client.sendall(outgoing.read())
    for _ in range(RECORDS):
        tls.write(b"1\r\nx\r\n")
    costs["http1_tls_chunked"] = flood(server, client, outgoing.read())

    client, http = server.connect(1), http2.Protocol()
    http.request(upload("/patient", 1 << 40))
    client.sendall(http.data_to_send())
    time.sleep(0.5)
    # Smaller ones are a flood to nginx.
    frame = frames.frame(frames.DATA, 0, 1, b"xx")
    costs["http2"] = flood(server, client, frame * (FLOOD // len(frame)))
    return costs


def flood(server, client, data):
    """CPU seconds of a GB that is sent."""
    time.sleep(0.2)
    before = server.cpu()
    client.sendall(data)
    # Until all is read.
    was = None
    while was != (now := server.cpu()):
        was = now
        time.sleep(0.5)
    client.close()
    return (now - before) / (len(data) / 1e9)


def measure(program, module, certificate):
    with Server(program, module, certificate) as server:
        costs = [dearest(server) for _ in range(3)]
        median = {how: statistics.median(it[how] for it in costs) for how in costs[0]}
        return rules(server), slots(server), linger(server), median


if __name__ == "__main__":
    *setting, drains.COURSE = sys.argv[1:]
    print(*measure(*setting), sep="\n")
