"""Has a Prometheus scrape nginx while it gets uploads, and runs queries on what it has found.

    check.py NGINX MODULE FILE ...

A FILE is a dashboard of Grafana's (.json), a page (.md) whose queries stand in blocks of their own ("promql"), or rules of
Prometheus' (.yaml). Each query must yield at least one number, and so must an alert without the bound that it is compared
with; a name or a label that is misspelt yields none, and so does a share of nothing. Beside that promtool must have nothing to
say of the metrics and the rules, and a number of refusals made must be what Prometheus has counted.
"""

import http.client
import itertools
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from limit_body import nginx
from limit_body.ports import free_ports

# How often Prometheus scrapes and how often it must have done so, so that a rate over WINDOW is one of several samples.
INTERVAL = 1
SAMPLES = 5
WINDOW = "10s"
PATIENCE = 30

REFUSALS = 7

CONFIGURATION = """
load_module {module};
worker_processes 2;
events {{ worker_connections 256; }}
http {{
    access_log off;
    server {{
        listen 127.0.0.1:{port};
        location = /uploads {{
            client_max_body_size 1g;
            limit_body 10k;
            limit_body_timeout 20s rate=500;
            limit_body_dry_run on;
            limit_body_zone uploads;
            proxy_pass http://127.0.0.1:{port}/stored;
        }}
        location = /secret {{ limit_body_zone uploads; limit_body_drain idle=1s; return 401; }}
        location = /avatars {{ limit_body 10k; limit_body_zone avatars; proxy_pass http://127.0.0.1:{port}/stored; }}
        location = /counted {{ limit_body 10k; limit_body_zone counted; proxy_pass http://127.0.0.1:{port}/stored; }}
        location = /stored {{ client_max_body_size 0; return 204; }}
        location = /metrics {{ limit_body_metrics; }}
    }}
}}
"""


def main():
    program, module, *files = sys.argv[1:]
    failed = 0
    with tempfile.TemporaryDirectory() as directory, Server(program, module) as server:
        prometheus = Prometheus(directory, server.metrics, [file for file in files if file.endswith(".yaml")])
        try:
            print(check_format(server))
            server.be_busy()
            prometheus.await_samples()
            for file in map(pathlib.Path, files):
                queries = list(QUERIES[file.suffix](file, prometheus))
                failures = [(title, query, why) for title, query in queries if (why := prometheus.refusal(query))]
                for title, query, why in failures:
                    print(f"{file}: {title}: {why}\n{textwrap.indent(query, '    ')}", file=sys.stderr)
                print(f"{file}: {len(queries) - len(failures)} of {len(queries)} queries yield numbers")
                failed += len(failures) or not queries
            counted = prometheus.count_refusals(server)
            print(f"refusals made: {REFUSALS}, counted from scrape to scrape: {counted}")
            failed += counted != REFUSALS
        finally:
            prometheus.stop()
            server.is_stopped = True
            time.sleep(0.1)
    sys.exit(failed > 0)


def check_format(server):
    metrics = urllib.request.urlopen(server.metrics).read()
    checked = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True)
    if checked.returncode or checked.stderr:
        sys.exit(f"promtool check metrics:\n{checked.stderr.decode()}")
    return "promtool check metrics: nothing to say"


class Server(nginx.Nginx):
    def __init__(self, program, module):
        (self.port,) = free_ports(1)
        super().__init__(program, CONFIGURATION, module=module, port=self.port)
        self.metrics = f"http://127.0.0.1:{self.port}/metrics"
        self.is_stopped = False
        self.start()

    def upload(self, location, size, declared=True):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        body = bytes(size)
        try:
            connection.request("POST", location, body if declared else iter([body]), encode_chunked=not declared)
            return connection.getresponse().status
        finally:
            connection.close()

    def be_busy(self):
        """Uploads of all kinds, until nginx is stopped."""

        def upload():
            kinds = itertools.product(["/uploads", "/avatars", "/secret"], [700, 9_000, 20_000, 300_000], [True, False])
            for location, size, declared in itertools.cycle(kinds):
                if self.is_stopped:
                    return
                self.upload(location, size, declared)
                time.sleep(0.01)

        threading.Thread(target=upload, daemon=True).start()


