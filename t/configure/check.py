"""Whether the modules work in an nginx that was configured with few switches or with many:

    check.py DIRECTORY

The directory has that nginx, and the modules that it is to load, if there are any. An upload that is too large is refused, and the
client reads that; a raw connection reads an answer although it sends on, and the same without a drain does not. Each with all event
methods that this nginx has.
"""

import os
import pathlib
import subprocess
import sys

# For the scripts, which look for them when they are imported.
PATIENCE = os.environ.setdefault("TEST_PATIENCE", "60")

from limit_body import nginx
from limit_body.ports import free_ports
from limit_body.script import play

CONFIGURATION = """
{load}
{user}
events {{ worker_connections 64; {use} }}
{blocks}
"""
# nginx.write() would add paths for modules that may be missing to a line with nothing else.
HTTP = """
http {{ access_log off;
    server {{
        listen 127.0.0.1:{port};
        limit_body 1k;
    }}
}}
"""
STREAM = """
stream {{
    limit_session_drain idle=60s;
    server {{ listen 127.0.0.1:{port_3}; proxy_pass 127.0.0.1:{port_5}; }}
    server {{ listen 127.0.0.1:{port_4}; limit_session_drain off; proxy_pass 127.0.0.1:{port_6}; }}
}}
"""
UPLOADS = {"h1 POST / 8m": "413 <413 Request Entity Too Large> | closed"}
SESSIONS = {
    "up 5: take 5; bytes early\\n; close": ["connected"],
    "up 6: take 5; bytes early\\n; close": ["connected"],
    "tcp 3: send 5; line; logged disconnected; send 8m; end; close; logged drained": ["early", "closed"],
    "tcp 4: send 5; line; logged disconnected 2; send 8m; end": ["early", "unsent"],
}


def methods(program):
    """The event methods that an nginx has, as in "use"; the one that it takes itself is ""."""
    return [""] + [name for name in ("select", "poll") if f"--with-{name}_module" in nginx.about(program)]


def upload(line):
    """What a client that uploads sees."""
    client = pathlib.Path(__file__).parents[1] / "lib/upload.py"
    return subprocess.run([sys.executable, client], input=line, capture_output=True, text=True).stdout.strip()


def check(program, load, method):
    """Returns what is wrong, line by line."""
    switches = nginx.about(program).split()
    has_http, has_stream = "--without-http" not in switches, bool({"--with-stream", "--with-stream=dynamic"} & set(switches))
    ports = dict(zip(("port", "port_3", "port_4", "port_5", "port_6"), free_ports(5)))
    blocks = (HTTP if has_http else "") + (STREAM if has_stream else "")
    values = {
        "load": "\n".join(f"load_module {module};" for module in load),
        # The default user need not exist.
        "user": "user root root;" if os.getuid() == 0 else "",
        "use": f"use {method};" if method else "",
        "blocks": blocks.format(**ports),
    }
    wrong = []
    with nginx.Nginx(program, CONFIGURATION, **values) as server:
        os.environ.update({name.upper(): str(port) for name, port in ports.items()}, ERROR_LOG=str(server.log))
        server.start()
        seen = {line: upload(line) for line in UPLOADS} if has_http else {}
        expected = dict(UPLOADS if has_http else {})
        if has_stream:
            seen |= dict(zip(SESSIONS, play(SESSIONS)))
            expected |= SESSIONS
        wrong += [f"{line}\n    expected {expected[line]}\n    seen     {seen[line]}"
                  for line in expected if seen[line] != expected[line]]
        if not server.stop():
            wrong.append("nginx does not end")
        wrong += server.serious()
    parts = " and ".join(part for part, has in (("uploads", has_http), ("raw connections", has_stream)) if has)
    print(f"    {parts}{method and f', use {method}'}: {'FAILED' if wrong else 'ok'}")
    return wrong


if __name__ == "__main__":
    directory = pathlib.Path(sys.argv[1]).resolve()
    program = str(directory / "nginx")
    # Stream comes before what is for it.
    load = sorted(directory.glob("*.so"), key=lambda module: (module.name != "ngx_stream_module.so", module.name))
    failures = [line for method in methods(program) for line in check(program, load, method)]
    sys.exit("\n".join(failures) or 0)
