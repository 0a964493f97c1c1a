"""Uploads too much with programs that people use, to an nginx with the example of nginx-conf/ in the program's language:

    programs.py NGINX MODULE CERTIFICATE TOOLS [PATTERN]

Each program (cases.py) runs several times over loopback, with the example as it is, and with nginx's own page in place of the
example's; and over a slow link, with the example as it is, and with the same page of an nginx alone, without the module. With
the example its user has to be told what the case says, and its exit status and the number of its uploads have to be the case's.
Where all is well, the tables of docs/programs.md and the sentence in README.md are written. PATTERN chooses from "NETWORK,
PROGRAM", as "slow, git"; then the pages stay as they are.
"""

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import tempfile
import time

import report
from application import Application
from cases import CASES, PREPARATIONS, plain
from limit_body.link import ADDRESS, Link, move_to_own_network
from limit_body.nginx import Nginx, http2
from limit_body.ports import free_ports

PROGRAM, MODULE, CERTIFICATE = sys.argv[1:4]
TOOLS = pathlib.Path(sys.argv[4])
PATTERN = sys.argv[5] if len(sys.argv) > 5 else ""
HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]


@dataclasses.dataclass(frozen=True)
class Network:
    """How often a program runs with each server, how many do at a time, and for how long at most, in seconds; what they upload
    (MiB; packages, whose limits are lower; gRPC), and the limit, if it is not the example's."""

    servers: tuple
    tries: int
    slots: int
    patience: int
    large: int
    package: int
    message: int
    address: str
    name: str
    link: tuple = None
    limit: str = None


NETWORKS = {
    "loopback": Network(("own page", "module"), 5, 8, 600, 101, 11, 33, "127.0.0.1", "localhost"),
    # 8 Mbit/s, and 20 ms one way. Uploads take time but not the processor's.
    "slow": Network(("nginx alone", "module"), 3, 36, 400, 45, 45, 45, ADDRESS, ADDRESS, (20000, 1000000, 0), "10m"),
}

