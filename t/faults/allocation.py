"""Makes each allocation of memory fail, one at a time, while nginx serves requests, reads its configuration, and reloads it.

    allocation.py NGINX MODULES SHIM CERTIFICATE [SCENARIO ...]

MODULES are the files to load. NGINX has to be built with NGX_DEBUG_PALLOC, so that its pools ask for each piece; SHIM is
allocation.c. In each run of a scenario the N-th allocation fails, once, or it and all that follow ("from there on"); N goes from 1 until one run has had
none fail. After each run: the worker is the same process, nobody has waited in vain, the log has a line about it or all
answers were as ever, and the next requests are answered as ever. After each scenario: nothing drains any more, and nginx
ends without anything left open.

The scenarios are played without the module first: what is wrong there as well, when an allocation fails in the same place in
nginx, is taken for nginx's own.
"""

import argparse
import ctypes
import mmap
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

from limit_body import script
from limit_body.nginx import Nginx, await_condition, has_http3, loads
from limit_body.ports import free_ports

# What waits in vain is what this is about.
script.TIMEOUT = float(os.environ.get("TEST_PATIENCE", 5))

CONFIGURATION = """
{load}
worker_processes 1;
worker_shutdown_timeout 3s;
error_log {directory}/error.log info;
events {{ worker_connections 200; }}
http {{
    access_log {directory}/access.log;
    client_header_timeout 1s;
    client_body_timeout 1s;
    send_timeout 1s;
    keepalive_timeout 1s;
    lingering_timeout 5s;
    lingering_time 5s;
    proxy_read_timeout 1s;
    proxy_send_timeout 1s;
    client_body_buffer_size 8k;
    ssl_certificate {certificate}.pem;
    ssl_certificate_key {certificate}.key;
    map $http_x_plan $limit {{ default 1k; gold 64k; bad 1q; }}
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{h2c_port};
        listen 127.0.0.1:{tls_port} ssl;
        {quic}
        http2 on;
        client_max_body_size 1k;
        {limit}
        error_page 413 @too_large;
        location / {{ proxy_pass http://127.0.0.1:{backend}; }}
        location = /unbuffered {{ proxy_request_buffering off; proxy_pass http://127.0.0.1:{backend}; }}
        location = /plan {{ {plan} proxy_pass http://127.0.0.1:{backend}; }}
        location = /auth {{ {after_auth} auth_request /check; proxy_pass http://127.0.0.1:{backend}; }}
        location = /check {{ internal; return 204; }}
        location = /early {{ client_max_body_size 8m; {early} proxy_pass http://127.0.0.1:{backend}; }}
        location = /early/http2 {{ client_max_body_size 8m; {early} grpc_pass grpc://127.0.0.1:{backend}; }}
        location = /forbidden {{ return 403 "no\\n"; }}
        location = /moved {{ rewrite ^ /elsewhere last; }}
        location @too_large {{ return 413 "too large\\n"; }}
        location = /silent {{ {impatient} return 403; }}
        {metrics}
    }}
}}
stream {{
    {drain}
    ssl_certificate {certificate}.pem;
    ssl_certificate_key {certificate}.key;
    proxy_timeout 1s;
    server {{ listen 127.0.0.1:{PORT_1}; return "busy\\n"; }}
    server {{ listen 127.0.0.1:{PORT_2}; proxy_pass 127.0.0.1:{PORT_5}; }}
    server {{ listen 127.0.0.1:{PORT_3} ssl; proxy_pass 127.0.0.1:{PORT_5}; }}
    server {{ listen 127.0.0.1:{PORT_4}; {session} proxy_pass 127.0.0.1:{backend}; }}
}}
"""
MODULE = {
    "limit": "limit_body 1k; limit_body_zone uploads; limit_body_drain idle=5s conns=100;",
    "plan": "limit_body $limit;",
    "early": "limit_body 8m;",
    "after_auth": "limit_body 1k after_auth;",
    "impatient": "limit_body_drain idle=500ms;",
    "metrics": "location = /metrics { limit_body_metrics; } location = /json { limit_body_metrics json; }",
    "drain": "limit_session_drain idle=5s conns=100; limit_session_zone sessions;",
    "session": 'limit_session 1k; limit_session_message "too much\\n";',
}
BACKEND = """
worker_processes 1;
events {{ worker_connections 200; }}
http {{
    access_log off;
    client_max_body_size 0;
    server {{ listen 127.0.0.1:{port}; http2 on; location / {{ proxy_pass http://127.0.0.1:{port}/answer; }}
              location /early {{ lingering_close off; return 401 "denied\n"; }}
              location /answer {{ return 200 "ok\\n"; }} }}
}}
stream {{
    server {{ listen 127.0.0.1:{early}; return "early\\n"; }}
}}
"""

