"""Plays clients to an nginx with some random configurations at once, each a server {} block of its own, and tells what is
wrong with that by itself."""

import asyncio
import collections
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import typing

from fuzz_http import play
from limit_body import nginx
from limit_body.ports import free_ports

from . import clients, grammar, plain, upstream

PACE = play.Pace(pause=0.015, breath=0, silence=0.3, patience=8)
# How long nginx may take to be done with everything, in seconds; and what is enough on any machine.
SHORT, LONG = 5, 30
# So many copies of a configuration and its clients are played at once to see whether what one has shown shows again.
COPIES = 4

# What nginx says of a configuration that makes no sense, however it comes about; and of a port that it tries again.
HARMLESS = re.compile("cannot be used in location|Address already in use")

# What the module says of an upload that it answers with 408.
TIMED_OUT = "client took too long to send body"

HTTP = """{load}
worker_processes 1;
daemon off;
{user}
error_log {directory}/error.log crit;
events {{
    worker_connections 1024;
}}
http {{
    access_log off;
    default_type text/html;
    keepalive_requests 1000000;
    client_header_timeout 1s;
    client_body_timeout 400ms;
    # Also how long a client over HTTP/3 may think.
    keepalive_timeout 1s;
    send_timeout 1s;
    # In seconds, rounded down: less than one is none.
    lingering_time 2s;
    lingering_timeout 300ms;
    proxy_connect_timeout 1s;
    proxy_read_timeout 500ms;
    proxy_send_timeout 1s;
    fastcgi_read_timeout 500ms;
    {maps}
    map $arg_id $script {{
        default $arg_id;
        "~^([0-9]+)" $1;
    }}
    limit_req_zone $script zone=once:1m rate=1r/m;
    limit_req_zone $script zone=slowly:1m rate=20r/s;
    limit_conn_zone $script zone=script:1m;
    {cache}
    ssl_certificate {certificate}.pem;
    ssl_certificate_key {certificate}.key;
    {http2}
    server {{
        listen 127.0.0.1:{port} default_server;
        listen 127.0.0.1:{tls_port} ssl{h2} default_server;
        {quic}
        listen 127.0.0.1:{h2_port}{h2} default_server;
        location / {{ return 404; }}
        location = /probe {{ return 200 "open\\n"; }}
        location = /status {{ stub_status; }}
        location = /metrics {{ {metrics} }}
    }}
{servers}
}}
"""

SERVER = """
    upstream up{n} {{ server unix:{directory}/up{n}; keepalive 8; }}
    upstream up{n}-http2 {{ server unix:{directory}/up{n}-http2; keepalive 8; }}
    upstream up{n}-fastcgi {{ server unix:{directory}/up{n}-fastcgi; keepalive 8; }}
    upstream up{n}-memcached {{ server unix:{directory}/up{n}-memcached; keepalive 8; }}
    server {{
        server_name c{n};
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl{h2};
        listen 127.0.0.1:{h2_port}{h2};
        {quic}
        error_log {directory}/error-{n}.log error;
{nodes}
    }}
    server {{
        server_name i{n};
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://up{n}; proxy_http_version 1.1; proxy_set_header Connection ""; }}
        location /http2 {{ grpc_pass grpc://up{n}-http2; }}
        location /fastcgi {{ {fastcgi} }}
    }}
"""


class Violation(typing.NamedTuple):
    """Something that is wrong whatever nginx alone does."""

    # What kind of thing, and what it was in this case.
    kind: str
    what: str
    # The number of the configuration; None if it cannot be told.
    number: int | None = None


class Case(typing.NamedTuple):
    """A configuration and its clients."""

    seed: str
    configuration: grammar.Configuration
    scripts: list

    @classmethod
    def make(cls, seed):
        configuration = grammar.make(seed)
        return cls(seed, configuration, clients.scripts(seed, configuration))

    def size(self):
        return len(str(self.configuration.nodes)) + len(str(self.scripts))

    def saved(self):
        return {"seed": self.seed, "nodes": self.configuration.nodes, "scripts": self.scripts}

    @classmethod
    def read(cls, saved):
        return cls(saved["seed"], grammar.Configuration(saved["nodes"], [], []), saved["scripts"])


class Ports(typing.NamedTuple):
    """Those of an nginx, as fuzz_http/play.py knows them."""

    port: int
    h2_port: int


