"""The servers that uploads are tried with: this module, nginx alone, what textbooks recommend, and other people's servers.

Each takes bodies of up to 1 MiB at /up, and answers 413 with a page of its own to larger ones. At /page nginx has an
error_page, and others what they have in its place. At / there is an empty page, to upload from. What they take goes to a backend that reads it, and answers "ok".

    with servers.started(["module", "nginx"], nginx, module, controls, certificate, address, directory) as running:
        running["nginx"].url("h1", "/up")

By hand: python -m limit_body.servers NGINX MODULE CONTROLS CERTIFICATE [NAME ...] starts them on 127.0.0.1, prints their URLs, and runs until
it is interrupted.
"""

import contextlib
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import limit_body.nginx
from limit_body import peers
from limit_body.ports import free_ports

LIMIT = 1 << 20
TIMEOUT = 30

# As many connections as there may be files.
FILES = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65536)

EMPTY = "<!doctype html><title>empty</title>"

# The custom page of other people's servers.
PAGE = "<!doctype html><title>too large</title>too large"

# 413, or "Length Required", as lighttpd has it for bodies of unknown length over HTTP/2: refused is refused.
STATUSES = (413, 411)

# Whole pages end with one of these.
ENDS = ("</html>", "too large")


class Server:
    """A server that runs. Its ports are those for cleartext (HTTP/1.1, and HTTP/2 by prior knowledge), and for TLS (also
    HTTP/3 where it has that)."""

    def __init__(self, name, version, protocols, address, port, tls_port):
        self.name, self.version, self.protocols = name, version, protocols
        self.address, self.port, self.tls_port = address, port, tls_port
        self.process = None

    def url(self, protocol, path):
        """PROTOCOL: h1, tls (HTTP/1.1 over TLS), h2, h2c, h3."""
        scheme, port = ("http", self.port) if protocol in ("h1", "h2c") else ("https", self.tls_port)
        return f"{scheme}://{self.address}:{port}{path}"


def nginx_command(context, directory, loaded, http, level="error", connections=FILES - 100):
    """Starts nginx; LOADED is what its main block begins with, HTTP its http block, LEVEL that of its error log, CONNECTIONS
    how many its worker may have."""
    limit_body.nginx.write(directory, f"""
{loaded}
daemon off;
worker_processes 1;
error_log error.log {level};
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    {http}
}}
""")
    return limit_body.nginx.starting(context.nginx, directory)


def nginx(loaded="", rules=f"client_max_body_size {LIMIT};", http="", connections=FILES - 100):
    """RULES are what the server's block has to say of uploads. LOADED and HTTP may name what a Context has, in braces; braces of
    their own are doubled."""

    def start(server, context, directory):
        http2, directive = limit_body.nginx.http2(context.nginx)
        quic = f"listen {server.address}:{server.tls_port} quic;" if "h3" in server.protocols else ""
        return nginx_command(context, directory, loaded.format(**vars(context)), f"""
    {http.format(**vars(context))}
    server {{
        listen {server.address}:{server.port}{http2} backlog=16384;
        listen {server.address}:{server.tls_port} ssl{http2} backlog=16384;
        {directive}
        {quic}
        ssl_certificate {context.certificate}.pem;
        ssl_certificate_key {context.certificate}.key;
        {rules}
        location / {{ proxy_pass http://{context.backend}; }}
        location /page {{ error_page 413 /too_large; proxy_pass http://{context.backend}; }}
        location = /too_large {{ internal; default_type application/json; return 413 '{{"error": "too large"}}\\ntoo large\\n'; }}
    }}
""", connections=connections)

    return start


def backend(server, context, directory):
    """Reads what it is sent, and answers "ok"."""
    return nginx_command(context, directory, "", f"""
    keepalive_requests 1000000;
    server {{
        listen {server.address}:{server.port} backlog=16384;
        listen {server.address}:{server.tls_port};
        client_max_body_size 0;
        default_type text/html;
        location / {{ return 200 "{EMPTY}"; }}
        location /up {{ proxy_pass http://{server.address}:{server.port}/ok; }}
        location /page {{ proxy_pass http://{server.address}:{server.port}/ok; }}
        location /ok {{ return 200 "ok\\n"; }}
    }}
""")


