"""Makes docs/clients.md and docs/clients.json from what uploads.py has written down, and the table in README.md:

    report.py RESULTS DOCS README

Fails if some upload to this module was not answered, and reasons.py does not know why.
"""

import collections
import datetime
import json
import os
import pathlib
import re
import sys

import reasons
from limit_body.pages import fill, table

GROUPS = {
    "HTTP/1.1": ("h1",), "HTTP/1.1, TLS": ("tls",), "HTTP/2, TLS": ("h2",), "HTTP/2, cleartext": ("h2c",), "HTTP/3": ("h3",),
}
PROTOCOLS = {protocol: name for name, protocols in GROUPS.items() for protocol in protocols}
CASES = {
    "loopback": ("2 MiB", "32 MiB", "200 MiB"), "pause of 6 s": ("pause of 6 s",), "40 ms, 50 Mbit/s": ("far, 16 MiB",),
    "1% lost": ("lossy, 8 MiB",), "upload takes 45 s": ("45 s, 8 MiB",), "`error_page`": ("own page",),
    "`error_page`, chunked, pause of 6 s": ("own page, pause of 6 s",),
}
SERVERS = {
    "module": "this module", "nginx": "nginx", "apache": "Apache", "caddy": "Caddy", "haproxy": "HAProxy", "lighttpd": "lighttpd",
}
SHORT = [
    ("HTTP/1.1, loopback", ("h1", "tls"), CASES["loopback"]),
    ("HTTP/1.1, the client pauses for 6 s", ("h1", "tls"), CASES["pause of 6 s"]),
    ("HTTP/1.1, the upload takes 45 s", ("h1", "tls"), CASES["upload takes 45 s"]),
    ("HTTP/2", ("h2", "h2c"), CASES["loopback"]),
    ("HTTP/3", ("h3",), CASES["loopback"]),
    ("HTTP/2 and HTTP/3, `error_page 413`", ("h2", "h2c", "h3"), CASES["`error_page`"]),
]
CONTROLS = {
    "module": "this module", "nginx": "nginx", "lingering_close off": "nginx, `lingering_close off`",
    "closing at once": "answer, then close", "answering twice": "answer, then finalize with 413",
}

INTRODUCTION = """# Clients

What users of HTTP clients see when they upload more than a server accepts. Each figure is the share of uploads whose user
got the status 413 and the whole page, among all clients of the kind, with a declared length and without one.
`make clients` writes this page and [clients.json](clients.json), which has each cell: client, version of HTTP, server, case.

"""

NOT_IN_THE_TABLES = """
Not in the tables: undici 6 over HTTP/2, which is experimental there and off by default. If an answer ends while it is still
sending, it reports a failure: `lib/dispatcher/client-h2.js` aborts the request on the stream's `end` unless the stream is
closed by then, and reports "HTTP/2: stream half-closed (remote)". So it needs the reset with which other clients fail: with the
module 2 of 8 such uploads read the answer, with nginx alone 6 of 8. undici 7 reads it.

Also not in the tables, where all pages have a length: curl 7.88 over HTTP/2, when an answer without a Content-Length comes within its
upload, as from an application behind `proxy_request_buffering off`. curl stops sending, ends its stream, and has the status
and the whole body; but it does not notice the end of the answer, which nginx has sent with the body (END_STREAM), waits until its
time is up, and exits with 28. With nginx alone it exits with 92 and has neither status nor body.
"""