# In the language of t/lib/script.py; "arm" is where allocations begin to count, if that is not at the start. What the client
# is told is held against what it is told when nothing fails.
SCENARIOS = {
    "accepted": "h1: head POST /up 1000; send 1000; answer; head POST /up chunked; chunk 500; chunk 0; answer; close",
    "accepted into a file": "h1: head POST /plan 60k X-Plan:gold; send 60k; answer; close",
    "refused by the header": "h1: head POST /up 100k; send 50k; answer; send 50k; end",
    "refused in mid-stream": "h1: head POST /up chunked; chunk 500; chunk 20k; answer; chunk 20k; chunk 0; end",
    "refused while streamed":
        "h1: head POST /unbuffered chunked; chunk 500; pause 0.02; chunk 20k; answer; chunk 20k; chunk 0; end",
    "refused after a redirect": "h1: head POST /moved 20k; send 20k; answer; end",
    "refused after auth_request": "h1: head POST /auth 20k; send 20k; answer; end",
    "a limit that is no size": "h1: head POST /plan 20k X-Plan:bad; send 20k; answer; end",
    "answered early by an upstream": "h1: head POST /early 4m; send 4m; answer; close",
    "answered early over HTTP/2": "h1: head POST /early/http2 200k; send 200k; answer; close",
    "drained, and one more request": "h1: head POST /forbidden 50k; send 50k; answer; head GET /up; answer; close",
    "drained until silent": "h1: head POST /silent 50k; send 5k; answer; end",
    "TLS": "h1s: head POST /up 100k; send 50k; answer; send 50k; end",
    "TLS, in mid-stream": "h1s: head POST /up chunked; chunk 500; chunk 20k; answer; chunk 20k; chunk 0; end",
    "HTTP/2, without a body": "h2c: head GET /up; answer; head GET /up; answer; close",
    "HTTP/2": "h2c: head POST /up 1000; send 1000; finish; answer; head POST /up 40k; send 40k; finish; answer; close",
    "HTTP/2, in mid-stream": "h2c: head POST /up chunked; send 20k; send 20k; finish; answer; head GET /up; answer; close",
    "HTTP/2, while streamed": "h2c: head POST /unbuffered chunked; send 500; pause 0.02; send 20k; finish; answer; close",
    "HTTP/2, after auth_request": "h2c: head POST /auth 20k; send 20k; finish; answer; close",
    "HTTP/2, drained": "h2c: head POST /forbidden 20k; send 10k; answer; send 10k; finish; head GET /up; answer; close",
    "HTTP/2, reset": "h2c: head POST /up 20k; send 10k; answer; reset; head GET /up; answer; close",
    "HTTP/2 over TLS": "h2: head POST /up 40k; send 40k; finish; answer; close",
    # Without the handshake: clients of QUIC wait long where that fails.
    "HTTP/3": "h3: head GET /up; answer; arm; head POST /up 40k; send 40k; finish; answer; close",
    "HTTP/3, in mid-stream":
        "h3: head GET /up; answer; arm; head POST /up chunked; send 20k; send 20k; finish; answer; close",
    "metrics": "h1: head GET /metrics; answer; head GET /json; answer; close",
    "a session, drained": "tcp 1: send 100; line; send 50k; end",
    "a session, drained behind an upstream": "tcp 2: send 100; line; send 50k; end",
    "a session, drained over TLS": "tls 3: send 100; line; send 50k; end",
    "a session over its limit": "tcp 4: send 50k; line; send 50k; end",
}
# What is asked for in between, and what comes of it: accepted, refused, as ever.
CONTROL = "h1: head POST /up 1000; send 1000; answer; head POST /up 2k; send 2k; answer; end"
AS_EVER = ["200 ok", "413 too large", "closed"]

