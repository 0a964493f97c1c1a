"""Much traffic of all kinds for a while, over workers that are reloaded, killed and replaced meanwhile.

    soak.py NGINX MODULES CERTIFICATE SECONDS WORKERS CLIENTS [SEED]

Clients (clients.py) send uploads that are accepted, refused by the header, in mid-stream, or because they take too long,
answered by the application before it has read them, drained, or reset, over HTTP/1.1 and HTTP/2, with and without TLS, and
over HTTP/3; and, where MODULES have that for raw connections, sessions that are answered at once, passed on or refused. Meanwhile the configuration is reloaded, log files are reopened, workers are
killed, and the program is replaced by itself (USR2, QUIT). Asserted:

* each request gets the answer that it should, but for those of a killed worker;
* what nginx has counted, and what it has logged, is what the clients have seen, to the request; a killed worker may have
  counted those that it did not answer, or not;
* no worker's memory grows, from one generation to the next, for the same number of requests;
* the error log has nothing that is serious, but for the killed workers.
"""

import collections
import contextlib
import math
import os
import pathlib
import random
import re
import socket
import sys
import time
import urllib.request

import clients
from limit_body import proc
from limit_body.nginx import Nginx, await_condition, has_http3, http2, loads
from limit_body.ports import free_ports

# By how much a worker may have more memory than one of the first generations had, in KiB, and after how many requests.
GROWN = 1024
MILESTONES = (500, 1000, 2000, 4000, 8000)

CONFIGURATION = """
{load}
worker_processes {workers};
error_log {directory}/error.log notice;
# For a program that takes this one's place.
env ASAN_OPTIONS;
env LSAN_OPTIONS;
events {{ worker_connections 1000; }}
http {{
    log_format soak '$status $limit_body_status';
    access_log {directory}/access.log soak;
    keepalive_requests 1000000;
    client_body_buffer_size 8k;
    client_header_timeout 300s;
    proxy_http_version 1.1;
    ssl_certificate {certificate}.pem;
    ssl_certificate_key {certificate}.key;
    add_header X-Process $pid always;
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{h2c}{http2};
        listen 127.0.0.1:{tls} ssl{http2};
        {http2_on}
        {http3}
        limit_body {limit};
        limit_body_log_level notice;
        limit_body_zone soak;
        location = /up {{ proxy_pass http://127.0.0.1:{backend}; }}
        location = /streamed {{ proxy_pass http://127.0.0.1:{backend}; proxy_request_buffering off; }}
        location = /forbidden {{ return 403; }}
        location = /early {{ limit_body 10m; proxy_pass http://127.0.0.1:{backend}; proxy_request_buffering off; }}
        location = /slow {{ limit_body 10m; limit_body_timeout 1s; proxy_pass http://127.0.0.1:{backend}; }}
        location = /metrics {{ access_log off; limit_body_metrics; }}
        location = /status {{ access_log off; stub_status; }}
    }}
}}
{stream}
"""
SESSIONS = """
stream {{
    ssl_certificate {certificate}.pem;
    ssl_certificate_key {certificate}.key;
    limit_session_drain idle=30s;
    limit_session_zone soak;
    limit_session_log_level notice;
    server {{ listen 127.0.0.1:{returning}; listen 127.0.0.1:{returning_tls} ssl; return "busy, says worker $pid\\n"; }}
    server {{
        listen 127.0.0.1:{limited};
        listen 127.0.0.1:{limited_tls} ssl;
        limit_session {limit};
        limit_session_message "too much for worker $pid\\n";
        proxy_pass 127.0.0.1:{backend};
    }}
}}
"""
# A connection that nobody will hear of again ends soon.
HTTP3 = "listen 127.0.0.1:{h3} quic reuseport; keepalive_timeout 10s; client_body_timeout 10s; send_timeout 10s;"
# It answers when it has read a body, but for one that it answers at once. Nothing is done to it.
BACKEND = """
worker_processes 1;
events {{ worker_connections 1000; }}
http {{
    access_log off;
    client_max_body_size 0;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://unix:{directory}/answer; }}
        location = /early {{ keepalive_timeout 0; lingering_close off; return 403 "no\n"; }}
    }}
    server {{ listen unix:{directory}/answer; location / {{ return 200 "ok\\n"; }} }}
}}
"""
COUNTED = re.compile(r'^nginx_limit_(?:body_)?(\w+)\{zone="soak"(?:,\w+="([^"]*)")?\} (\d+)$', re.M)