CONFIGURATION = """
worker_processes 1;
events { worker_connections 256; }
http {
    log_format uploads '$request_method $uri $status VARIABLES';
    access_log access.log uploads;
    EXAMPLE
}
"""
# Where programs look for certificates that they are to trust, but for the system's.
TRUST = ("NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
SYSTEM = "/etc/ssl/certs/ca-certificates.crt"
VARIABLES = "$limit_body_status $limit_body_at $limit_body_drain"


def main():
    move_to_own_network()
    results, failures = {}, 0
    for name, network in NETWORKS.items():
        cases = [case for case in CASES if name in case.networks and re.search(PATTERN, f"{name}, {case.name}", re.I)]
        print(f"==> {name}: {len(cases)} programs", flush=True)
        with World(network, cases) as world:
            results[name] = world.run_all(name)
        failures += sum(any(seen["difference"] for seen in result["module"]) for result in results[name])
    (TOOLS / f"results{'-some' * bool(PATTERN)}.json").write_text(json.dumps(results, indent=1) + "\n")
    print(f"{sum(map(len, results.values())) - failures} passed, {failures} failed")
    if failures:
        sys.exit(1)
    if not PATTERN:
        report.write(results, TOP / "docs/programs.md", TOP / "README.md")


class World:
    """A home directory with something to upload, the applications, and an nginx and a copy of that home for each run."""

    def __init__(self, network, cases):
        self.network, self.cases = network, cases

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="limit-body-programs-")
        self.home = pathlib.Path(self.directory.name, "home")
        (self.home / "repositories").mkdir(parents=True)
        self.application_port, self.grpc_port = free_ports(2)
        self.application = Application(self.application_port, self.home / "repositories")
        service = [TOOLS / "python/bin/python", HERE / "grpc_service.py", str(self.grpc_port)]
        self.service = subprocess.Popen(service, stdout=subprocess.PIPE)
        if not self.service.stdout.readline():
            sys.exit("error: the gRPC service does not start")
        for name in dict.fromkeys(name for case in self.cases for name in case.needs):
            output, status = self.shell(PREPARATIONS[name], self.home)
            if status:
                sys.exit(f"error: cannot prepare \"{name}\":\n{output}")
        self.links = queue.SimpleQueue()
        return self

    def __exit__(self, *_):
        self.service.terminate()
        self.service.wait()
        self.application.shutdown()
        self.directory.cleanup()

    def shell(self, script, home, inside=(), **ports):
        """Runs a script, in an environment with nothing of the user's; what it prints, and its exit status."""
        user = pathlib.Path.home()
        environment = {
            "HOME": str(home), "PATH": f"{TOOLS}/python/bin:{TOOLS}/node_modules/.bin:{TOOLS}:{os.environ['PATH']}",
            "LANG": "C.UTF-8", "COLUMNS": "200", "HERE": str(HERE), "NODE_PATH": f"{TOOLS}/node_modules",
            "CERTIFICATE": f"{CERTIFICATE}.pem", **dict.fromkeys(TRUST, f"{CERTIFICATE}.pem"),
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", f"{user}/.rustup"), "GIT_CONFIG_NOSYSTEM": "1",
            "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1",
            "LARGE": f"{self.network.large}M", "PACKAGE": f"{self.network.package}M",
            "MESSAGE": str(self.network.message << 20), **ports}
        trusting = ["unshare", "--mount", "sh", "-c", f"mount --bind {CERTIFICATE}.pem {SYSTEM}; exec \"$@\"", "sh"]
        process = subprocess.Popen([*inside, *trusting, "bash", "-ec", script], cwd=home, env=environment, text=True,
                                   errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            return process.communicate(timeout=self.network.patience)[0], process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.communicate()[0], None

    def run_all(self, name):
        """Runs all programs, as many at a time as there are slots; what came of it, by program."""
        network = self.network
        runs = [(case, server) for case in self.cases for server in network.servers for _ in range(network.tries)]
        # Those first that take longest.
        runs.sort(key=lambda run: not run[0].long)
        links = [Link(f"{TOOLS}/link", *network.link) for _ in runs[:network.slots]] if network.link else []
        for link in links:
            self.links.put(link)
        results = {case: {server: [] for server in network.servers} for case in self.cases}
        with concurrent.futures.ThreadPoolExecutor(network.slots) as pool:
            running = {pool.submit(self.run, *run): run for run in runs}
            for done in concurrent.futures.as_completed(running):
                case, server = running[done]
                seen = done.result()
                results[case][server].append(seen)
                seen["difference"] = case.difference(seen) if server == "module" else ""
                print(f"{'not ok' if seen['difference'] else 'ok'} - {name}, {case.name}, {server}: {seen['told'][:300]} "
                      f"(status {seen['exit']}, {seen['uploads']} uploads, {seen['seconds']} s)", flush=True)
                if seen["difference"]:
                    print(f"# {seen['difference']}\n{seen['output']}", flush=True)
        for link in links:
            link.stop()
        versions = {script: plain(self.shell(script, self.home)[0]).strip() for script in {case.version for case in self.cases}}
        return [{"name": case.name, "example": case.example, "version": versions[case.version], "told": case.told,
                 "reads": case.reads, **results[case]} for case in self.cases]

    def run(self, case, server):
        """Runs a program once; what came of it."""
        link = self.links.get() if self.network.link else None
        address, name = self.network.address, self.network.name
        port, tls_port = free_ports(2, address)
        text = self.configuration(case.example, server, port, tls_port)
        with tempfile.TemporaryDirectory(dir=self.directory.name) as home, \
                Nginx(PROGRAM, text.replace("{", "{{").replace("}", "}}")) as nginx:
            # Programs keep notes there. Nothing that is uploaded is copied.
            subprocess.run(["cp", "-al", f"{self.home}/.", home], check=True)
            nginx.start()
            began = time.monotonic()
            output, status = self.shell(case.command, home, ["nsenter", f"--net=/proc/{link.pid}/ns/net"] if link else [],
                                        URL=f"http://{address}:{port}", PORT=str(port), HOST=address,
                                        TLS=f"https://{name}:{tls_port}", TLS_ADDRESS=f"{name}:{tls_port}")
            seconds = round(time.monotonic() - began)
            nginx.stop()
            if link:
                self.links.put(link)
            log = (nginx.directory / "access.log").read_text().splitlines()
            if server == "nginx alone":
                uploads = nginx.logged().count("client intended to send too large")
            else:
                uploads = sum(" REJECTED " in line for line in log)
            return {"output": output, "told": case.quote(output), "exit": status, "log": log, "seconds": seconds,
                    "uploads": uploads, "serious": nginx.serious()}

    def configuration(self, example, server, port, tls_port):
        """A whole configuration with an example, on ports of its own, in clear and over TLS."""
        text = (TOP / "nginx-conf" / example).read_text()
        listen, directive = http2(PROGRAM)
        address = self.network.address
        text = re.sub(r"^ *(http2 on|ssl_certificate\w* .*);\n", "", text, flags=re.M)
        text = re.sub(r"\blisten (80|443 ssl);",
                      f"listen {address}:{port}; listen {address}:{tls_port} ssl{listen}; {directive} "
                      f"ssl_certificate {CERTIFICATE}.pem; ssl_certificate_key {CERTIFICATE}.key;", text)
        text = text.replace("grpc://127.0.0.1:8000", f"grpc://127.0.0.1:{self.grpc_port}")
        text = text.replace("//127.0.0.1:8000", f"//127.0.0.1:{self.application_port}")
        if self.network.limit:
            text = re.sub(r"\blimit_body \w+", f"limit_body {self.network.limit}", text)
        if server == "own page":
            text = re.sub(r"^ *error_page .*\n", "", text, flags=re.M)
        if server == "nginx alone":
            return CONFIGURATION.replace("VARIABLES", "").replace("EXAMPLE", without_module(text))
        return f"load_module {MODULE};\n{CONFIGURATION}".replace("VARIABLES", VARIABLES).replace("EXAMPLE", text)


def without_module(text):
    """The same limits and pages with what nginx itself has."""
    text = re.sub(r"^ *#.*\n", "", text, flags=re.M)
    mebibytes = int(re.search(r"\blimit_body (\d+)m", text)[1])
    text = re.sub(r"\blimit_body (\w+).*;", r"client_max_body_size \1;", text)
    text = re.sub(r"^ *limit_body_drain .*\n", "", text, flags=re.M)
    text = text.replace("$limit_body_limit", str(mebibytes << 20))
    # The length is not declared where the body was judged as it arrived.
    return text.replace("$limit_body_at", "$http_transfer_encoding").replace('"body HTTP/1.1"', '"chunked HTTP/1.1"')


main()
