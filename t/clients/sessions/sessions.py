"""Has clients in many languages send to nginx's stream while it answers, with the module and without, and prints a table of how
many read the answer and ended without an error:

    sessions.py NGINX STREAM-MODULES CERTIFICATE TOOLS [TRIES [SIZE ...]]

CLIENTS in the environment, an expression, chooses some of them. STREAM-MODULES are those that build/nginx/stream-modules.sh prints. TOOLS is a directory for programs that are compiled.
"""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading

from limit_body.nginx import Nginx, loads
from limit_body.ports import free_ports

HERE = pathlib.Path(__file__).resolve().parent
ANSWER = "answer busy"

CONFIGURATION = """
{loads}
worker_processes 1;
error_log error.log info;
events {{ worker_connections 256; }}
stream {{
    {drain}
    ssl_certificate {certificate}.pem;
    ssl_certificate_key {certificate}.key;
    server {{ listen 127.0.0.1:{plain}; return "busy\\n"; }}
    server {{ listen 127.0.0.1:{tls} ssl; return "busy\\n"; }}
    server {{ listen 127.0.0.1:{proxied}; proxy_pass 127.0.0.1:{upstream}; }}
}}
"""


def openssl(address, kind):
    return ["openssl", "s_client", "-quiet", "-connect", address]


def socat(address, kind):
    """It is not to end its side with its input: nginx would then end a proxied session, as proxy_half_close says."""
    return ["socat", "-t60", "-", f"OPENSSL:{address},verify=0" if kind == "tls" else f"TCP:{address},shut-none"]


def fed(command):
    """A program that sends what is on its standard input, and prints what comes."""
    def run(port, kind, size, tries):
        for _ in range(tries):
            try:
                done = subprocess.run(command(f"127.0.0.1:{port}", kind), input=bytes(size), capture_output=True, timeout=60)
            except subprocess.TimeoutExpired:
                yield "error: timeout"
                continue
            error = "" if done.returncode == 0 and b"errno" not in done.stderr else f"error {done.returncode}"
            yield error or "answer " + done.stdout.decode().strip()
    return run


def program(*command):
    def run(port, kind, size, tries):
        done = subprocess.run([*command, str(port), kind, str(size), str(tries)], capture_output=True, text=True, timeout=600)
        return done.stdout.splitlines()
    return run


def clients(tools):
    """The clients that there are here, and what each can speak."""
    both, found = ("plain", "tls", "proxied"), {}
    found["Python"] = both, program(sys.executable, HERE / "session.py")
    if shutil.which("go"):
        subprocess.run(["go", "build", "-o", tools / "session-go", HERE / "session.go"], check=True)
        found["Go"] = both, program(tools / "session-go")
    if shutil.which("node"):
        found["Node.js"] = both, program("node", HERE / "session.mjs")
    if shutil.which("javac"):
        subprocess.run(["javac", "-d", tools, HERE / "Session.java"], check=True)
        found["Java"] = both, program("java", "-cp", tools, "Session")
    if shutil.which("rustc"):
        subprocess.run(["rustc", "-O", "-o", tools / "session-rust", HERE / "session.rs"], check=True)
        found["Rust"] = ("plain", "proxied"), program(tools / "session-rust")
    if shutil.which("openssl"):
        found["openssl s_client"] = ("tls",), fed(openssl)
    if shutil.which("socat"):
        found["socat"] = both, fed(socat)
    chosen = re.compile(os.environ.get("CLIENTS", ""))
    return {name: client for name, client in found.items() if chosen.search(name)}


def serve(listener):
    """An upstream that answers when it has got something, and ends its side."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=[connection], daemon=True).start()


def answer(connection):
    with connection, contextlib.suppress(OSError):
        if connection.recv(1):
            connection.sendall(b"busy\n")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 20):
                pass


def main(program, modules, certificate, tools, tries="10", *sizes):
    tools = pathlib.Path(tools)
    tools.mkdir(parents=True, exist_ok=True)
    plain, tls, proxied, upstream = free_ports(4)
    threading.Thread(target=serve, args=[socket.create_server(("127.0.0.1", upstream))], daemon=True).start()
    ports = {"plain": plain, "tls": tls, "proxied": proxied}
    with_module, alone = loads(modules)
    served = {"module": (with_module, "limit_session_drain idle=30s;"), "nginx alone": (alone, "")}
    sizes = sizes or ("100", "100000", str(8 << 20), str(200 << 20))
    results = {}
    for server, (load, drain) in served.items():
        values = dict(loads=load, drain=drain, certificate=certificate, plain=plain, tls=tls, proxied=proxied, upstream=upstream)
        with Nginx(program, CONFIGURATION, **values) as nginx:
            nginx.start()
            for name, (kinds, run) in clients(tools).items():
                for kind in kinds:
                    for size in sizes:
                        seen = list(run(ports[kind], "tls" if kind == "tls" else "plain", int(size), int(tries)))
                        results[name, kind, size, server] = seen
                        read = sum(line == ANSWER for line in seen)
                        print(f"{server}: {name}, {kind}, {size} bytes: {read} of {len(seen)}",
                              *{line for line in seen if line != ANSWER}, file=sys.stderr, sep="; ", flush=True)
            assert not nginx.serious(), nginx.serious()
    print("| client | " + " | ".join(f"{kind}, {size} bytes" for kind in ports for size in sizes) + " |")
    print("|---" * (1 + len(ports) * len(sizes)) + "|")
    for name in dict.fromkeys(name for name, *_ in results):
        cells = []
        for kind in ports:
            for size in sizes:
                counts = [results.get((name, kind, size, server)) for server in served]
                cells.append(" / ".join(f"{sum(line == ANSWER for line in seen) * 100 // max(1, len(seen))}%" for seen in counts)
                             if all(counts) else "")
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main(*sys.argv[1:])
