"""Runs the queries of dashboards and pages on a Prometheus that scrapes the metrics they are about.

    check.py PROMETHEUS FILE ... [--target URL]

A FILE is a dashboard of Grafana's (.json), or a page (.md) whose queries stand indented, one in a block. Each query must
yield at least one number; a name or a label that is misspelt yields none, and so does a share of nothing.

Without --target the metrics are made up here. A target of your own has to have a zone "uploads", and to see uploads
meanwhile, some of them answered early.
"""

import argparse
import http.server
import json
import math
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

# How often Prometheus scrapes and how often it must have done so, so that a rate over WINDOW is one of several samples.
INTERVAL = 1
SAMPLES = 5
WINDOW = "10s"
PATIENCE = 30

# Of a zone: its limit, whether that is a dry run, and how many uploads of which size it gets in a second. A fifth of them
# declares no length.
ZONES = {
    "uploads": (10 << 20, True, {700: 100, 9_000: 400, 200_000: 300, 3_000_000: 190, 12_000_000: 9, 90_000_000: 1}),
    "avatars": (1 << 20, False, {5_000: 50, 60_000: 40, 2_500_000: 2, 6_000_000_000: 0.2}),
}
STATUSES = ["passed", "rejected", "rejected_dry_run"]
OUTCOMES = ["complete", "closed", "timeout", "slow", "bytes", "refused", "evicted", "error"]
BUCKETS = [4**n for n in range(5, 19)]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("prometheus")
    arguments.add_argument("files", nargs="+", type=pathlib.Path)
    arguments.add_argument("--target")
    options = arguments.parse_args()

    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        prometheus = Prometheus(options.prometheus, directory, options.target or serve(Metrics))
        try:
            prometheus.await_samples()
            for file in options.files:
                queries = list(of_dashboard(file, prometheus) if file.suffix == ".json" else of_page(file))
                failures = [(title, query, why) for title, query in queries if (why := prometheus.refusal(query))]
                for title, query, why in failures:
                    print(f"{file}: {title}: {why}\n{textwrap.indent(query, '    ')}", file=sys.stderr)
                print(f"{file}: {len(queries) - len(failures)} of {len(queries)} queries yield numbers")
                failed += len(failures) or not queries
        finally:
            prometheus.stop()
    sys.exit(failed > 0)


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


def of_page(file):
    for block in re.findall(r"(?<=\n\n)(?: {4}.*\n|\n(?= {4}))+", file.read_text()):
        if "nginx_limit_body_" in block:
            yield "query", textwrap.dedent(block).strip()


class Prometheus:
    def __init__(self, program, directory, target):
        url = urllib.parse.urlsplit(target)
        job = {
            "job_name": "nginx", "scheme": url.scheme, "metrics_path": url.path or "/metrics",
            "static_configs": [{"targets": [url.netloc]}],
        }
        every = {"scrape_interval": f"{INTERVAL}s", "scrape_timeout": f"{INTERVAL}s"}
        configuration = pathlib.Path(directory, "prometheus.yml")
        # YAML, too.
        configuration.write_text(json.dumps({"global": every, "scrape_configs": [job]}))
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = pathlib.Path(directory, "log")
        self.process = subprocess.Popen(
            [program, f"--config.file={configuration}", f"--storage.tsdb.path={directory}/data",
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


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def serve(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/metrics"


class Metrics(http.server.BaseHTTPRequestHandler):
    """Metrics of uploads that come evenly, and have done so for an hour."""

    start = time.monotonic() - 3600

    def do_GET(self):
        body = metrics(time.monotonic() - self.start).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def metrics(seconds):
    families = {
        "requests_total": "counter", "rejected_total": "counter", "request_size_bytes": "histogram",
        "drains_total": "counter", "drained_bytes_total": "counter", "responses_acknowledged_total": "counter",
        "draining_connections": "gauge",
    }
    samples = {family: [] for family in families}

    def sample(family, value, suffix="", **labels):
        text = ",".join(f'{name}="{label}"' for name, label in labels.items())
        samples[family].append(f"nginx_limit_body_{family}{suffix}{{{text}}} {int(value)}")

    for zone, (limit, dry_run, rates) in ZONES.items():
        sizes = {size: rate * seconds for size, rate in rates.items()}
        over = sum(count for size, count in sizes.items() if size > limit)
        total = sum(sizes.values())
        by_status = {"passed": total - over, "rejected_dry_run" if dry_run else "rejected": over}
        for status in STATUSES:
            sample("requests_total", by_status.get(status, 0), zone=zone, status=status)
        sample("rejected_total", over * 0.8, zone=zone, at="header")
        sample("rejected_total", over * 0.2, zone=zone, at="body")
        for bucket in BUCKETS:
            within = sum(count for size, count in sizes.items() if size <= bucket)
            sample("request_size_bytes", within, "_bucket", zone=zone, le=bucket)
        sample("request_size_bytes", total, "_bucket", zone=zone, le="+Inf")
        sample("request_size_bytes", sum(size * count for size, count in sizes.items()), "_sum", zone=zone)
        sample("request_size_bytes", total, "_count", zone=zone)
        # After early answers: the refusals, and in any zone 100 times 401 a second. Each outcome is half as frequent as the
        # one before.
        drains = 100 * seconds + (0 if dry_run else over)
        for rank, outcome in enumerate(OUTCOMES, 1):
            sample("drains_total", drains / 2**rank, zone=zone, outcome=outcome)
        sample("drained_bytes_total", drains * 3_000_000, zone=zone)
        sample("responses_acknowledged_total", drains * 0.97, zone=zone, acknowledged="yes")
        sample("responses_acknowledged_total", drains * 0.03, zone=zone, acknowledged="no")
        sample("draining_connections", 5 + 3 * math.sin(seconds), zone=zone)

    lines = []
    for family, kind in families.items():
        lines += [f"# HELP nginx_limit_body_{family} Made up.", f"# TYPE nginx_limit_body_{family} {kind}", *samples[family]]
    return "\n".join(lines) + "\n"


main()
