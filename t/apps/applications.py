"""The application servers, and the answers that their applications give before they have read the body.

At any path whose last part is the name of an answer, they give it; else "ok". They find the bodies in the directory ANSWERS of
their environment.
"""

import contextlib
import dataclasses
import glob
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

from limit_body import peers
from limit_body.ports import free_ports
from limit_body.servers import end

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
PATIENCE = 60
MEBI = 1 << 20


class Answer:
    """An answer: its status, and how long its body is, in lines."""

    def __init__(self, status, lines, what):
        self.status, self.what = status, what
        self.body = f"{status} is what the application says\n".encode() * lines


ANSWERS = {
    "401": Answer(401, 10, "by the header, nothing of the body is read"),
    "413": Answer(413, 100, "by the declared length, nothing of the body is read"),
    "302": Answer(302, 1, "a redirect to a login page, nothing of the body is read"),
    "limit": Answer(413, 1000, "by the framework's own limit, or after the application has read 1 MiB"),
}


@dataclasses.dataclass
class Place:
    """Where an application listens: at a port, or a Unix socket; with a certificate over TLS."""

    port: int | None
    path: str | None
    certificate: str | None

    def __str__(self):
        return self.path or f"127.0.0.1:{self.port}"

    def connect(self):
        connection = socket.socket(socket.AF_UNIX if self.path else socket.AF_INET)
        connection.settimeout(1)
        with contextlib.closing(connection):
            connection.connect(self.path or ("127.0.0.1", self.port))


@dataclasses.dataclass
class Application:
    """TITLE and VERSION, a function of the tools' directory; what the front speaks to it; over which transports; the COMMAND, a
    function of tools, place and a directory of its own. LIMIT tells what its own limit is."""

    title: str
    version: Callable
    command: Callable
    protocol: str = "http"
    transports: tuple = ("tcp", "tls", "unix")
    limit: str = "the application reads 1 MiB"


def pip(package):
    def version(tools):
        code = f"import importlib.metadata; print(importlib.metadata.version('{package}'))"
        return peers.version([f"{tools}/python/bin/python", "-c", code])

    return version


def npm(package):
    return lambda tools: json.loads((tools / "node_modules" / package / "package.json").read_text())["version"]


def says(*command):
    return lambda tools: peers.version(command)


def gunicorn(kind, *more):
    def command(tools, place, directory):
        tls = ["--certfile", f"{place.certificate}.pem", "--keyfile", f"{place.certificate}.key"] if place.certificate else []
        bind = f"unix:{place.path}" if place.path else str(place)
        return [f"{tools}/python/bin/gunicorn", "--chdir", PROGRAMS, "--worker-class", kind, *more, "--workers", "2",
                "--bind", bind, *tls, "--log-level", "warning", "wsgi:application"]

    return command


def uvicorn(tools, place, directory):
    bind = ["--uds", place.path] if place.path else ["--host", "127.0.0.1", "--port", str(place.port)]
    tls = ["--ssl-certfile", f"{place.certificate}.pem", "--ssl-keyfile", f"{place.certificate}.key"] if place.certificate else []
    return [f"{tools}/python/bin/uvicorn", "--app-dir", PROGRAMS, *bind, *tls, "--log-level", "warning", "--no-access-log",
            "asgi:application"]


def hypercorn(tools, place, directory):
    bind = f"unix:{place.path}" if place.path else str(place)
    tls = ["--certfile", f"{place.certificate}.pem", "--keyfile", f"{place.certificate}.key"] if place.certificate else []
    return [f"{tools}/python/bin/hypercorn", "--bind", bind, *tls, "--log-level", "warning", "asgi:application"]


def waitress(tools, place, directory):
    bind = f"--unix-socket={place.path}" if place.path else f"--listen={place}"
    return [f"{tools}/python/bin/waitress-serve", bind, "--unix-socket-perms=666", f"--max-request-body-size={1 << 40}",
            "wsgi:application"]


def node(library):
    def command(tools, place, directory):
        return ["node", f"{tools}/node.mjs", library, str(place), *([place.certificate] if place.certificate else [])]

    return command


def go(tools, place, directory):
    network = "unix" if place.path else "tcp"
    return [f"{tools}/server-go", network, str(place), *([place.certificate] if place.certificate else [])]


def php_fpm_program():
    return next(iter(sorted(glob.glob("/usr/sbin/php-fpm*"), reverse=True)), "php-fpm")


def php_fpm(tools, place, directory):
    file = directory / "php-fpm.conf"
    file.write_text(f"""
[global]
error_log = {directory}/error.log
daemonize = no
[www]
user = www-data
group = www-data
listen = {place}
listen.mode = 0666
pm = static
pm.max_children = 2
php_admin_value[post_max_size] = {MEBI}
env[ANSWERS] = {os.environ["ANSWERS"]}
""")
    return [php_fpm_program(), "--nodaemonize", "--fpm-config", file]