METHOD = """
## Method

Limits are 1 MiB, bodies 2, 8, 16, 32 or 200 MiB; each upload is tried {tries} times, {uploads} in all: once
with servers other than nginx in the rows "1% lost", "upload takes 45 s" and "`error_page`". Servers have default settings except
for the limit and the page: {versions}.
HAProxy has no limit for bodies; a rule on Content-Length takes its place, so bodies of undeclared length are not sent to it.
Apache answers with a file, and over HTTP/2 with a CGI script that reads the body: there its limit (`LimitRequestBody`) holds
only if something reads, and a file is sent whatever the length of the body. lighttpd's answer to bodies of undeclared length over
HTTP/2 is 411, which counts as well. A client is missing in a cell if it lacks a feature (browsers do not pause, wget and Qt have
no chunked bodies). 200 MiB are for this module and nginx. Clients do not verify certificates, and have default settings
otherwise.

A cell with "–" is for what there is not:

- HTTP/3: Apache and lighttpd have none, and Debian's HAProxy is built without it.
- "`error_page`, chunked, pause of 6 s" is about a page in another location of nginx, and so for this module and nginx.
- "answer, then close" and "answer, then finalize with 413" close a connection of HTTP/1.1, which they have for themselves.

"loopback" means bodies of 2, 32 and 200 MiB. "pause of 6 s" means 32 MiB over loopback, with a pause of the client in the
middle. The others use a network between two namespaces (t/lib/limit_body/link.c): 16 MiB with a round trip of 40 ms and 50 Mbit/s;
8 MiB with 10 ms and 1% of the packets lost; 8 MiB at 1.5 Mbit/s, which takes 45 seconds. TCP's congestion control is Reno.
`error_page` means a custom page for 413, with nginx: `error_page 413 /too_large;`. (With nginx alone a named location,
`error_page 413 @too_large`, works on HTTP/2 and HTTP/3 as well.) Others have `ErrorDocument 413 /too_large.html` (Apache),
`handle_errors` with a file (Caddy), `errorfile` (HAProxy) and `server.errorfile-prefix` (lighttpd) in its place.

Measured on {date}, Linux {kernel}, {cpus} processors.
"""


def load(file):
    """For each cell, its tries: None, or what the user saw in place of the answer."""
    cells, versions, server_versions = collections.defaultdict(list), {}, {}
    for line in open(file):
        result = json.loads(line)
        key = tuple(result[name] for name in ("client", "protocol", "server", "case", "mode"))
        # Ports and addresses of objects are not the same twice.
        error = result["error"] and re.sub(r"(?<=[:=])\d{4,5}\b|0x[0-9a-f]{6,}|(?<=port )\d{4,5}", "*", result["error"])
        cells[key].append(error)
        versions[result["client"]] = result["version"]
        server_versions[result["server"]] = result["server_version"]
    return cells, versions, server_versions


def share(cells, wanted):
    """The share of answered uploads, each cell counting alike; None without cells."""
    shares = [tries.count(None) / len(tries) for key, tries in cells.items() if wanted(*key)]
    return sum(shares) / len(shares) if shares else None


def shown(value, best=None):
    if value is None:
        return "–"
    # 100 is for all, and nothing else.
    text = f"{min(int(value * 100 + 0.5), 99 if value < 1 else 100)}%"
    return f"**{text}**" if best is not None and value >= best else text


def by_case(cells, servers):
    rows = []
    for group, protocols in GROUPS.items():
        for case, names in CASES.items():
            values = [share(cells, lambda c, p, s, k, m: p in protocols and k in names and s == server) for server in servers]
            if any(value is not None for value in values):
                best = max(value for value in values if value is not None)
                rows.append([group, case, *(shown(value, best) for value in values)])
    return table(["", "", *servers.values()], rows)


def in_short(cells, servers):
    """What README.md shows: HTTP versions, in each the cases that tell."""
    rows = []
    for title, protocols, names in SHORT:
        values = [share(cells, lambda c, p, s, k, m: p in protocols and k in names and s == server) for server in servers]
        rows.append([title, *(shown(value) for value in values)])
    return table(["", *servers.values()], rows)


def by_client(cells, versions, servers):
    rows = []
    for client in sorted({key[0] for key in cells}, key=str.lower):
        values = [share(cells, lambda c, p, s, k, m: c == client and s == server and "own page" not in k) for server in servers]
        rows.append([f"{client} {versions[client]}", *(shown(value) for value in values)])
    return table(["", *servers.values()], rows)


def behind(cells):
    """Cells in which another server did better than this module."""
    found = []
    for (client, protocol, server, case, mode), tries in sorted(cells.items()):
        ours = cells.get((client, protocol, "module", case, mode))
        if ours and server != "module" and tries.count(None) / len(tries) > ours.count(None) / len(ours):
            found.append(f"- {client}, {PROTOCOLS[protocol]}, {case}, {mode}: {ours.count(None)} of {len(ours)}, with "
                         f"{SERVERS.get(server) or CONTROLS[server]} {tries.count(None)} of {len(tries)}\n")
    return "".join(found)