def main():
    nginx, modules, certificate, seconds, workers, number, *seed = sys.argv[1:]
    seed = int(seed[0]) if seed else random.randrange(10**9)
    print(f"{seconds} seconds, {workers} workers, {number} clients, seed {seed}", flush=True)
    with Nginx(nginx, BACKEND, port=free_ports(1)[0]) as backend:
        backend.start()
        names = ["plain", "tls", "h2c"]
        is_with_sessions = "limit_session" in modules
        if is_with_sessions:
            names += ["returning", "returning_tls", "limited", "limited_tls"]
        if has_http3(nginx):
            names += ["h3"]
        values = dict(zip(names, ports := free_ports(len(names))))
        values |= {"limit": clients.LIMIT, "certificate": certificate, "backend": backend.values["port"]}
        parameter, directive = http2(nginx)
        stream = SESSIONS.format(**values) if is_with_sessions else ""
        http3 = HTTP3.format(**values) if "h3" in values else ""
        with Nginx(nginx, CONFIGURATION, load=loads(modules)[0], stream=stream, http3=http3, workers=workers, http2=parameter,
                   http2_on=directive, **values) as server:
            server.start()
            soak = Soak(server, dict(zip(names, ports)), float(seconds), int(workers), int(number), seed)
            soak.run()
            failures = soak.judge()
    for failure in failures:
        print(f"FAILED  {failure}", flush=True)
    print("all as it should be" if not failures else f"{len(failures)} failures")
    sys.exit(bool(failures))


