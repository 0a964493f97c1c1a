"""Uploads too much with many clients to many servers over several networks, and writes down what their users get to see:

    uploads.py NGINX MODULE CONTROLS CERTIFICATE TOOLS RESULTS

TOOLS is where build/test/clients.sh has put the libraries. Every upload is a line of JSON in RESULTS; what is there already
is not done again, but what came from another build of the module. CLIENTS, SERVERS and CASES in the environment, each an
expression, choose some of them; after SECONDS no more are begun, and the next run goes on.

A client is a program that reads lines from its input, "URL BYTES declared|undeclared PAUSE TIMEOUT", makes one upload after
the other, each with a connection of its own where it has a say in that, pausing PAUSE seconds in the middle; and prints
lines of JSON, first {"version"}, then for each upload {"status", "body"}, or {"error"} in the client's words.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import queue
import random
import re
import select
import signal
import subprocess
import sys
import threading
import time

from limit_body import servers
from limit_body.link import ADDRESS, Link, move_to_own_network

HERE = pathlib.Path(__file__).resolve().parent
TRIES = 3
MEBI = 1 << 20


class Network:
    """Between client and server: loopback, or a link that delays (microseconds, one way), lets through so many bytes a
    second, and loses some packets in a thousand. As many uploads at a time as there are slots, each with a link of its own."""

    def __init__(self, slots, link=None):
        self.slots, self.link = slots, link


NETWORKS = {
    "loopback": Network(6),
    # Uploads that pause, too, take time but not the processor's.
    "idle": Network(16),
    "far": Network(8, (20000, 6250000, 0)),
    "lossy": Network(8, (5000, 0, 10)),
    "slow": Network(32, (20000, 187500, 0)),
}


class Case:
    """What is uploaded, and how; over some versions of HTTP and in some modes only, where ONLY says so."""

    def __init__(self, network, mebibytes, pause=0, path="/up", timeout=30, only=None):
        self.network, self.length, self.pause, self.path, self.timeout = network, mebibytes * MEBI, pause, path, timeout
        self.is_for = lambda protocol, mode: only is None or protocol in only[0] and mode in only[1]


CASES = {
    "2 MiB": Case("loopback", 2),
    "32 MiB": Case("loopback", 32),
    "200 MiB": Case("loopback", 200, timeout=60),
    "own page": Case("loopback", 2, path="/page"),
    "pause of 6 s": Case("idle", 32, pause=6, timeout=40),
    # The only kind that nginx refuses when it has begun to read it, with a client that is still to send.
    "own page, pause of 6 s": Case("idle", 32, pause=6, path="/page", timeout=40, only=(("h1", "tls"), ("undeclared",))),
    "far, 16 MiB": Case("far", 16, timeout=40),
    "lossy, 8 MiB": Case("lossy", 8, timeout=60),
    "45 s, 8 MiB": Case("slow", 8, timeout=90),
}


class Client:
    """A library or program. PROTOCOLS: the versions it can be told to use. With UNDECLARED it can send bodies without their
    length, with PAUSES it can pause while it sends; both may depend on the version."""

    def __init__(self, command, protocols, undeclared=True, pauses=True):
        self.command, self.protocols = command, protocols
        self.undeclared = undeclared if callable(undeclared) else lambda protocol: undeclared
        self.pauses = pauses if callable(pauses) else lambda mode: pauses

    def can(self, protocol, case, mode):
        has_mode = mode == "declared" or self.undeclared(protocol)
        return case.is_for(protocol, mode) and has_mode and (not case.pause or self.pauses(mode))

    def arguments(self, tools, protocol, origins):
        words = {"TOOLS": tools, "HERE": str(HERE), "VERSION": "h1" if protocol == "tls" else protocol,
                 "ORIGINS": origins, "CERTIFICATE": os.environ.get("CERTIFICATE", "")}
        return [re.sub(r"[A-Z]{4,}", lambda word: words.get(word[0], word[0]), word) for word in self.command.split()]


def python(library, *protocols, environment="python"):
    return Client(f"TOOLS/{environment}/bin/python HERE/python.py {library} VERSION", protocols)


def node(library, *protocols):
    return Client(f"node TOOLS/node.mjs {library}", protocols)


def java(library, *protocols):
    # Debian's OkHttp, and what it needs.
    return Client(f"java -cp TOOLS/java:/usr/share/java/okhttp.jar:/usr/share/java/okio.jar Upload {library} VERSION", protocols)


def browser(name, how, undeclared=False):
    # Firefox takes no certificate of ours over HTTP/3.
    protocols = ("h1", "tls", "h2", "h3") if name == "chromium" else ("h1", "tls", "h2")
    return Client(f"python3 HERE/browser.py {name} {how} VERSION ORIGINS CERTIFICATE", protocols, undeclared, False)


CLIENTS = {
    "curl": Client("python3 HERE/commands.py curl VERSION TOOLS/bodies", ("h1", "tls", "h2", "h2c"),
                   pauses=lambda mode: mode == "undeclared"),
    "curl, Expect": Client("python3 HERE/commands.py curl-expect VERSION TOOLS/bodies", ("h1", "tls"),
                           pauses=lambda mode: mode == "undeclared"),
    "wget": Client("python3 HERE/commands.py wget VERSION TOOLS/bodies", ("h1", "tls"), False, False),
    "nghttp": Client("python3 HERE/commands.py nghttp VERSION TOOLS/bodies", ("h2", "h2c"), pauses=False),
    "libcurl (pycurl)": python("pycurl", "h1", "tls", "h2", "h2c", "h3"),
    "Python http.client": python("http.client", "h1", "tls"),
    "Python requests": python("requests", "h1", "tls"),
    "Python httpx": python("httpx", "h1", "tls", "h2"),
    "Python aiohttp": python("aiohttp", "h1", "tls"),
    "Python niquests": python("niquests", "h1", "tls", "h2", "h3", environment="python-niquests"),
    "Node.js http": node("http", "h1", "tls"),
    "Node.js fetch": node("fetch", "h1", "tls"),
    "Node.js http2": node("http2", "h2", "h2c"),
    "axios": node("axios", "h1", "tls"),
    "undici": node("undici-h2", "h2"),
    "Go net/http": Client("TOOLS/upload-go VERSION", ("h1", "tls", "h2")),
    "Java HttpClient": java("HttpClient", "h1", "tls", "h2"),
    "Java HttpURLConnection": java("HttpURLConnection", "h1", "tls"),
    "OkHttp": java("OkHttp", "h1", "tls", "h2", "h2c"),
    # It reads bodies of unknown length to their end, and declares them.
    "Qt": Client("TOOLS/upload-qt VERSION", ("h1", "tls", "h2", "h2c"), undeclared=False),
    "Rust reqwest": Client("TOOLS/upload-reqwest VERSION", ("h1", "tls", "h2", "h2c")),
    "PHP curl": Client("php HERE/upload.php curl", ("h1", "tls")),
    "PHP streams": Client("php HERE/upload.php streams", ("h1", "tls"), False, False),
    "Ruby Net::HTTP": Client("ruby HERE/upload.rb", ("h1", "tls")),
    "Perl LWP": Client("perl HERE/upload.pl LWP", ("h1", "tls")),
    "Perl HTTP::Tiny": Client("perl HERE/upload.pl HTTP::Tiny", ("h1", "tls")),
    # Browsers stream bodies of unknown length over HTTP/2 and 3 only; those that do.
    "Chromium fetch": browser("chromium", "fetch", lambda protocol: protocol in ("h2", "h3")),
    "Chromium XHR": browser("chromium", "xhr"),
    "Chromium form": browser("chromium", "form"),
    "Firefox fetch": browser("firefox", "fetch"),
    "Firefox XHR": browser("firefox", "xhr"),
    "Firefox form": browser("firefox", "form"),
}

# Those with the module and nginx alone are tried with all cases, other people's servers with fewer; and what loses answers on
# any network, on a fast one. A page of one's own is for what has error_page, and for what others have in its place.
ALL, FEW = set(CASES), {"2 MiB", "32 MiB"}
MOST = ALL - {"200 MiB", "own page, pause of 6 s"}
CASES_OF = {
    "module": ALL, "nginx": ALL, "lingering_close off": FEW | {"own page"}, "closing at once": FEW, "answering twice": FEW,
}


# What is tried once with these, as it takes its time.
ONCE = {"own page", "lossy, 8 MiB", "45 s, 8 MiB"}


def tries(server, case):
    return 1 if server not in CASES_OF and case in ONCE else TRIES


class Job:
    """Uploads of one client over one network, which one program does: servers, cases, and "declared" or "undeclared"."""

    def __init__(self, client, protocol, network):
        self.client, self.protocol, self.network = client, protocol, network
        self.uploads = []


def jobs(running, done):
    """All that is to be done, and has not been done."""
    made = {}
    for client, server, case in ((c, s, k) for c in CLIENTS for s in running for k in CASES):
        if case not in CASES_OF.get(server, MOST):
            continue
        for protocol in CLIENTS[client].protocols:
            # Over HTTP/3 the largest take a minute each, and say no more than the others.
            if protocol not in running[server].protocols or protocol == "h3" and case == "200 MiB":
                continue
            for mode in ("declared", "undeclared"):
                # It has no limit for these.
                if mode == "undeclared" and server == "haproxy":
                    continue
                if not CLIENTS[client].can(protocol, CASES[case], mode):
                    continue
                # Slow ones each by itself, to be done side by side; but where there are few of them.
                network = CASES[case].network
                key = (client, protocol, network, (tries(server, case) == TRIES and server, mode) if network == "slow" else None)
                job = made.setdefault(key, Job(client, protocol, network))
                job.uploads += [(server, case, mode)] * (tries(server, case) - done.get((client, protocol, server, case, mode), 0))
    # In no order, but in the same each time: so that what takes long does not come all at once.
    wanted = [job for job in made.values() if job.uploads]
    random.Random(1).shuffle(wanted)
    return wanted


class Program:
    """A client that runs, in the network namespace of a process."""

    def __init__(self, arguments, namespace, log, starting):
        self.log, self.starting = log, starting
        self.entered = ["nsenter", f"--net=/proc/{namespace}/ns/net"] if namespace else []
        self.arguments, self.process = arguments, None

    def start(self):
        self.process = subprocess.Popen(
            self.entered + self.arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, bufsize=0,
            start_new_session=True,
        )
        self.unread = b""
        greeting = self.read(60)
        if greeting is None:
            self.stop()
            raise RuntimeError(f"{self.arguments} does not start; it may have said why in {self.log.name}")
        self.version = greeting["version"]

    def upload(self, line, timeout):
        if self.process is None:
            with self.starting:
                self.start()
        try:
            self.process.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            self.stop()
            return {"error": "the program has ended"}
        answer = self.read(timeout)
        if answer is None:
            self.stop()
            return {"error": f"no answer in {timeout:.0f} seconds"}
        return answer

    def read(self, timeout):
        until = time.monotonic() + timeout
        while b"\n" not in self.unread:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                return None
            self.unread += piece
        line, self.unread = self.unread.split(b"\n", 1)
        return json.loads(line)

    def stop(self):
        if self.process is None:
            return
        self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.process = None


def judge(case, answer):
    """None if the user got status and whole body, else what the user got."""
    if "error" in answer:
        return re.sub(r"\s+", " ", answer["error"]).strip()[:300] or "an error without words"
    if int(answer["status"]) not in servers.STATUSES:
        return f"status {answer['status']}"
    # To browsers nginx sends its own pages with comments behind them.
    body = re.sub(r"(\s|<!-- .* -->)*$", "", answer["body"])
    if not body.endswith(servers.ENDS):
        return "413 without its body"
    if CASES[case].path == "/page" and "too large" not in body:
        return "413 with nginx's page"
    return None


class Run:
    def __init__(self, running, tools, results, done, build):
        self.running, self.tools, self.results, self.build = running, tools, results, build
        self.jobs = jobs(running, done)
        self.left = sum(len(job.uploads) for job in self.jobs)
        self.all, self.began, self.lock = self.left, time.monotonic(), threading.Lock()
        self.failed = 0
        # Browsers and Java take the processor when they start: not all at once.
        self.starting = threading.Semaphore(2)
        self.until = self.began + float(os.environ.get("SECONDS") or "inf")
        self.log = open(f"{tools}/stderr.log", "ab")

    def work(self):
        threads, links = [], []
        for name, network in NETWORKS.items():
            waiting = queue.SimpleQueue()
            for job in self.jobs:
                if job.network == name:
                    waiting.put(job)
            number = min(network.slots, waiting.qsize())
            # All links before the first client, until the last has gone: when an interface comes or goes, browsers drop what
            # they are doing.
            ways = [Link(f"{self.tools}/link", *network.link) if network.link else None for _ in range(number)]
            threads += [threading.Thread(target=self.slot, args=(way, waiting), daemon=True) for way in ways]
            links += filter(None, ways)
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(30)
                self.tell()
        for link in links:
            link.stop()

    def tell(self):
        with self.lock:
            done, took = self.all - self.left, time.monotonic() - self.began
            print(f"    {done} of {self.all} uploads in {took / 60:.0f} min, {self.failed} of them not answered", flush=True)

    def slot(self, link, waiting):
        while time.monotonic() < self.until:
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                break
            try:
                self.do(job, link.pid if link else None)
            except RuntimeError as error:
                print(f"error: {error}", file=sys.stderr, flush=True)

    def do(self, job, namespace):
        origins = ",".join(f"{server.address}:{server.tls_port}" for server in self.running.values())
        arguments = CLIENTS[job.client].arguments(self.tools, job.protocol, origins)
        program = Program(arguments, namespace, self.log, self.starting)
        try:
            for name, case_name, mode in job.uploads:
                if time.monotonic() > self.until:
                    break
                server, case = self.running[name], CASES[case_name]
                url = server.url(job.protocol, case.path)
                began = time.monotonic()
                answer = program.upload(f"{url} {case.length} {mode} {case.pause} {case.timeout}", case.timeout + 5)
                error = judge(case_name, answer)
                if self.has_crashed(server):
                    error = error or "the server has crashed"
                self.write({
                    "client": job.client, "version": program.version, "protocol": job.protocol, "server": name,
                    "server_version": server.version, "case": case_name, "mode": mode, "error": error,
                    "seconds": round(time.monotonic() - began, 2), **({"build": self.build} if name == "module" else {}),
                })
        finally:
            program.stop()

    def has_crashed(self, server):
        """Whether a server has; it is then started again, but for this module's, with which all ends."""
        with self.lock:
            if server.process.poll() is None:
                return False
            print(f"    {server.name} has ended, with status {server.process.returncode}", flush=True)
            if server is self.running.get("module"):
                self.until = 0
            else:
                servers.launch(server)
            return True

    def write(self, result):
        with self.lock:
            self.results.write(json.dumps(result) + "\n")
            self.results.flush()
            self.left -= 1
            if result["error"]:
                self.failed += 1