def apache(server, context, directory):
    """Does not hold what it proxies against its limit, so it answers with files; and over HTTP/2 with a script, as with a file it
    does not look at the body there."""
    for name in ("up", "page"):
        (directory / name).write_text("#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\ncat >/dev/null\necho ok\n")
        (directory / name).chmod(0o755)
    (directory / "index.html").write_text(EMPTY)
    (directory / "too_large.html").write_text(PAGE)
    return peers.apache(server, context.certificate, directory, ["dir", "mime", "http2", "cgid"], f"""
Protocols h2 h2c http/1.1
ScriptSock {directory}/cgid
LimitRequestBody {LIMIT}
DocumentRoot {directory}
DirectoryIndex index.html
TypesConfig /etc/mime.types
<Directory {directory}>
    Options +ExecCGI
</Directory>
<LocationMatch "^/(up|page)$">
    <If "%{{HTTP2}} == 'on'">
        SetHandler cgi-script
    </If>
</LocationMatch>
<Location /page>
    ErrorDocument 413 /too_large.html
</Location>
""")


def haproxy(server, context, directory):
    """Has no limit for bodies; a rule on the declared length is what its users write."""
    page = f"HTTP/1.1 413 Content Too Large\r\nContent-Type: text/html\r\nContent-Length: {len(PAGE)}\r\n\r\n{PAGE}"
    (directory / "too_large.http").write_text(page)
    return peers.haproxy(server, context.certificate, directory, (FILES - 200) // 2, f"""
    acl too_large req.hdr(content-length) -m int gt {LIMIT}
    http-request deny deny_status 413 errorfile {directory}/too_large.http if too_large {{ path /page }}
    http-request deny deny_status 413 content-type text/html string "<html>too large</html>" if too_large
    default_backend all
backend all
    server backend {context.backend}
""")


def caddy(server, context, directory):
    (directory / "too_large.html").write_text(PAGE)
    return peers.caddy(server, context.certificate, directory, f"""
    request_body {{
        max_size {LIMIT}
    }}
    reverse_proxy {context.backend}
    handle_errors {{
        handle /page {{
            rewrite * /too_large.html
            file_server {{
                root {directory}
                status 413
            }}
        }}
        respond "too large" 413
    }}
""")


def lighttpd(server, context, directory):
    # 411 comes before it looks at the path.
    for status in STATUSES:
        (directory / f"too_large-{status}.html").write_text(PAGE)
    host, port = context.backend.split(":")
    return peers.lighttpd(server, context.certificate, directory, ["mod_proxy"], f"""
server.max-request-size = {LIMIT // 1024}
server.errorfile-prefix = "{directory}/too_large-"
proxy.server = ("" => (("host" => "{host}", "port" => {port})))
""")


HTTP1, HTTP2, HTTP3 = ["h1", "tls"], ["h2", "h2c"], ["h3"]

# Name: what it is called, what it speaks, how it is started.
KINDS = {
    "module": ("this module", HTTP1 + HTTP2 + HTTP3, nginx("load_module {module};", f"limit_body {LIMIT};")),
    "nginx": ("nginx", HTTP1 + HTTP2 + HTTP3, nginx()),
    "lingering_close off": ("nginx, lingering_close off", HTTP1 + HTTP2 + HTTP3,
                            nginx(rules=f"client_max_body_size {LIMIT}; lingering_close off;")),
    "closing at once": ("closing at once", HTTP1, nginx("load_module {controls};", "client_max_body_size 0; location /up { control_close; }")),
    "answering twice": ("answering twice", HTTP1, nginx("load_module {controls};", "client_max_body_size 0; location /up { control_double; }")),
    "apache": ("Apache", HTTP1 + HTTP2, apache),
    "haproxy": ("HAProxy", HTTP1 + HTTP2, haproxy),
    "caddy": ("Caddy", HTTP1 + HTTP2 + HTTP3, caddy),
    "lighttpd": ("lighttpd", HTTP1 + HTTP2, lighttpd),
}


class Context:
    """What the servers are made from: paths, and where the backend is."""

    def __init__(self, nginx, module, controls, certificate):
        self.nginx, self.module, self.controls = (str(pathlib.Path(file).resolve()) for file in (nginx, module, controls))
        self.certificate = str(pathlib.Path(certificate).parent.resolve() / pathlib.Path(certificate).name)
        self.backend = None

    def version(self, name):
        """The version of a server, as it says it itself."""
        return peers.version(peers.VERSIONS.get(name, (self.nginx, "-v")))


@contextlib.contextmanager
def started(names, nginx, module, controls, certificate, address="127.0.0.1"):
    """Servers by name, which end, each by its pid, with the block."""
    context = Context(nginx, module, controls, certificate)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    with contextlib.ExitStack() as ending:
        top = pathlib.Path(tempfile.mkdtemp(prefix="limit-body-"))
        top.chmod(0o755)
        ending.callback(shutil.rmtree, top, ignore_errors=True)

        def run(name, title, protocols, start):
            if not limit_body.nginx.has_http3(context.nginx):
                protocols = [protocol for protocol in protocols if protocol != "h3"]
            server = Server(title, context.version(name), protocols, address, *free_ports(2, address))
            directory = top / re.sub(r"\W", "-", name)
            directory.mkdir()
            server.directory, server.command = directory, start(server, context, directory)
            # Other users' processes write there too.
            os.chmod(directory, 0o777)
            launch(server)
            ending.callback(lambda: end(server.process))
            return server

        it = run("backend", "the backend", [], backend)
        context.backend = f"{address}:{it.port}"
        running = {name: run(name, *KINDS[name]) for name in names}
        yield running
        for server in running.values():
            fine(server)


def launch(server):
    with open(server.directory / "output", "ab") as log:
        server.process = subprocess.Popen(server.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=server.directory)
    listening(server)


def said(server):
    return "".join(file.read_text() for name in ("output", "error.log") if (file := server.directory / name).exists())


def fine(server):
    """Ends all, with an error, if a server has ended or crashed."""
    if server.process.poll() is not None:
        sys.exit(f"error: {server.name} has ended, with status {server.process.returncode}:\n{said(server)[-2000:]}")
    # The one that answers twice is to do that.
    if server.name != "answering twice" and (crashes := re.findall(r".*exited on signal.*|.*\[(?:alert|emerg)\].*", said(server))):
        sys.exit(f"error: {server.name} has logged:\n" + "\n".join(crashes[:20]))


def listening(server):
    until = time.monotonic() + TIMEOUT
    # Without TLS, nobody listens on the other one.
    ports = [server.port, server.tls_port] if server.protocols != ["h1"] else [server.port]
    for port in ports:
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection((server.address, port), 1).close()
                break
            if server.process.poll() is not None or time.monotonic() > until:
                sys.exit(f"error: {server.name} does not start:\n{said(server)}")
            time.sleep(0.05)


def end(process):
    # Under valgrind a server writes down what it has counted when it ends. A single process of nginx that is about to wait for
    # events when the signal comes does not see it until there is one, or another signal.
    for _ in range(60):
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
            return
    process.kill()
    process.wait()


if __name__ == "__main__":
    wanted = sys.argv[5:] or list(KINDS)
    with started(wanted, *sys.argv[1:5]) as running, contextlib.suppress(KeyboardInterrupt):
        for server in running.values():
            print(f"{server.name} {server.version}: {server.url('h1', '/up')} {server.url('h2', '/up')}", flush=True)
        next(iter(running.values())).process.wait()