DEPTH = 24
# How many of nginx's functions, from the innermost on, make a place; but for those that are there to allocate.
KEY = 2
ALLOCATING = re.compile(r"ngx_(alloc|calloc|memalign|p\w*alloc\w*|create_temp_buf|alloc_chain_link|array_\w+|list_\w+)$")
EVERYBODY = -1
PORTS = ("port", "tls_port", "h2c_port", *(f"PORT_{number}" for number in range(1, 6)))


class Fault(ctypes.Structure):
    """As in allocation.c."""

    _fields_ = [("pid", ctypes.c_int64), *((name, ctypes.c_uint64) for name in ("at", "span", "count", "failed", "depth")),
                ("from_", ctypes.c_uint64 * DEPTH)]


class Shim:
    """The allocations that are to fail."""

    def __init__(self, library, directory):
        path = pathlib.Path(directory, "fault")
        path.write_bytes(bytes(ctypes.sizeof(Fault)))
        self.file = open(path, "r+b")
        self.fault = Fault.from_buffer(mmap.mmap(self.file.fileno(), ctypes.sizeof(Fault)))
        self.environment = {"LD_PRELOAD": library, "FAULT_FILE": str(path)}

    def arm(self, pid, number, span):
        self.fault.count = self.fault.failed = self.fault.depth = 0
        self.fault.pid, self.fault.span = pid, span
        self.fault.at = number

    def disarm(self):
        """How many allocations have failed."""
        self.fault.at = 0
        return self.fault.failed

    def place(self, maps):
        """The functions of nginx, and of the module, that have asked for the first allocation that failed; the innermost
        first. Maps are those of a process like it (proc(5))."""
        maps = [line.split() for line in maps.splitlines()]
        names = []
        for address in self.fault.from_[: self.fault.depth]:
            for area, *_, path in (words for words in maps if "nginx" in words[-1]):
                start, end = (int(number, 16) for number in area.split("-"))
                if start <= address < end:
                    base = next(int(words[0].split("-")[0], 16) for words in maps if words[-1] == path)
                    command = ["addr2line", "-Cfe", path, hex(address - base - 1)]
                    names.append(subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0])
        return names


def play(line, arm=lambda: None):
    """What the client of a script sees."""
    client, steps = script.script(line)
    client.arm = arm
    if ["arm"] not in steps:
        arm()
    client.run(steps)
    return client.seen


def main():
    parser = argparse.ArgumentParser()
    for name in ("nginx", "modules", "shim", "certificate"):
        parser.add_argument(name)
    parser.add_argument("scenarios", nargs="*")
    parser.add_argument("--every", type=int, default=1, help="look at each so many-th allocation only")
    arguments = parser.parse_args()

    wrong = Configuration(arguments).play() if not arguments.scenarios or "configuration" in arguments.scenarios else 0
    names = [name for name in SCENARIOS if not arguments.scenarios or name in arguments.scenarios]
    if names:
        known = set()
        with Requests(arguments, "without") as plain:
            for name in names:
                known |= plain.scenario(name, set())[1] if name != "metrics" else set()
            plain.end()
        with Requests(arguments, "with") as ours:
            wrong += sum(ours.scenario(name, known)[0] for name in names)
            wrong += ours.end()
    print(f"{wrong} failures" if wrong else "no failures")
    sys.exit(wrong > 0)


