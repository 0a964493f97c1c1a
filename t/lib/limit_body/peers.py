"""Other people's servers: the configuration that all have in common, to which a caller adds what a server is to do.

Each function writes a configuration for a Server of limit_body.servers, in a directory, with a certificate (its path without
.pem and .key), and returns the command that starts the server in the foreground.
"""

import pathlib
import re
import subprocess

# How a server is asked for its version.
VERSIONS = {
    "apache": ("/usr/sbin/apache2", "-v"), "caddy": ("caddy", "version"), "haproxy": ("/usr/sbin/haproxy", "-v"),
    "lighttpd": ("/usr/sbin/lighttpd", "-v"), "nghttpx": ("nghttpx", "--version"),
}


def version(command):
    """The version of a program, as it says it itself."""
    done = subprocess.run(command, capture_output=True, text=True)
    return re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)[0]


def apache(server, certificate, directory, modules, rules):
    """RULES hold for cleartext and TLS; MODULES are those that the rules need."""
    file = directory / "apache.conf"
    loaded = "\n".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
        for name in ["mpm_event", "authz_core", "ssl", "socache_shmcb", *modules]
    )
    file.write_text(f"""
ServerRoot {directory}
ServerName {server.address}
PidFile {directory}/apache.pid
DefaultRuntimeDir {directory}
ErrorLog {directory}/error.log
{loaded}
User www-data
Group www-data
Listen {server.address}:{server.port}
Listen {server.address}:{server.tls_port}
StartServers 1
ServerLimit 4
ThreadLimit 64
ThreadsPerChild 64
MaxRequestWorkers 256
{rules}
<VirtualHost {server.address}:{server.port}>
</VirtualHost>
<VirtualHost {server.address}:{server.tls_port}>
    SSLEngine on
    SSLCertificateFile {certificate}.pem
    SSLCertificateKeyFile {certificate}.key
</VirtualHost>
""")
    return ["/usr/sbin/apache2", "-d", directory, "-f", file, "-DFOREGROUND"]


def haproxy(server, certificate, directory, connections, rules):
    """RULES are those of the frontend, with the backends behind them."""
    pem = directory / "certificate.pem"
    pem.write_text(pathlib.Path(f"{certificate}.pem").read_text() + pathlib.Path(f"{certificate}.key").read_text())
    file = directory / "haproxy.cfg"
    file.write_text(f"""
global
    nbthread 1
    maxconn {connections}
defaults
    mode http
    timeout connect 60s
    timeout client 60s
    timeout server 60s
frontend uploads
    bind {server.address}:{server.port} backlog 16384
    bind {server.address}:{server.tls_port} ssl crt {pem} alpn h2,http/1.1 backlog 16384
{rules}
""")
    return ["/usr/sbin/haproxy", "-db", "-f", file]


def caddy(server, certificate, directory, site):
    file = directory / "Caddyfile"
    file.write_text(f"""
{{
    admin off
    auto_https off
    default_sni localhost
    servers {server.address}:{server.port} {{
        protocols h1 h2 h2c
    }}
    servers {server.address}:{server.tls_port} {{
        protocols h1 h2 h3
    }}
}}
http://{server.address}:{server.port} {{
    bind {server.address}
    {site}
}}
https://{server.address}:{server.tls_port} {{
    bind {server.address}
    tls {certificate}.pem {certificate}.key
    {site}
}}
""")
    return ["env", f"HOME={directory}", "GOMAXPROCS=1", "caddy", "run", "--config", file, "--adapter", "caddyfile"]


def lighttpd(server, certificate, directory, modules, rules):
    file = directory / "lighttpd.conf"
    loaded = ", ".join(f'"{name}"' for name in ["mod_openssl", *modules])
    file.write_text(f"""
server.modules = ({loaded})
server.bind = "{server.address}"
server.port = {server.port}
server.document-root = "{directory}"
server.upload-dirs = ("{directory}")
server.errorlog = "{directory}/error.log"
server.max-fds = 16384
server.feature-flags = ("server.h2c" => "enable")
$SERVER["socket"] == "{server.address}:{server.tls_port}" {{
    ssl.engine = "enable"
    ssl.pemfile = "{certificate}.pem"
    ssl.privkey = "{certificate}.key"
}}
{rules}
""")
    return ["/usr/sbin/lighttpd", "-D", "-f", file]


def nghttpx(server, certificate, directory, backends):
    """BACKENDS are the values of its "backend", one of them for all paths."""
    return [
        "nghttpx", "--conf=/dev/null", "--workers=1", f"--frontend={server.address},{server.port};no-tls",
        f"--frontend={server.address},{server.tls_port}", *(f"--backend={backend}" for backend in backends),
        f"{certificate}.key", f"{certificate}.pem",
    ]
