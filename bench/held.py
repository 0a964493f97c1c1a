"""What a stream of HTTP/2 takes of the worker's memory while it is drained, by what its request's header has.

    held.py NGINX MODULE                (with PYTHONPATH=t/lib)

Prints bytes for each stream: how much more the worker has with 50 connections of 60 silent refused streams each, than with
one. Header fields differ from stream to stream, and so take their room in full.
"""

import sys

from limit_body import http2, nginx
from limit_body.ports import free_ports
from limit_body.proc import resident

CONNECTIONS, STREAMS = 50, 60
# Fields beside the four of every request, and how long each is.
HEADERS = {
    "no more": (0, 0),
    "20 fields of 50 bytes": (20, 50),
    "8 fields of 1,000 bytes": (8, 1000),
    "28 fields of 1,000 bytes": (28, 1000),
}

CONFIGURATION = """
worker_processes 1;
load_module {module};
events {{ worker_connections 1024; }}
http {{
    access_log off;
    limit_body 1k;
    limit_body_drain idle=1h time=1h;
    lingering_time 1h;
    server {{ listen 127.0.0.1:{port}{listen}; {directive} }}
}}
"""


def silent(port, fields, length, number):
    """A connection with refused streams that send nothing."""
    client, streams = http2.Client(port, 30, tls=False), []
    for i in range(STREAMS):
        header = [(":method", "POST"), (":path", "/"), (":scheme", "http"), (":authority", "localhost"), ("content-length", "1000000")]
        header += [(f"x-{j}", f"{number}-{i}-{j}-".ljust(length, "x")) for j in range(fields)]
        streams.append(client.http.request(header))
        client.flush()
    while not all(stream.ended or stream.stopped for stream in streams):
        client.receive()
        client.flush()
    if any(stream.stopped for stream in streams):
        sys.exit("error: a stream is not drained")
    return client


program, module = sys.argv[1:]
values = dict(zip(("listen", "directive"), nginx.http2(program)))
for title, (fields, length) in HEADERS.items():
    values["port"] = free_ports(1)[0]
    with nginx.Nginx(program, CONFIGURATION, module=module, **values) as server:
        server.start()
        held = [silent(values["port"], fields, length, 0)]
        before = resident(server.workers()[0])
        held += [silent(values["port"], fields, length, number) for number in range(1, CONNECTIONS + 1)]
        more = 1024 * (resident(server.workers()[0]) - before)
        print(f"{title}: {more / (CONNECTIONS * STREAMS):,.0f}", flush=True)
        for connection in held:
            connection.close()