class Soak:
    def __init__(self, server, ports, seconds, workers, number, seed):
        self.server, self.ports, self.seconds, self.workers = server, ports, seconds, workers
        self.random = random.Random(seed)
        self.account = clients.Account()
        self.end = time.monotonic() + seconds
        self.clients = [clients.Client(self.account, ports, f"{seed}-{i}", lambda: self.end) for i in range(number)]
        # What was counted by masters that are gone.
        self.counted = collections.Counter()
        self.done = collections.Counter()
        # Requests that a killed worker may have answered without counting them.
        self.uncertain = collections.Counter()
        self.memory = collections.defaultdict(list)
        self.masters = []
        self.errors = []

    def run(self):
        began = shown = time.monotonic()
        for client in self.clients:
            client.start()
        actions = [self.reload, self.rotate, self.kill, self.reload, self.rotate, self.replace]
        pause = max(1.0, self.seconds / 60)
        turn, due = 0, time.monotonic() + pause
        while time.monotonic() < self.end and not self.account.lost:
            time.sleep(0.1)
            self.look_at_memory()
            self.look_at_workers()
            if time.monotonic() > due and self.end - time.monotonic() > pause:
                try:
                    self.act(actions[turn % len(actions)])
                except (TimeoutError, OSError) as error:
                    self.errors.append(f"{actions[turn % len(actions)].__name__}: {error!r}")
                    break
                turn, due = turn + 1, time.monotonic() + pause
            if time.monotonic() - shown > 15:
                shown = time.monotonic()
                print(f"{shown - began:5.0f} s: {self.shown()}", flush=True)
        self.end = min(self.end, time.monotonic())
        for client in self.clients:
            client.join(clients.PATIENCE)
        if any(client.is_alive() for client in self.clients):
            self.errors.append("a client waits in vain")
        print(f"{time.monotonic() - began:5.0f} s: {self.shown()}", flush=True)

    def act(self, action):
        self.account.changed = math.inf
        action()

    def look_at_workers(self):
        """Ends a change when the old workers have gone."""
        if self.account.changed == math.inf and len(self.server.workers()) == self.workers:
            self.account.changed = time.monotonic()

    def shown(self):
        answered = sum(self.account.answered.values())
        done = ", ".join(f"{number} {name}" for name, number in self.done.items())
        return (f"{answered} answers, {self.account.resets} resets by clients, {self.account.races} sent again, "
                f"{sum(self.account.killed.values())} lost with a worker; {done}")

    # --- what is done to nginx

    def reload(self):
        self.done["reloads"] += 1
        self.server.reload()

    def rotate(self):
        """Renames the logs, and has nginx open others."""
        number = self.done["rotations"] = self.done["rotations"] + 1
        files = [self.server.directory / name for name in ("access.log", "error.log")]
        for file in files:
            file.rename(f"{file}.{number}")
        self.server.signal("USR1")
        await_condition(lambda: all(file.exists() for file in files), "new logs")

    def kill(self):
        self.done["kills"] += 1
        before = self.server.workers()
        victim = self.random.choice(before)
        killed = time.monotonic()
        self.account.kills.append(killed)
        with self.account.lock:
            self.server.signal("KILL", victim)
            await_condition(lambda: victim not in self.server.workers(), "the end of a worker")
        # Until clients have read what it had answered.
        time.sleep(0.3)
        self.account.kills.append(time.monotonic())
        with self.account.lock:
            # nginx counts what it accepts when it has answered, and logs what it refuses when that is drained.
            for (worker, *_), answers in self.account.last.items():
                if worker == victim:
                    self.uncertain.update(kind for logged, kind in answers if logged > killed)
        await_condition(lambda: len(self.server.workers()) >= self.workers, "another worker")

    def replace(self):
        """Replaces master and workers by new ones, and takes over what the old ones have counted."""
        self.done["upgrades"] += 1
        server, old = self.server, self.server.master
        # Requests that the old workers wait for: they go on to ask them when nobody else does.
        waiting = [self.half_a_request() for _ in range(30)]
        await_condition(lambda: not self.not_accepted(), "the workers to accept them", 60)
        before = set(server.workers())
        server.signal("USR2")
        await_condition(lambda: server.read_pid() not in (None, old), "the new master")
        server.master = server.read_pid()
        self.masters.append(old)
        await_condition(lambda: len(server.workers()) >= self.workers, "the new workers")
        server.signal("QUIT", old)
        await_condition(lambda: all(self.listens_no_more(pid) for pid in before), "the old workers to stop listening", 60)
        changed = time.monotonic()
        # Whoever has a connection from before goes over to the new workers within one request.
        await_condition(lambda: all(client.opened > changed or not client.is_alive() for client in self.clients),
                        "clients to leave the old workers", 60)
        last = self.finish(waiting, before)
        for name, label, value in COUNTED.findall(last):
            self.counted[name, label] += int(value)
        await_condition(lambda: not os.path.exists(f"/proc/{old}"), "the end of the old master", 60)

    def half_a_request(self):
        connection = socket.create_connection(("127.0.0.1", self.ports["plain"]), 30)
        connection.sendall(b"GET ")
        return connection

    def not_accepted(self):
        """How many connections wait for a worker."""
        listening = (self.ports["plain"], proc.LISTENING)
        return sum(one.unread for one in proc.tcp_sockets() if (one.port, one.state) == listening)

    def finish(self, waiting, workers):
        """The metrics of the old workers, when nothing else goes on there."""
        last = None
        while waiting:
            for target in (b"/status", b"/metrics"):
                connection = waiting.pop()
                connection.sendall(target + b" HTTP/1.0\r\n\r\n")
                answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
                connection.close()
                if target == b"/status":
                    active = int(re.search(r"Active connections: (\d+)", answer)[1])
                else:
                    worker = int(re.search(r"X-Process: (\d+)", answer)[1])
                    last = answer
            if worker not in workers:
                raise OSError("half a request got to a new worker")
            # Of the status request itself, and of those that wait. A killed worker's connections are counted on.
            if active <= len(waiting) + 2 + self.leftover():
                for connection in waiting:
                    connection.close()
                return last
            time.sleep(0.2)
        raise TimeoutError(f"the old workers have {active} connections")

    def leftover(self):
        """How many connections nginx may count although they are gone: of killed workers, and over HTTP/3."""
        return 2 * len(self.clients) * self.done["kills"] + self.account.stray

    @staticmethod
    def listens_no_more(pid):
        """Whether a worker takes no more connections."""
        try:
            listening = {f"socket:[{one.inode}]" for one in proc.tcp_sockets(pid) if one.state == proc.LISTENING}
            return not any(os.readlink(file) in listening for file in pathlib.Path(f"/proc/{pid}/fd").iterdir())
        except FileNotFoundError:
            # It has ended, or has closed one meanwhile: the next look tells.
            return not pathlib.Path(f"/proc/{pid}").exists()

    def look_at_memory(self):
        """The memory of workers that have answered so many requests. Not that of one which has answered many more when it is looked
        at, as after an upgrade that took long."""
        with self.account.lock:
            served = {pid: self.account.served[pid] for pid in self.server.workers()}
        for pid, number in served.items():
            for milestone in MILESTONES:
                key = (milestone, pid)
                if milestone <= number < 2 * milestone and key not in self.memory:
                    with contextlib.suppress(FileNotFoundError, TypeError):
                        self.memory[key] = proc.resident(pid)

    # --- what came of it

    def judge(self):
        failures = [*self.account.lost, *self.errors]
        server = self.server
        with contextlib.suppress(TimeoutError):
            await_condition(lambda: not self.draining(), "the end of all drains", 60)
        if self.draining():
            failures.append(f"{self.draining()} connections drain for ever")
        now = self.metrics()
        counted = self.counted + now

        for name, kinds, found in (
            ("passed", (clients.ACCEPTED, clients.STREAMED, clients.FORBIDDEN, clients.EARLY), counted["requests_total", "passed"]),
            ("refused by the header", (clients.TOO_LARGE,), counted["rejected_total", "header"]),
            ("refused in mid-stream", (clients.GROWN_TOO_LARGE,), counted["rejected_total", "body"]),
            ("timed out", (clients.SLOW,), counted["requests_total", "timed_out"]),
            ("sessions passed", (clients.SESSION_PASSED,), counted["session_sessions_total", "passed"]),
            ("sessions refused", (clients.SESSION_REFUSED,), counted["session_sessions_total", "rejected"]),
        ):
            failures += self.compare(f"{name}, counted", kinds, found)
        if counted["requests_total", "rejected"] != counted["rejected_total", "header"] + counted["rejected_total", "body"]:
            failures.append("refusals do not add up")
        logs = collections.Counter(line.strip() for file in server.directory.glob("access.log*") for line in open(file))
        for name, kinds, line in (
            ("passed, logged", (clients.ACCEPTED, clients.STREAMED), "200 PASSED"),
            ("forbidden, or answered early, logged", (clients.FORBIDDEN, clients.EARLY), "403 PASSED"),
            ("timed out, logged", (clients.SLOW,), "408 TIMED_OUT"),
            ("refused, logged", (clients.TOO_LARGE, clients.GROWN_TOO_LARGE), "413 REJECTED"),
        ):
            failures += self.compare(name, kinds, logs[line], is_log=True)
        for kind in ("drains_total", "session_drains_total"):
            drains = {label: value for (name, label), value in sorted(counted.items()) if name == kind and value}
            shown = ", ".join(f"{value} {label}" for label, value in drains.items())
            print(f"{kind}: {shown}; {sum(drains.values())} in all")

        # Where something else watches memory, what a process has says nothing.
        failures += [] if "TEST_MEMORY" in os.environ else self.judge_memory()
        stopped = server.stop()
        if not stopped:
            failures.append("nginx does not end")
        text = "".join(file.read_text(errors="replace") for file in server.directory.glob("error.log*"))
        serious = [line for line in text.splitlines() if re.search(r"\[(alert|emerg|crit)\]|open socket|panicked", line)]
        odd = [line for line in serious if "exited on signal 9" not in line]
        if len(serious) - len(odd) != self.done["kills"]:
            failures.append(f"{len(serious) - len(odd)} workers have died, {self.done['kills']} were killed")
        failures += odd[:5]
        print(f"error log: {len(odd)} serious lines beside those of {self.done['kills']} killed workers")
        return failures

    def compare(self, name, kinds, found, is_log=False):
        """Holds a number against what the clients have seen."""
        answered = sum(self.account.answered[kind] for kind in kinds)
        killed = sum(self.account.killed[kind] for kind in kinds)
        # A line of a refusal is written when the drain has ended.
        uncertain = sum(self.uncertain[kind] for kind in kinds if kind.verdict == clients.PASSED or is_log)
        least, most = answered - uncertain, answered + killed
        print(f"{name}: {found}; answered: {answered}" + (f", to be expected: {least} to {most}" if least < most else ""))
        return [] if least <= found <= most else [f"{name}: {found}, to be expected: {least} to {most}"]

    def judge_memory(self):
        """Holds workers of the same number of requests against each other, the last against the first. What is kept from
        one generation to the next, all of the last have; what clients happen to do at the time, one in four or so has."""
        failures = []
        few = max(4, self.workers)
        for milestone in MILESTONES:
            sizes = [size for (number, _), size in self.memory.items() if number == milestone]
            if len(sizes) < 2 * few:
                continue
            first, last = max(sizes[:few]), min(sizes[-few:])
            text = f"memory after {milestone} requests: at most {first} KiB in the first {few} workers, at least {last} in the last"
            print(f"{text} ({len(sizes)} workers)")
            if last > first + GROWN:
                failures.append(text)
        return failures

    def draining(self):
        metrics = self.metrics()
        return metrics["draining_connections", ""] + metrics["session_draining_connections", ""]

    def metrics(self):
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.ports['plain']}/metrics", timeout=30).read().decode()
        return collections.Counter({(name, label): int(value) for name, label, value in COUNTED.findall(text)})


main()