class Setting(typing.NamedTuple):
    """What is played to."""

    program: str
    # None: nginx alone.
    module: str | None
    certificate: str
    # Whether nginx was built with AddressSanitizer.
    is_asan: bool
    patience: float = SHORT
    # nginx alone: whether it has no limit, or that of the module.
    is_open: bool = False


async def run(setting, cases):
    """Plays each case to its server; the violations, and what came of each case's scripts."""
    for tries in range(5):
        arena = Arena(setting, cases, free_ports(3))
        try:
            return await arena.run()
        except Invalid as error:
            # Somebody else was faster.
            if "Address already in use" not in str(error) or tries == 4:
                raise
        finally:
            await arena.close()


class Invalid(Exception):
    """nginx does not take the configuration."""


numbers = iter(range(1, sys.maxsize))


class Arena:
    def __init__(self, setting, cases, ports):
        self.setting, self.cases, self.ports = setting, cases, ports
        self.violations = []
        self.upstreams = []
        # How many uploads were answered as too slow, by configuration.
        self.timed_out = collections.Counter()
        # Clients' addresses, as the kernel writes them, and their configurations.
        self.addresses = {}
        self.nginx = self.process = None

    def report(self, kind, what, number=None):
        self.violations.append(Violation(kind, what, number))

    async def run(self):
        setting = self.setting
        environment = {}
        if setting.is_asan:
            self.asan = tempfile.TemporaryDirectory(prefix="asan-")
            os.chmod(self.asan.name, 0o777)
            suppressions = pathlib.Path(__file__).parents[1] / "memory" / "asan.supp"
            options = f"abort_on_error=1:disable_coredump=1:detect_leaks=0:log_path={self.asan.name}/asan:suppressions={suppressions}"
            environment = {"ASAN_OPTIONS": options}
        self.nginx = nginx.Nginx(setting.program, "", environment)
        directory = self.nginx.directory
        for name in ("html", "dav"):
            (directory / name).mkdir()
            (directory / name).chmod(0o777)
        (directory / "html" / "file.txt").write_text("a file\n" * 300)
        for name in grammar.NAMES:
            # One: a page that includes itself twice is 2^50 pages.
            page = f'before <!--# include virtual="{name}" wait="yes" --> after\n'
            (directory / "html" / f"ssi-{name[1:]}.html").write_text(page)
        self.nginx.configure(self.text(directory).replace("{", "{{").replace("}", "}}"))
        for n, _ in enumerate(self.cases):
            one = upstream.Upstream(directory / f"up{n}")
            await one.start()
            self.upstreams.append(one)
        await self.start()
        plays = await asyncio.gather(*(self.play_case(n, case) for n, case in enumerate(self.cases)))
        is_quiet = await self.settle()
        if is_quiet:
            await asyncio.gather(*(self.innocents(n) for n, _ in enumerate(self.cases)))
            # nginx ends when no timer is left that counts, and says which connections are.
            if not await self.stop("QUIT"):
                self.report("left: timers", "nginx does not end")
        await self.kill()
        self.read_logs(is_quiet)
        return self.violations, plays

    async def start(self):
        """Starts nginx as a child: what init makes of the end of a daemon is a matter of its own."""
        with open(self.nginx.directory / "stderr", "w") as stderr:
            self.process = subprocess.Popen(self.nginx.command, env=self.nginx.environment, stdin=subprocess.DEVNULL, stderr=stderr)
        while self.process.poll() is None:
            # Written when it listens. To connect until that works may connect a socket to itself.
            if self.nginx.read_pid() == self.process.pid:
                return
            await asyncio.sleep(0.01)
        raise Invalid((self.nginx.directory / "stderr").read_text())

    async def stop(self, name):
        """Has nginx end; whether it does."""
        self.process.send_signal(signal.Signals[f"SIG{name}"])
        until = asyncio.get_running_loop().time() + self.setting.patience
        while self.process.poll() is None:
            if asyncio.get_running_loop().time() > until:
                return False
            await asyncio.sleep(0.01)
        return True

    def text(self, directory):
        port, tls_port, h2_port = self.ports
        h2, http2 = nginx.http2(self.setting.program)
        values = dict(directory=directory, port=port, tls_port=tls_port, h2_port=h2_port, h2=h2, http2=http2)
        values["quic"] = f"listen 127.0.0.1:{tls_port} quic;" if nginx.has_http3(self.setting.program) else ""
        servers, has_cache = [], False
        for n, case in enumerate(self.cases):
            nodes = case.configuration.nodes
            if not self.setting.module:
                nodes = plain.translated(nodes, self.setting.is_open)
            text = "\n".join(grammar.text(nodes))
            has_cache = has_cache or "proxy_cache " in text
            for name, value in [("html", directory / "html"), ("dav", directory / "dav"), ("up", f"up{n}"), ("n", n)]:
                text = text.replace(f"{{{name}}}", str(value))
            innocent = grammar.fastcgi("wait 200").replace("{up}", f"up{n}")
            servers.append(SERVER.format(n=n, nodes=text, fastcgi=innocent, **values))
        return HTTP.format(
            load=f"load_module {pathlib.Path(self.setting.module).resolve()};" if self.setting.module else "",
            user="user root;" if os.getuid() == 0 else "",
            maps="".join(f'map "" $limit_{limit} {{ default {limit}; }}\n    ' for limit in grammar.LIMITS),
            cache=f"proxy_cache_path {directory}/cache keys_zone=cache:1m;" if has_cache else "",
            certificate=self.setting.certificate,
            metrics="limit_body_metrics;" if self.setting.module else "return 200;",
            servers="".join(servers),
            **values,
        )

    async def play_case(self, n, case):
        return await asyncio.gather(*(self.play(n, script) for script in case.scripts))

    async def play(self, n, script):
        number = next(numbers)
        up = self.upstreams[n]
        if script["protocol"] == "h3" and not nginx.has_http3(self.setting.program):
            script = script | {"protocol": "h2"}
        requests = clients.requests(script)
        material = clients.material(number)
        for index, _, length, is_whole, _ in requests:
            up.expect(f"{number:09}-{index}", material[:length], is_whole)
        client = clients.KINDS[script["protocol"]](number, PACE)
        port, tls_port, h2_port = self.ports
        # Where clients look for them.
        ports = Ports(port, h2_port) if script["protocol"] in ("h1", "h2c") else Ports(tls_port, tls_port)
        try:
            await asyncio.wait_for(client.play(clients.placed(script, number, f"c{n}"), ports), PACE.patience)
        except TimeoutError:
            client.end = "silent"
        except OSError as error:
            client.end = repr(error)
        finally:
            with contextlib.suppress(AttributeError):
                if name := client.name:
                    self.addresses["%02X%02X%02X%02X:%04X" % (*map(int, name[0].split(".")), name[1])] = n
                client.close()
        answers = []
        # It may have come no further than to connect.
        with contextlib.suppress(AttributeError):
            answers = client.answers()
        self.look(n, script, requests, number, answers)
        return play.Play([general(answer, number) for answer in answers if answer.status >= 200], client.end, [])

    def look(self, n, script, requests, number, answers):
        """Whether the answers are well-formed, and each is that to its request."""
        self.timed_out[n] += sum(answer.status == 408 for answer in answers)
        if script["protocol"][:2] != "h1":
            for answer in answers:
                stream = re.match(r"stream (\d+)\r\n", answer.header)
                found = re.search(r"x-for: (\S+)", answer.header)
                if stream and found and found[1] != f"{number:09}-{int(stream[1]) // 2}" and "proxy_cache " not in str(self.cases[n].configuration.nodes):
                    self.report("client: an answer to another request", f"{answer.header}", n)
            return
        finals = [answer for answer in answers if answer.status >= 200]
        asked = [index for index, *_ in requests]
        for i, answer in zip(asked, finals):
            found = re.search(r"\r\nX-For: (\S+)", answer.header)
            if found and found[1] != f"{number:09}-{i}" and "proxy_cache " not in str(self.cases[n].configuration.nodes):
                self.report("client: an answer to another request", f"the one to {i} is {answer.header!r}", n)
        rest = answers[-1].header if answers and not answers[-1].status else ""
        if rest and not "HTTP/1.1 ".startswith(rest[:9]):
            self.report("client: bytes that are no answer", repr(rest[:300]), n)

    async def get(self, path):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[0])
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            return answer.decode()
        except (OSError, TimeoutError) as error:
            return repr(error)

    async def settle(self):
        """Waits until nothing is left of the clients."""
        until = asyncio.get_running_loop().time() + self.setting.patience
        wait, tries = 0.02, 0
        while True:
            status = await self.get("/status")
            active = re.search(r"Active connections: (\d+)", status)
            metrics = await self.get("/metrics") if self.setting.module else ""
            draining = sum(int(count) for count in re.findall(r"draining_connections\{[^}]*\} (\d+)", metrics))
            if active and int(active[1]) == 1 and not draining:
                break
            tries += 1
            # Where the machine is busy, time alone says nothing.
            if asyncio.get_running_loop().time() > until and tries > 20:
                kind = "left: connections" if active and int(active[1]) > 1 else "left: drains" if active else "left: a busy worker"
                for number, sockets in (self.left() or {None: []}).items():
                    self.report(kind, "\n".join([*sockets, status, f"{draining} draining"]), number)
                return False
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, 0.2)
        for one in self.upstreams:
            one.left()
        return True

    def left(self):
        """What the kernel says of nginx's connections: by configuration, as far as that can be told."""
        found = {}
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            here, there = (re.sub(r"^(..)(..)(..)(..):", r"\4\3\2\1:", address) for address in line.split()[1:3])
            if int(here.split(":")[1], 16) in self.ports and there in self.addresses:
                found.setdefault(self.addresses[there], []).append(line.strip())
        return found

    async def innocents(self, n):
        """Each kept connection to the upstream has to serve a request that has nothing to do with those before."""
        up = self.upstreams[n]
        kinds = {upstream.Http2: "/http2", upstream.FastCgi: "/fastcgi"}
        paths = [kinds.get(type(one), "/innocent") for one in up.connections]
        up.together = len(paths)
        await asyncio.gather(*(self.innocent(n, path) for path in paths))

    async def innocent(self, n, path):
        number = f"innocent-{next(numbers)}"
        self.upstreams[n].expect(number, b"", True)
        head = f"GET {path}?id={number} HTTP/1.1\r\nHost: i{n}\r\nX-Id: {number}\r\nConnection: close\r\n\r\n"
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[0])
            writer.write(head.encode())
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()
        except (OSError, TimeoutError) as error:
            answer = repr(error).encode()
        if f"upstream {number} 200\n".encode() not in answer:
            self.report("an innocent request", f"{answer[:200]!r}", n)

    async def kill(self):
        if self.process.poll() is None:
            # The master first, or it says that its workers were killed.
            for pid in [self.process.pid, *self.nginx.workers(self.process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            while self.process.poll() is None:
                await asyncio.sleep(0.01)

    def read_logs(self, is_quiet):
        logs = [(None, "error.log")] + [(n, f"error-{n}.log") for n, _ in enumerate(self.cases)]
        for number, name in logs:
            path = self.nginx.directory / name
            lines = path.read_text(errors="replace").splitlines() if path.exists() else []
            # nginx alone never answers so, and no upstream here does.
            told = sum(TIMED_OUT in line for line in lines)
            if self.timed_out[number] > told:
                self.report("client: a 408 without a reason", f"{self.timed_out[number]} answers, {told} lines in the log", number)
            for line in lines:
                # A connection that is left where it was killed is no news.
                if nginx.SERIOUS.search(line) and not HARMLESS.search(line) and (is_quiet or "open socket" not in line):
                    self.report(kind_of(line), line, number)
        if self.setting.is_asan:
            for path in pathlib.Path(self.asan.name).iterdir():
                text = path.read_text(errors="replace")
                kind = re.search(r"AddressSanitizer: ([\w-]+)", text)
                self.report(f"asan: {kind[1] if kind else 'unknown'}", text[:4000])
        for number, up in enumerate(self.upstreams):
            # A body that is passed on as it comes, and comes too late, cannot be what was promised.
            text = str(self.cases[number].configuration.nodes)
            is_late = re.search("proxy_request_buffering off|grpc_pass", text) and re.search(r"limit_body_timeout \d", text)
            for kind, what in up.violations:
                if not (is_late and "promise" in kind):
                    self.report(kind, what, number)

    async def close(self):
        for one in self.upstreams:
            one.stop()
        if self.process:
            await self.kill()
        if self.nginx:
            self.nginx.home.cleanup()
        if self.setting.is_asan:
            self.asan.cleanup()


def general(answer, number):
    """An answer without what is different each time."""
    return answer._replace(body=answer.body.replace(b"%09d" % number, b"N"))


def kind_of(line):
    """A line of the error log, without what is different each time."""
    text = re.sub(r"^\S+ \S+ (\[\w+\]) \d+#\d+: (\*\d+ )?", r"\1 ", line)
    text = re.sub(r", client: .*|, while .*|\"[^\"]*\"|/\S+", "", text)
    return "log: " + re.sub(r"\d+", "N", text if "signal" not in text else re.sub(r"process \d+", "process", text)).strip()