class Requests:
    """Allocations of a worker that serves requests."""

    def __init__(self, arguments, module):
        self.module, self.arguments = module, arguments
        self.is_ours = module == "with"
        backend, early, *sessions = free_ports(6)
        self.backend = Nginx(arguments.nginx, BACKEND, port=backend, early=early)
        self.directory = tempfile.TemporaryDirectory(prefix="limit-body-fault-")
        self.shim = Shim(arguments.shim, self.directory.name)
        ports = dict(zip(PORTS, [*free_ports(3), *sessions, early]))
        self.nginx = Nginx(
            arguments.nginx, CONFIGURATION, self.shim.environment, **ports, backend=backend,
            certificate=arguments.certificate, quic=f"listen 127.0.0.1:{ports['tls_port']} quic;" if has_http3(arguments.nginx) else "",
            load=loads(arguments.modules)[0] if self.is_ours else "",
            **(MODULE if self.is_ours else dict.fromkeys(MODULE, "")),
        )

    def __enter__(self):
        self.backend.start()
        self.nginx.start()
        return self

    def __exit__(self, *_):
        self.nginx.__exit__()
        self.backend.__exit__()
        self.directory.cleanup()

    def use_ports(self):
        for name in PORTS:
            os.environ[name.upper()] = str(self.nginx.values[name])

    def scenario(self, name, known):
        """How many runs have gone wrong, and where that was, but for places that are known."""
        self.use_ports()
        line = SCENARIOS[name]
        normal = [self.comparable(play(line)) for _ in range(2)][-1]
        wrong, own, places, totals = 0, 0, set(), []
        for span, called in ((1, ""), (1 << 30, " from there on")):
            runs = told = 0
            number, is_over = 1, False
            while not is_over and number < 5000:
                faults, is_over, was_told = self.run(line, normal, number, span)
                if faults:
                    place = self.shim.place(self.maps)
                    key = tuple([name for name in place if name.startswith("ngx_") and not ALLOCATING.match(name)][:KEY])
                    places.add(key)
                    is_own = key in known
                    own += is_own
                    wrong += not is_own
                    if self.is_ours and not is_own:
                        self.report(f"{name}: allocation {number}{called}", faults, place)
                runs += not is_over
                told += was_told
                number += self.arguments.every
            totals.append(f"{runs} allocations{called}, {told} told in the log")
        by_itself = f", {own} more that nginx has by itself" if self.is_ours else ""
        print(f"{self.module:7} the module: {name}: {'; '.join(totals)}; {wrong} failures{by_itself}", flush=True)
        return wrong, places

    def report(self, what, faults, place):
        print(f"{what}: {'; '.join(faults)}\n    failed in {' < '.join(place)}\n    "
              + "\n    ".join(self.log.splitlines()[-8:]), flush=True)

    def run(self, line, normal, number, span):
        """One run with the N-th allocation failing: what went wrong, whether none failed, whether the log tells."""
        self.maps = pathlib.Path(f"/proc/{self.worker()}/maps").read_text()
        worker, start = self.worker(), self.nginx.log.stat().st_size
        began = time.monotonic()
        seen = self.comparable(play(line, lambda: self.shim.arm(worker, number, span)))
        took = time.monotonic() - began
        failed = self.shim.disarm()
        if not failed:
            return [], True, False
        faults = []
        control = play(CONTROL)
        log = self.log = self.nginx.logged(start)
        told = re.search(r"\[(?:emerg|alert|crit|error)\]", log)
        if "exited on signal" in log or self.worker() != worker:
            faults.append("the worker has died")
        if control != AS_EVER:
            faults.append(f"the next requests: {control}")
        if took > 0.8 * script.TIMEOUT:
            faults.append(f"the client has waited in vain: {seen} after {took:.1f} s")
        if seen != normal and not told:
            faults.append(f"the client has seen {seen}, and the log has no word about it")
        if re.search(r"open socket|zero size buf|header already sent|http request count is zero", log):
            faults.append("an [alert]")
        return faults, False, bool(told)

    def comparable(self, seen):
        """Without what is different each time: counts; and how a session ends that nginx alone breaks off."""
        ends = () if self.is_ours else ("closed", "reset", "unsent")
        return ["metrics" if "limit_body_requests" in text or '"zones"' in text else text for text in seen if text not in ends]

    def worker(self):
        return await_condition(self.nginx.workers, "a worker")[0]

    def end(self):
        """What is left when all is over."""
        faults = []
        if self.is_ours:
            def draining():
                text = urllib.request.urlopen(f"http://127.0.0.1:{self.nginx.values['port']}/metrics").read().decode()
                return sum(float(number) for number in re.findall(r'draining_\w+{zone="\w+"} (\S+)', text))
            try:
                await_condition(lambda: draining() == 0, "no drains", 10)
            except TimeoutError:
                faults.append(f"{draining()} drains are counted that there are not")
        start = self.nginx.log.stat().st_size
        if not self.nginx.stop():
            faults.append("nginx does not end")
        faults += self.nginx.serious(start)
        for fault in faults:
            print(f"{self.module} the module: at the end: {fault}", flush=True)
        return len(faults)