def uwsgi(option):
    def command(tools, place, directory):
        sockets = [f"--{option}-socket" if option else "--socket", str(place)]
        if place.certificate:
            sockets = ["--https-socket", f"{place},{place.certificate}.pem,{place.certificate}.key"]
        return ["uwsgi", *sockets, "--chmod-socket=666", "--plugin", "python3", "--chdir", PROGRAMS, "--wsgi-file", "wsgi.py",
                "--need-app", "--die-on-term", "--master", "--disable-logging"]

    return command


def puma(tools, place, directory):
    bind = f"unix://{place.path}" if place.path else f"tcp://{place}"
    if place.certificate:
        bind = f"ssl://{place}?key={place.certificate}.key&cert={place.certificate}.pem"
    return ["puma", "--quiet", "--environment", "production", "--bind", bind, PROGRAMS / "config.ru"]


def tomcat(tools, place, directory):
    jars = ":".join(sorted(glob.glob("/usr/share/java/tomcat10-*.jar")))
    return ["java", "-Xmx256m", "-cp", f"{tools}/java:{jars}", "Server", str(directory), str(place),
            *([place.certificate] if place.certificate else [])]


def tomcat_version(tools):
    jar = glob.glob("/usr/share/java/tomcat10-embed-core-[0-9]*.jar")[0]
    return jar.rpartition("-")[2].removesuffix(".jar")


APPLICATIONS = {
    "gunicorn-sync": Application("gunicorn, sync", pip("gunicorn"), gunicorn("sync")),
    "gunicorn-gthread": Application("gunicorn, gthread", pip("gunicorn"), gunicorn("gthread", "--threads", "4")),
    "uvicorn": Application("uvicorn", pip("uvicorn"), uvicorn),
    "hypercorn": Application("hypercorn", pip("hypercorn"), hypercorn),
    "waitress": Application("waitress", pip("waitress"), waitress, transports=("tcp", "unix")),
    "uwsgi-http": Application("uWSGI, HTTP", says("uwsgi", "--version"), uwsgi("http")),
    "uwsgi": Application("uWSGI, uwsgi", says("uwsgi", "--version"), uwsgi(""), "uwsgi", ("tcp", "unix")),
    "uwsgi-scgi": Application("uWSGI, SCGI", says("uwsgi", "--version"), uwsgi("scgi"), "scgi", ("tcp", "unix")),
    "php-fpm": Application("PHP-FPM, FastCGI", says(php_fpm_program(), "--version"), php_fpm, "fastcgi", ("tcp", "unix"),
                           "`post_max_size`, 1 MiB for all of its answers"),
    "node-http": Application("Node.js http", says("node", "--version"), node("http")),
    "express": Application("Express", npm("express"), node("express"), limit="`express.raw({limit})`"),
    "fastify": Application("Fastify", npm("fastify"), node("fastify"), limit="`bodyLimit`"),
    "go": Application("Go net/http", says("go", "version"), go, limit="`http.MaxBytesReader`"),
    "puma": Application("Puma", says("puma", "--version"), puma),
    "tomcat": Application("Tomcat", tomcat_version, tomcat),
}


class Running:
    """An application that runs, at one place. SCRIPT is what PHP is to run."""

    def __init__(self, application, place, process, log, script):
        self.application, self.place, self.process, self.log, self.script = application, place, process, log, script


@contextlib.contextmanager
def started(wanted, tools, certificate, top):
    """Those of WANTED, pairs of an application's name and a transport, by the pair; each ends, by its pid, with the block."""
    answers = top / "answers"
    answers.mkdir()
    for name, answer in ANSWERS.items():
        (answers / name).write_bytes(answer.body)
    # PHP's is run by somebody else, who may not get at ours.
    script = pathlib.Path(shutil.copy(PROGRAMS / "answer.php", answers))
    os.environ["ANSWERS"] = str(answers)
    ports = iter(free_ports(len(wanted)))
    with contextlib.ExitStack() as ending:
        running, processes = {}, []
        ending.callback(end_all, processes)
        for name, transport in wanted:
            directory = top / f"{name}-{transport}"
            directory.mkdir()
            directory.chmod(0o755)
            place = Place(
                None if transport == "unix" else next(ports), str(directory / "socket") if transport == "unix" else None,
                certificate if transport == "tls" else None,
            )
            log = directory / "output"
            application = APPLICATIONS[name]
            with open(log, "wb") as output:
                process = subprocess.Popen(
                    application.command(tools, place, directory), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                    cwd=PROGRAMS if name in ("hypercorn", "waitress") else directory, start_new_session=True,
                    # Fronts are somebody else, and are to reach sockets.
                    umask=0,
                )
            processes.append(process)
            running[name, transport] = Running(application, place, process, log, script)
        for one in running.values():
            listening(one)
        yield running


def end_all(processes):
    """Ends all at once, as some take seconds; and the workers of one that does not see to them."""
    for process in processes:
        process.terminate()
    for process in processes:
        end(process)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def listening(one):
    until = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError):
            return one.place.connect()
        if one.process.poll() is not None or time.monotonic() > until:
            sys.exit(f"error: {one.application.title} does not listen at {one.place}:\n{one.log.read_text()[-2000:]}")
        time.sleep(0.05)