def failures(cells, wanted):
    """What users saw in place of answers: reason, who, how often of how many tries, and in which words."""
    seen = {}
    for (client, protocol, server, case, mode), tries in cells.items():
        if not wanted(server):
            continue
        for error in filter(None, tries):
            reason = reasons.reason(client, protocol, server, case, mode, error)
            told = seen.setdefault((server, reason), {"clients": collections.Counter(), "words": collections.Counter()})
            told["clients"][f"{client} ({PROTOCOLS[protocol]})"] += 1
            told["words"][error] += 1
    return seen


def told(seen):
    lines = []
    for (server, reason), what in sorted(seen.items(), key=lambda item: -sum(item[1]["clients"].values())):
        words = ", ".join(f'"{words[:90]}"' for words, _ in what["words"].most_common(3))
        clients = ", ".join(f"{client} {number}" for client, number in what["clients"].most_common(8))
        if more := sum(what["clients"].values()) - sum(number for _, number in what["clients"].most_common(8)):
            clients += f", others {more}"
        lines.append(f"- {reason or 'Not known why.'} They saw {words}. Uploads: {clients}.\n")
    return "".join(lines)


def main():
    results, docs, readme = sys.argv[1:]
    cells, versions, server_versions = load(results)
    servers = {name: title for name, title in SERVERS.items() if name in server_versions}
    controls = {name: title for name, title in CONTROLS.items() if name in server_versions}
    ours = failures(cells, lambda server: server == "module")

    page = INTRODUCTION + by_case(cells, servers)
    page += "\n\n## By client\n\nOver all cases but `error_page`.\n\n" + by_client(cells, versions, servers)
    page += "\n\n## What textbooks recommend\n\nBodies of 2 and 32 MiB over loopback.\n\n"
    page += by_case({key: tries for key, tries in cells.items() if key[3] in ("2 MiB", "32 MiB")}, controls)
    page += "\n\n## Where this module's users get no answer\n\n" + (told(ours) or "Nowhere.\n")
    page += "\nCells in which another server does better:" + ("\n\n" + behind(cells) if behind(cells) else " none.\n")
    page += NOT_IN_THE_TABLES
    page += "\n## Why others' users get none\n"
    for server in [name for name in server_versions if name != "module"]:
        title = SERVERS.get(server) or CONTROLS[server]
        page += f"\n### {title}\n\n" + (told(failures(cells, lambda name: name == server)) or "They all do.\n")
    numbers = [len(tries) for tries in cells.values()]
    page += METHOD.format(
        uploads=f"{sum(numbers):,}",
        tries=str(min(numbers)) if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}",
        versions=", ".join(f"{SERVERS[name]} {server_versions[name]}" for name in servers if name != "module"),
        date=datetime.date.today(), kernel=os.uname().release.split("-")[0], cpus=os.cpu_count(),
    )
    pathlib.Path(docs, "clients.md").write_text(page)

    fill(pathlib.Path(readme), {"make clients": in_short(cells, servers)})

    # A cell to a line.
    lines = []
    for (client, protocol, server, case, mode), tries in sorted(cells.items()):
        cell = {"client": client, "version": versions[client], "http": PROTOCOLS[protocol], "server": server,
                "server_version": server_versions[server], "case": case, "length": mode,
                "tries": len(tries), "answered": tries.count(None)}
        if errors := collections.Counter(filter(None, tries)):
            cell["seen"] = dict(errors)
        lines.append(json.dumps(cell))
    pathlib.Path(docs, "clients.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")

    print(by_case(cells, servers) + "\n")
    print(f"==> {docs}/clients.md")
    unknown = sum(sum(what["clients"].values()) for (_, reason), what in ours.items() if reason is None)
    if unknown:
        sys.exit(f"error: {unknown} uploads to this module were not answered; see \"Not known why\" in {docs}/clients.md")


main()
