"""Uploads to applications that answer early, through this module, nginx alone and other people's servers:

    python -m apps NGINX MODULE CERTIFICATE TOOLS RESULTS DOCS README

TOOLS is where build/test/apps.sh has put the application servers. Each cell is a line of JSON in RESULTS; what is there already
is not done again, but what came from another build of the module. In the environment, APPS and FRONTS choose some by name, PARTS
chooses cells by an expression, as "tls on .* 200", and TRIES is how often each is tried.
"""

import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

from apps import applications, client, fronts, report
from apps.cells import DIRECT, FRONTS, MEGABYTE, NGINX, WAYS, all_cells
from limit_body.servers import fine

TRIES = int(os.environ.get("TRIES") or 10)
STALLS = 3


def chosen(variable, names):
    """Names from a variable of the environment; all, if it is empty."""
    wanted = os.environ.get(variable, "").split() or list(names)
    if unknown := set(wanted) - set(names):
        sys.exit(f"error: {variable}: there is no {', '.join(sorted(unknown))}, only {', '.join(names)}")
    return wanted


def reasons(log, begins):
    """The lines of nginx's error log from an offset on, without what differs from one request to the next."""
    with open(log, errors="replace") as file:
        file.seek(begins)
        text = file.read()
    lines = re.findall(r"\[(?:info|notice|warn|error|crit|alert|emerg)\] \d+#\d+: (?:\*\d+ )?(.*?)(?:, client: .*)?$", text, re.M)
    return dict(collections.Counter(re.sub(r"\d{5,}", "N", line) for line in lines))


def has_stalled(seen):
    """Whether so many tries of a cell have stalled that the others are not worth their time."""
    return sum((what or "").startswith(client.SILENT) for what in seen) >= STALLS


class Run:
    def __init__(self, cells, running, before, identity, results):
        self.cells, self.running, self.before, self.identity, self.results = cells, running, before, identity, results
        self.began = self.told = time.monotonic()

    def work(self):
        self.check_ways()
        for number, cell in enumerate(self.cells):
            self.results.write(json.dumps(self.tried(cell)) + "\n")
            self.results.flush()
            if time.monotonic() > self.told + 15:
                self.tell(number + 1)
        self.tell(len(self.cells))

    def check_ways(self):
        """Without a body nobody loses an answer, on no way; or the way is not what it is said to be."""
        for cell in {dataclasses.replace(cell, answer="401", megabytes=0) for cell in self.cells}:
            if seen := self.upload(cell, 0):
                sys.exit(f"error: {cell}: a request without a body gets: {seen}")

    def upload(self, cell, length):
        """None, or what came in place of the answer."""
        answer, server = applications.ANSWERS[cell.answer], self.before.get(cell.front)
        if server:
            address, tls = (server.address, server.port), False
        else:
            place = self.running[cell.application, cell.way].place
            address, tls = place.path or ("127.0.0.1", place.port), bool(place.certificate)
        return client.upload(address, tls, cell.path(), length, (answer.status, answer.body))

    def tell(self, done):
        self.told = time.monotonic()
        print(f"    {done} of {len(self.cells)} cells in {(self.told - self.began) / 60:.1f} min", flush=True)

    def tried(self, cell):
        """Tries a cell; the line for it."""
        server = self.before.get(cell.front)
        log = server.directory / "error.log" if cell.front in NGINX else None
        begins = log.stat().st_size if log else 0
        seen = []
        while len(seen) < TRIES and not has_stalled(seen):
            seen.append(self.upload(cell, cell.megabytes * MEGABYTE))
        if server:
            fine(server)
        line = {**dataclasses.asdict(cell), **self.identity[cell.front], "tries": len(seen), "answered": seen.count(None)}
        line |= {"stalled": True} if has_stalled(seen) else {}
        if others := collections.Counter(filter(None, seen)):
            line["seen"] = dict(others)
            if log:
                line["logged"] = reasons(log, begins)
        return line


def main():
    nginx, module, certificate, tools, results, docs, readme = sys.argv[1:]
    tools = pathlib.Path(tools).resolve()
    certificate = str(pathlib.Path(certificate).parent.resolve() / pathlib.Path(certificate).name)
    names, behind = chosen("FRONTS", FRONTS), chosen("APPS", applications.APPLICATIONS)
    part = re.compile(os.environ.get("PARTS", ""))
    identity = {
        name: {} if name == DIRECT else {"version": fronts.version(name, nginx), "build": fronts.build(name, module)}
        for name in FRONTS
    }
    done = report.load(results)

    def is_done(cell):
        line = done.get(report.key({**dataclasses.asdict(cell), **identity[cell.front]}))
        return line and (line["tries"] >= TRIES or "stalled" in line) and line.get("build", "") == identity[cell.front].get("build", "")

    # Small uploads first: so that a run that is cut short tells something of everything.
    everything = sorted(all_cells(), key=lambda cell: cell.megabytes)
    cells = [cell for cell in everything if cell.front in names and cell.application in behind and part.search(str(cell))]
    cells = [cell for cell in cells if not is_done(cell)]
    if cells:
        print(f"==> {len(cells)} cells, {TRIES} uploads each", flush=True)
        upload(cells, identity, nginx, module, certificate, tools, results)

    done = report.load(results)
    versions = {name: one.version(tools) for name, one in applications.APPLICATIONS.items()}
    # A page of a part is not one to publish.
    missing = sum(not is_done(cell) for cell in everything)
    target = pathlib.Path(results).parent if missing else pathlib.Path(docs)
    report.write(done, versions, target, missing, readme)
    print(f"==> {target}/applications.md" + (f": a part of the campaign, without {missing:,} cells" if missing else ""))


def upload(cells, identity, nginx, module, certificate, tools, results):
    wanted = sorted({(cell.application, "tcp" if cell.way == "keepalive" else cell.way) for cell in cells})
    with contextlib.ExitStack() as ending:
        top = pathlib.Path(tempfile.mkdtemp(prefix="limit-body-"))
        top.chmod(0o755)
        ending.callback(shutil.rmtree, top, ignore_errors=True)
        running = ending.enter_context(applications.started(wanted, tools, certificate, top))
        ways = {(name, way): one for (name, transport), one in running.items() for way in WAYS
                if transport == ("tcp" if way == "keepalive" else way)
                and (way != "keepalive" or one.application.protocol == "http")}
        needed = [name for name in fronts.KINDS if any(cell.front == name for cell in cells)]
        before = ending.enter_context(fronts.started(needed, fronts.Context(nginx, module, certificate, ways), top))
        file = ending.enter_context(open(results, "a"))
        Run(cells, running, before, identity, file).work()


main()