class Configuration:
    """Allocations while a configuration is read: by nginx -t, and by the master that reloads it."""

    def __init__(self, arguments):
        self.requests = Requests(arguments, "with")
        self.every = arguments.every

    def play(self):
        wrong = self.test(self.requests)
        with self.requests as requests:
            requests.use_ports()
            return wrong + self.reload(requests) + requests.end()

    def test(self, requests):
        wrong, number, shared = 0, 1, 0
        while number < 20000:
            requests.shim.arm(EVERYBODY, number, 1)
            ended = requests.nginx.run("-t", timeout=30)
            if not requests.shim.disarm():
                break
            # Before the first one succeeds nginx has no words.
            if ended.returncode not in (0, 1) or (ended.returncode and not ended.stderr and number > 1):
                wrong += 1
                print(f"nginx -t: allocation {number}: ends with {ended.returncode}: {ended.stderr}", flush=True)
            shared += "mmap(MAP_ANON|MAP_SHARED" in ended.stderr
            number += self.every
        print(f"nginx -t: {number - 1} allocations, {shared} of them of shared memory; {wrong} failures", flush=True)
        return wrong

    def reload(self, requests):
        """A reload goes through, or leaves all as it was."""
        wrong, number, nginx = 0, 1, requests.nginx
        while number < 20000 and wrong < 10:
            start, before = nginx.log.stat().st_size, set(nginx.workers())
            requests.shim.arm(nginx.master, number, 1)
            nginx.signal("HUP")

            def is_over():
                # What nginx gives up it says.
                return set(nginx.workers()) - before or re.search(r"\[(emerg|alert|crit)\]", nginx.logged(start))

            try:
                await_condition(is_over, "the end of a reload")
            except TimeoutError as error:
                wrong += 1
                print(f"reload: allocation {number}: {error}", flush=True)
            failed = requests.shim.disarm()
            if set(nginx.workers()) - before:
                # Not to have a connection closed between two requests.
                await_condition(lambda: not set(nginx.workers()) & before, "the end of the workers before")
            control = play(CONTROL) if nginx.is_running() else "the master has died"
            if control != AS_EVER and set(nginx.workers()) != before:
                # It went through in spite of that, and the worker before has closed the connection between two requests.
                control = play(CONTROL)
            if control != AS_EVER:
                wrong += 1
                print(f"reload: allocation {number}: {control}\n{nginx.logged(start)}", flush=True)
                if not nginx.is_running():
                    break
            if not failed:
                break
            number += self.every
        print(f"reload: {number - 1} allocations; {wrong} failures", flush=True)
        return wrong


main()
