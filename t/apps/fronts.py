"""What stands before the applications: this module, nginx alone, and other people's servers, each with its defaults.

An application is reached at /NAME/WAY/BUFFERING/, of which nothing is taken off. Bodies may have any size.
"""

import contextlib
import hashlib
import pathlib
import resource

from limit_body import peers, servers
from limit_body.ports import free_ports

PARAMETERS = {
    "REQUEST_METHOD": "$request_method", "REQUEST_URI": "$request_uri", "PATH_INFO": "$uri", "QUERY_STRING": "$query_string",
    "CONTENT_TYPE": "$content_type", "CONTENT_LENGTH": "$content_length", "SERVER_PROTOCOL": "$server_protocol",
    "SERVER_NAME": "localhost", "SERVER_PORT": "$server_port", "REMOTE_ADDR": "$remote_addr", "SCRIPT_NAME": '""',
}
# What each needs besides.
OWN_PARAMETERS = {"scgi": {"SCGI": "1"}, "fastcgi": {"SCRIPT_FILENAME": "{script}"}, "uwsgi": {}}

KEEPALIVE = 'proxy_http_version 1.1; proxy_set_header Connection "";'


def location(name, way, buffering, one):
    """Where nginx passes to an application."""
    place = f"unix:{one.place}" if one.place.path else str(one.place)
    kind = one.application.protocol
    if kind == "http":
        passed = f"proxy_pass {'https' if one.place.certificate else 'http'}://{place}; proxy_request_buffering {buffering};"
        passed += KEEPALIVE if way == "keepalive" else ""
    else:
        parameters = {**PARAMETERS, **OWN_PARAMETERS[kind]}
        passed = f"{kind}_pass {place}; {kind}_request_buffering {buffering};" + "".join(
            f" {kind}_param {parameter} {value.format(script=one.script)};" for parameter, value in parameters.items()
        )
    return f"location /{name}/{way}/{buffering}/ {{ {passed} }}"


def nginx(loaded="", rules=""):
    def start(server, context, directory):
        locations = "\n".join(
            location(name, way, buffering, one)
            for (name, way), one in context.ways.items() for buffering in ("on", "off")
        )
        # Its lines at "info" tell why a client got something else.
        return servers.nginx_command(context, directory, loaded.format(**vars(context)), f"""
    server {{
        listen {server.address}:{server.port};
        listen {server.address}:{server.tls_port} ssl;
        ssl_certificate {context.certificate}.pem;
        ssl_certificate_key {context.certificate}.key;
        client_max_body_size 0;
        {rules}
        {locations}
    }}
""", "info")

    return start


def plain(context):
    """Name and place of what is reached over HTTP and TCP."""
    return [(name, one.place) for (name, way), one in context.ways.items() if way == "tcp" and one.application.protocol == "http"]


def apache(server, context, directory):
    passed = "\n".join(f"ProxyPass /{name}/ http://{place}/{name}/" for name, place in plain(context))
    return peers.apache(server, context.certificate, directory, ["proxy", "proxy_http"], passed)


def haproxy(server, context, directory):
    uses = "".join(f"    use_backend {name} if {{ path_beg /{name}/ }}\n" for name, _ in plain(context))
    backends = "".join(f"backend {name}\n    server {name} {place}\n" for name, place in plain(context))
    return peers.haproxy(server, context.certificate, directory, 2000, uses + backends)


def caddy(server, context, directory):
    site = "\n".join(f"    handle /{name}/* {{\n        reverse_proxy {place}\n    }}" for name, place in plain(context))
    return peers.caddy(server, context.certificate, directory, site)


def lighttpd(server, context, directory):
    rules = "\n".join(
        f'$HTTP["url"] =~ "^/{name}/" {{ proxy.server = ("" => (("host" => "127.0.0.1", "port" => {place.port}))) }}'
        for name, place in plain(context)
    )
    return peers.lighttpd(server, context.certificate, directory, ["mod_proxy"], rules)


def nghttpx(server, context, directory):
    backends = [f"127.0.0.1,{place.port};/{name}/" for name, place in plain(context)]
    # One has to be there for all other paths.
    return peers.nghttpx(server, context.certificate, directory, [*backends, f"127.0.0.1,{plain(context)[0][1].port}"])


# Name: what it is called, how it is started.
KINDS = {
    "module": ("this module", nginx("load_module {module};", "limit_body_drain time=10m;")),
    "nginx": ("nginx", nginx()),
    "apache": ("Apache", apache),
    "haproxy": ("HAProxy", haproxy),
    "caddy": ("Caddy", caddy),
    "lighttpd": ("lighttpd", lighttpd),
    "nghttpx": ("nghttpx", nghttpx),
}


class Context:
    """What the fronts are made from: paths, and the applications by name and way."""

    def __init__(self, nginx, module, certificate, ways):
        self.nginx, self.module = str(pathlib.Path(nginx).resolve()), str(pathlib.Path(module).resolve())
        self.certificate, self.ways = certificate, ways


def version(name, nginx):
    return peers.version(peers.VERSIONS.get(name, (nginx, "-v")))


def build(name, module):
    """What tells one build of the module from another; empty for other fronts."""
    return hashlib.sha256(pathlib.Path(module).read_bytes()).hexdigest()[:16] if name == "module" else ""


@contextlib.contextmanager
def started(names, context, top):
    """Fronts by name, which end, each by its pid, with the block."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (servers.FILES, servers.FILES))
    with contextlib.ExitStack() as ending:
        running = {}
        for name in names:
            title, start = KINDS[name]
            server = servers.Server(title, version(name, context.nginx), [], "127.0.0.1", *free_ports(2))
            server.directory = top / f"front-{name}"
            server.directory.mkdir()
            server.directory.chmod(0o777)
            server.command = start(server, context, server.directory)
            servers.launch(server)
            ending.callback(servers.end, server.process)
            running[name] = server
        yield running