def chosen(names, of):
    pattern = re.compile(os.environ.get(of, ""))
    return {name: value for name, value in names.items() if pattern.search(name)}


def results_of(file, build):
    """How many tries there are of each upload, after those of other builds were dropped."""
    done, kept = {}, []
    if file.exists():
        for line in file.read_text().splitlines():
            result = json.loads(line)
            if result.get("build", build) == build:
                kept.append(line)
                key = tuple(result[name] for name in ("client", "protocol", "server", "case", "mode"))
                done[key] = done.get(key, 0) + 1
        file.write_text("".join(line + "\n" for line in kept))
    return done


def stop(*_):
    sys.exit(1)


def main():
    signal.signal(signal.SIGTERM, stop)
    nginx, module, controls, certificate, tools, results = sys.argv[1:]
    global CLIENTS, CASES
    CLIENTS, CASES = chosen(CLIENTS, "CLIENTS"), chosen(CASES, "CASES")
    os.environ["CERTIFICATE"] = f"{pathlib.Path(certificate).resolve()}.pem"
    build = hashlib.sha256(pathlib.Path(module).read_bytes()).hexdigest()[:12]
    done = results_of(pathlib.Path(results), build)
    move_to_own_network()
    (pathlib.Path(tools) / "bodies").mkdir(exist_ok=True)
    wanted = chosen(servers.KINDS, "SERVERS")
    with servers.started(wanted, nginx, module, controls, certificate, ADDRESS) as running, open(results, "a") as file:
        run = Run(running, str(pathlib.Path(tools).resolve()), file, done, build)
        number = len({job.client for job in run.jobs})
        print(f"==> {run.all} uploads with {number} clients to {len(running)} servers (each is a line of {results})", flush=True)
        run.work()


main()