def of_dashboard(file, prometheus):
    """The queries of a dashboard, with variables in place as Grafana puts them there when all values are picked."""
    dashboard = json.loads(file.read_text())
    values = {"__rate_interval": WINDOW, "__range": WINDOW, "__interval": f"{INTERVAL}s"}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            found = prometheus.label_values(*label_values(fill(variable["query"]["query"], values)))
            if not found:
                sys.exit(f"{file}: variable {variable['name']}: no values")
            values[variable["name"]] = "(" + "|".join(re.escape(value).replace("\\", "\\\\") for value in found) + ")"
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], fill(target["expr"], values)


def fill(text, values):
    return re.sub(r"\$(\w+)", lambda name: values[name[1]], text)


def label_values(query):
    return re.fullmatch(r"label_values\((.*), *(\w+)\)", query, re.DOTALL).groups()


def of_page(file, _):
    for block in re.findall(r"^ *```promql\n(.*?)^ *```$", file.read_text(), re.M | re.S):
        yield "query", textwrap.dedent(block).strip()


def of_rules(file, prometheus):
    """The expressions of alerts, with ranges that have samples, and without the bound."""
    subprocess.run(["promtool", "check", "rules", file], check=True)
    for group in prometheus.ask("rules", {})["groups"]:
        for rule in group["rules"]:
            query, bounds = re.subn(r" > [\d.]+$", "", rule["query"])
            if not bounds or rule.get("lastError"):
                sys.exit(f"{file}: {rule['name']}: {rule.get('lastError') or 'no bound'}")
            yield rule["name"], re.sub(r"\[\d+\w\]", f"[{WINDOW}]", query)


QUERIES = {".json": of_dashboard, ".md": of_page, ".yaml": of_rules}


class Prometheus:
    def __init__(self, directory, target, rules):
        job = {"job_name": "nginx", "static_configs": [{"targets": [urllib.parse.urlsplit(target).netloc]}]}
        every = {"scrape_interval": f"{INTERVAL}s", "scrape_timeout": f"{INTERVAL}s"}
        configuration = pathlib.Path(directory, "prometheus.yml")
        # YAML, too.
        rules = [str(pathlib.Path(file).resolve()) for file in rules]
        configuration.write_text(json.dumps({"global": every, "scrape_configs": [job], "rule_files": rules}))
        self.url = f"http://127.0.0.1:{free_ports(1)[0]}"
        self.log = pathlib.Path(directory, "log")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={directory}/data",
             f"--web.listen-address={self.url[7:]}"],
            stderr=self.log.open("w"),
        )

    def await_samples(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            time.sleep(INTERVAL)
            try:
                if self.query(f"sum_over_time(up[1h]) >= {SAMPLES}"):
                    return
            except OSError:
                # It does not listen yet, or says that it is not ready.
                pass
        if self.process.poll() is not None:
            sys.exit(f"Prometheus has ended:\n{self.log.read_text()}")
        target = self.ask("targets", {})["activeTargets"][0]
        sys.exit(f"no metrics from {target['scrapeUrl']}: {target['lastError']}")

    def refusal(self, query):
        """Why a query will not do; None if it does."""
        try:
            numbers = [float(series["value"][1]) for series in self.query(query)]
        except urllib.error.HTTPError as error:
            return json.load(error)["error"]
        return None if any(map(math.isfinite, numbers)) else f"no number among {len(numbers)} results"

    def count_refusals(self, server):
        """Makes some, and asks for what that has added to the counter."""
        refused = 'nginx_limit_body_requests_total{zone="counted", status="rejected"}'
        before = float(self.query(refused)[0]["value"][1])
        for _ in range(REFUSALS):
            if server.upload("/counted", 20_000) != 413:
                sys.exit("an upload was not refused")
        deadline = time.monotonic() + PATIENCE
        while float(self.query(refused)[0]["value"][1]) < before + REFUSALS and time.monotonic() < deadline:
            time.sleep(INTERVAL / 10)
        return int(float(self.query(f"max_over_time({refused}[1h]) - min_over_time({refused}[1h])")[0]["value"][1]))

    def query(self, query):
        return self.ask("query", {"query": query})["result"]

    def label_values(self, selector, label):
        return self.ask(f"label/{label}/values", {"match[]": selector})

    def ask(self, what, parameters):
        with urllib.request.urlopen(f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}") as answer:
            return json.load(answer)["data"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


main()
