"""What a stream of HTTP/2 takes of the worker's memory while it is drained, by what its request's header has.

    held.py NGINX MODULE

Prints bytes for each stream: how much more the worker has with 50 connections of 60 silent refused streams each, than with
one. Header fields differ from stream to stream, and so take their room in full.
"""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(TOP / "t" / "lib"))
import h2.config  # noqa: E402
import h2.connection  # noqa: E402
import h2.events  # noqa: E402
import server  # noqa: E402
import wire  # noqa: E402

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
    connection = wire.connect(port, 30)
    http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    http.initiate_connection()
    waiting = set()
    for i in range(STREAMS):
        stream = http.get_next_available_stream_id()
        header = [(":method", "POST"), (":path", "/"), (":scheme", "http"), (":authority", "localhost"), ("content-length", "1000000")]
        header += [(f"x-{j}", f"{number}-{i}-{j}-".ljust(length, "x")) for j in range(fields)]
        http.send_headers(stream, header)
        waiting.add(stream)
        connection.sendall(http.data_to_send())
    while waiting:
        for event in http.receive_data(connection.recv(65536)):
            if isinstance(event, h2.events.StreamEnded):
                waiting.remove(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                sys.exit(f"error: stream {event.stream_id} is not drained")
        connection.sendall(http.data_to_send())
    return connection


def resident(nginx):
    status = pathlib.Path(f"/proc/{nginx.workers()[0]}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)[1]) * 1024


program, module = sys.argv[1:]
values = dict(zip(("listen", "directive"), server.http2(program)))
for title, (fields, length) in HEADERS.items():
    values["port"] = wire.free_ports(1)[0]
    with server.Nginx(program, CONFIGURATION, module=module, **values) as nginx:
        nginx.start()
        held = [silent(values["port"], fields, length, 0)]
        before = resident(nginx)
        held += [silent(values["port"], fields, length, number) for number in range(1, CONNECTIONS + 1)]
        print(f"{title}: {(resident(nginx) - before) / (CONNECTIONS * STREAMS):,.0f}", flush=True)
        for connection in held:
            connection.close()
