"""Uploads too much with programs that people use, to an nginx with the example of nginx-conf/ that speaks the program's language:

    programs.py NGINX MODULE CERTIFICATE TOOLS [PATTERN]

Each program (cases.py) runs twice: with the example as it is, and with nginx's own page in place of the example's. With the
example its user has to be told what the case says, and its exit status and the number of its uploads have to be the case's.
Where all is well, the table of docs/programs.md is written. PATTERN chooses programs; then the table stays as it is.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from application import Application
from cases import CASES, PREPARATIONS
from limit_body.nginx import Nginx, http2
from limit_body.pages import fill, table
from limit_body.ports import free_ports

PROGRAM, MODULE, CERTIFICATE = sys.argv[1:4]
TOOLS = pathlib.Path(sys.argv[4])
PATTERN = sys.argv[5] if len(sys.argv) > 5 else ""
HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
# In seconds; git-lfs tries again for half a minute.
PATIENCE = 600

CONFIGURATION = """
load_module MODULE;
worker_processes 1;
events { worker_connections 256; }
http {
    log_format uploads '$request_method $uri $status $limit_body_status $limit_body_at $limit_body_drain';
    access_log access.log uploads;
    EXAMPLE
}
"""


def main():
    results, failures = [], 0
    with World() as world:
        for case in (case for case in CASES if re.search(PATTERN, case.name, re.I)):
            result = {page: world.run(case, page) for page in ("without", "with")}
            result.update(name=case.name, example=case.example, version=world.shell(case.version)[0].strip(),
                          difference=case.difference(result["with"]))
            results.append(result)
            failures += bool(result["difference"])
            verdict = "not ok" if result["difference"] else "ok"
            print(f"{verdict} {len(results)} - {case.name}: {result['with']['told']}", flush=True)
            if result["difference"]:
                print(f"# {result['difference']}\n{result['with']['output']}", flush=True)
    (TOOLS / f"results{'-some' * bool(PATTERN)}.json").write_text(json.dumps(results, indent=1) + "\n")
    print(f"{len(results) - failures} passed, {failures} failed")
    if failures:
        sys.exit(1)
    if not PATTERN:
        fill(TOP / "docs/programs.md", {"programs": report(results)})


def report(results):
    """The table: what users are told, by program."""
    rows = []
    for result in results:
        nginx, example = result["without"], result["with"]
        name, _, how = result["name"].partition(", ")
        rows.append([f"{name} {result['version']}{', ' * bool(how)}{how}",
                     f"[{result['example']}](../nginx-conf/{result['example']})",
                     cell(nginx["told"]), cell(example["told"]), one_or_both(nginx["exit"], example["exit"]),
                     one_or_both(nginx["uploads"], example["uploads"])])
    return table(["program", "example", "with nginx's page", "with the example", "exit status", "uploads"], rows)


def one_or_both(nginx, example):
    return f"{example}" if nginx == example else f"{nginx} → {example}"


def cell(text):
    text = text.replace("|", "\\|")
    return "no error" if not text else f"`{text if len(text) < 200 else text[:200] + ' ...'}`"


class World:
    """A home directory with something to upload, the application, and an nginx for each run."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="limit-body-programs-")
        self.home = pathlib.Path(self.directory.name)
        (self.home / "repositories").mkdir()
        (self.application_port,) = free_ports(1)
        self.application = Application(self.application_port, self.home / "repositories")
        self.prepared = set()
        return self

    def __exit__(self, *_):
        self.application.shutdown()
        self.directory.cleanup()

    def shell(self, script, **ports):
        """Runs a script, in an environment with nothing of the user's; what it prints, and its exit status."""
        user = pathlib.Path.home()
        environment = {
            "HOME": str(self.home), "PATH": f"{TOOLS}/python/bin:{os.environ['PATH']}", "LANG": "C.UTF-8", "COLUMNS": "200",
            "HERE": str(HERE), "CERTIFICATE": f"{CERTIFICATE}.pem", "NODE_PATH": f"{TOOLS}/node_modules",
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", f"{user}/.rustup"), "GIT_CONFIG_NOSYSTEM": "1",
            "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1", **ports}
        try:
            done = subprocess.run(["bash", "-ec", script], cwd=self.home, env=environment, text=True, errors="replace",
                                  timeout=PATIENCE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            return done.stdout, done.returncode
        except subprocess.TimeoutExpired:
            return f"nothing in {PATIENCE} seconds", None

    def prepare(self, name):
        if name not in self.prepared:
            output, status = self.shell(PREPARATIONS[name])
            if status:
                sys.exit(f"error: cannot prepare \"{name}\":\n{output}")
            self.prepared.add(name)

    def run(self, case, page):
        """Runs a program once; what came of it."""
        for name in case.needs:
            self.prepare(name)
        port, tls_port, grpc_port = free_ports(3)
        text = configuration(case.example, page, port, tls_port, grpc_port, self.application_port)
        with Nginx(PROGRAM, text.replace("{", "{{").replace("}", "}}")) as nginx:
            nginx.start()
            output, status = self.shell(case.command, URL=f"http://127.0.0.1:{port}", PORT=str(port), GRPC_PORT=str(grpc_port),
                                        TLS=f"https://localhost:{tls_port}", TLS_PORT=str(tls_port))
            nginx.stop()
            log = (nginx.directory / "access.log").read_text().splitlines()
            return {"output": output, "told": case.quote(output), "exit": status, "log": log,
                    "uploads": sum(" REJECTED " in line for line in log), "serious": nginx.serious()}


def configuration(example, page, port, tls_port, grpc_port, application_port):
    """A whole configuration with an example, on ports of its own, in clear and over TLS."""
    text = (TOP / "nginx-conf" / example).read_text()
    listen, directive = http2(PROGRAM)
    text = re.sub(r"^ *(http2 on|ssl_certificate\w* .*);\n", "", text, flags=re.M)
    text = re.sub(r"\blisten (80|443 ssl);",
                  f"listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl{listen}; {directive} "
                  f"ssl_certificate {CERTIFICATE}.pem; ssl_certificate_key {CERTIFICATE}.key;", text)
    text = text.replace("grpc://127.0.0.1:8000", f"grpc://127.0.0.1:{grpc_port}")
    text = text.replace("//127.0.0.1:8000", f"//127.0.0.1:{application_port}")
    if page == "without":
        text = re.sub(r"^ *error_page .*\n", "", text, flags=re.M)
    return CONFIGURATION.replace("MODULE", MODULE).replace("EXAMPLE", text)


main()
