"""Writes docs/applications.md, docs/applications.json and the table in README.md from the lines of a run."""

import collections
import datetime
import json
import os
import pathlib

from apps.applications import ANSWERS, APPLICATIONS
from apps.cells import DIRECT, NGINX, PEERS_ANSWERS, SIZES, WAYS
from apps.fronts import KINDS
from limit_body.pages import fill, table

FIELDS = ("front", "version", "application", "way", "buffering", "answer", "megabytes")

# What nginx's error log says of uploads that go well, too.
USUAL = ("a client request body is buffered", "client ", "drained ")

INTRODUCTION = """# Applications that answer early

Many uploads are refused not by nginx but by the application behind it: 401 because of a header, 413 because of the length, a
redirect to a login page. Most application servers then close the connection without having read the body. nginx is still
sending that, fails, and tells the client 502. The answer is there all the same: it has reached nginx's socket.

Each figure is the share of uploads whose client got the application's status and its whole body. `make apps` writes this page
and [applications.json](applications.json), which has each cell: front, application, way, answer, size.

"""

PEERS = """
The application answers without reading ({answers}), or when it has read 1 MiB; uploads have {sizes} MB. Between front
and application is HTTP over TCP. "buffered" is nginx's default, "unbuffered" is `proxy_request_buffering off`. "no front" is
the same client with a connection to the application: its answers are there to be had.

Puma and waitress read all of a body before they ask the application, so that nothing is lost behind them.
"""

WAYS_TEXT = """
## Ways to the application

nginx alone and with this module, over all applications and answers, beside what the applications give without a front.
"TCP, HTTP/1.1" is a connection that the application may keep: `proxy_http_version 1.1; proxy_set_header Connection "";`.
FastCGI, uwsgi and SCGI are PHP-FPM and uWSGI.

"""

OTHER_NGINX = """
## nginx {version}

The same with nginx {version}: {uploads} uploads, {tries} to a cell.

{headline}

{by_way}
"""

IN_THE_APPLICATION = """
uWSGI's own TLS loses its answers without a front as well: it closes the connection while Nagle's algorithm holds the last
piece back, and the kernel drops that. With `tcp-nodelay = true` in its configuration they are all there.

Long answers of PHP-FPM stall with nginx alone: PHP sends the beginning of its answer, reads the rest of the body, then sends the
end; nginx has passed the beginning on and sends no more of the body (it does that over HTTP/2 only). Both wait until
`fastcgi_read_timeout`. With `limit_body_upstream_response` nginx sends the rest.

## Where this module is not in front

An application can see to it that its early answers arrive: it reads what still comes, and drops it, before it closes. How much
and for how long has to be bounded, or clients hold connections with it.

- Read on after the answer. The answer is sent, then the rest of the body is read and dropped, up to some megabytes and
  some seconds; then the connection is closed. nginx does that for its own clients (`lingering_close`), Go's net/http
  reads on for 256 KiB and half-closes for half a second, Tomcat reads on for `maxSwallowSize` (2 MiB by default; -1 is all),
  and PHP-FPM reads until nginx has sent all (but see above for long answers with nginx alone).
- Read first. Where nobody reads on after the answer, the application reads the body to its end before it answers. In WSGI:
  `while environ["wsgi.input"].read(65536): pass`, in ASGI: `receive()` until `more_body` is false. It costs what the upload
  costs.
- Keep the connection. Node.js, Express and uvicorn read on where the connection is to be kept, and close it at once where it is not:
  nginx before 1.29.7 asks them to close it. `proxy_http_version 1.1;` and `proxy_set_header Connection "";` do not (the
  rows "TCP, HTTP/1.1"). A size that the framework itself has found too large may close the connection all the same.
- Ask before the body comes. nginx can ask the application for permission first: `auth_request` sends it the header of a request
  only, so that 401 and 302 need no body. Limits of size belong into nginx: `client_max_body_size`, or `limit_body`.
- With buffering, the application's connection is not open while the client sends: it does not wait for slow clients when it
  reads to the end.
"""

# The rows of the table in README.md.
SHORT = {"401": "401, and nothing of the body is read", "limit": "413 when 1 MiB of the body has been read"}

METHOD = """
## Method

The client sends a POST with a declared length over HTTP/1.1 and loopback, and reads while it sends; a failed write does not stop
it from reading (t/apps/client.py). So an answer that it has not got is one that the front has not sent. Each cell is tried
{tries} times, {uploads} uploads in all; after three uploads in which nothing came or went for 10 seconds a cell is not tried again.

{answers}

| application | version | limit |
|---|---|---|
{applications}

Fronts: {versions}. Each has its defaults and no limit for bodies, nginx with this module has
`limit_body_drain` in force. nginx alone and with this module are tried with all applications, ways, answers and both
ways of buffering; others over TCP and HTTP with the answers {peers_answers}, buffering as they do. {sizes}

| `make apps` | |
|---|---|
| `make apps NGINX=/usr/sbin/nginx` | adds another nginx |
| `make apps FRONTS=module` | some fronts: {fronts} |
| `make apps APPS="go express"` | some applications: {names} |
| `make apps PARTS='tls on .* 200'` | cells by an expression: front, application, way, buffering, answer, megabytes |
| `make apps TRIES=100` | more uploads to a cell |

What is in objs/apps/results.jsonl is not done again, but for the module when that was built anew. A run of a part leaves
its page in objs/apps.

Measured on {date}, Linux {kernel}, {cpus} processors.
"""


def key(line):
    return tuple(line.get(name) for name in FIELDS)


def load(file):
    """The last line for each cell."""
    if not os.path.exists(file):
        return {}
    with open(file) as lines:
        return {key(line): line for line in map(json.loads, lines)}


class Column:
    """A front of the page: with nginx, one for each version."""

    def __init__(self, front, version):
        self.front, self.version = front, version
        name = "no front" if front == DIRECT else KINDS[front][0]
        self.title = f"{name}, nginx {version}" if front == "module" else f"{name} {version or ''}".strip()

    def has(self, line):
        return (line["front"], line.get("version")) == (self.front, self.version)


def columns(lines):
    """The fronts that there are, in the order of KINDS, newer versions first."""
    there = {(line["front"], line.get("version")) for line in lines}

    def versions(name):
        return sorted((version for front, version in there if front == name), key=numbers, reverse=True)

    return [Column(name, version) for name in (*KINDS, DIRECT) for version in versions(name)]


def versions_of_nginx(fronts):
    """Newer ones first."""
    return sorted({column.version for column in fronts if column.front in NGINX}, key=numbers, reverse=True)


def with_nginx(fronts, version):
    """What is compared for a version of nginx: that, and all that is not nginx."""
    return [column for column in fronts if column.front not in NGINX or column.version == version]


def numbers(version):
    return [int(number) for number in (version or "0").split(".")]


def share(lines):
    lines = list(lines)
    return sum(line["answered"] / line["tries"] for line in lines) / len(lines) if lines else None


def shown(value):
    # 100 is for all, and 0 for none.
    if value is None:
        return ""
    return "0%" if value == 0 else f"{min(max(round(value * 100), 1), 99 if value < 1 else 100)}%"


def grid(lines, rows, cols):
    """ROWS: titles and conditions. COLS: the same."""
    body = []
    for titles, fits in rows:
        values = [share(line for line in lines if fits(line) and has(line)) for _, has in cols]
        if any(value is not None for value in values):
            body.append([*titles, *map(shown, values)])
    return table([*[""] * len(rows[0][0]), *(title for title, _ in cols)], body)


def of_nginx(column, buffering):
    words = {"on": "buffered", "off": "unbuffered"}
    return f"{column.title}, {words[buffering]}", lambda line: column.has(line) and line["buffering"] == buffering


def comparable(lines):
    """The lines of cells that there are for all fronts."""
    return [line for line in lines if line["way"] == "tcp" and line["answer"] in PEERS_ANSWERS
            and APPLICATIONS[line["application"]].protocol == "http"]


def headline(lines, fronts):
    cols = []
    for column in fronts:
        cols += [of_nginx(column, way) for way in ("on", "off")] if column.front in NGINX else [(column.title, column.has)]
    rows = [([application.title], lambda line, name=name: line["application"] == name)
            for name, application in APPLICATIONS.items() if application.protocol == "http"]
    return grid(comparable(lines), [*rows, (["**all**"], lambda line: True)], cols)


def in_short(lines, fronts):
    """What README.md shows: over all applications, by what is answered."""
    cols = [(KINDS[column.front][0], column.has) for column in fronts if column.front != DIRECT]
    return grid(comparable(lines), [([title], lambda line, name=name: line["answer"] == name) for name, title in SHORT.items()], cols)


def protocol(line):
    """What is spoken to the application."""
    return {"http": "HTTP", "fastcgi": "FastCGI", "uwsgi": "uwsgi", "scgi": "SCGI"}[APPLICATIONS[line["application"]].protocol]


def by_way(lines, fronts):
    lines = [line for line in lines if line["front"] in (*NGINX, DIRECT)]
    cols = [of_nginx(column, buffering) for column in fronts if column.front in NGINX for buffering in ("on", "off")]
    cols += [(column.title, column.has) for column in fronts if column.front == DIRECT]
    rows = [([kind, title], lambda line, kind=kind, way=way: protocol(line) == kind and line["way"] == way)
            for kind in ("HTTP", "FastCGI", "uwsgi", "SCGI") for way, title in WAYS.items()]
    rows += [([title, ""], fits) for title, fits in [
        *((f"answer {name}", lambda line, name=name: line["answer"] == name) for name in ANSWERS),
        *((f"{size} MB", lambda line, size=size: line["megabytes"] == size) for size in (2, 20, 200)),
    ]]
    return grid(lines, rows, cols)


def cells(lines, column):
    """Each application and way by what is answered and how much is uploaded."""
    lines = [line for line in lines if column.has(line)]
    cols = [(f"{answer}, {size}", lambda line, answer=answer, size=size: (line["answer"], line["megabytes"]) == (answer, size))
            for answer, sizes in SIZES.items() for size in sizes]
    rows = [([application.title, WAYS[way], {"on": "yes", "off": "no", "": ""}[buffering]],
             lambda line, want=(name, way, buffering): (line["application"], line["way"], line["buffering"]) == want)
            for name, application in APPLICATIONS.items() for way in WAYS for buffering in ("on", "off", "")]
    return grid(lines, rows, cols)


def in_place(lines, column):
    """What clients got in place of the answer."""
    seen, logged = collections.Counter(), collections.Counter()
    for line in filter(column.has, lines):
        seen.update(line.get("seen", {}))
        logged.update({words: number for words, number in line.get("logged", {}).items() if not words.startswith(USUAL)})
    words = ", ".join(f"{what}: {number}" for what, number in seen.most_common()) or "all got the answer"
    text = f"- {column.title}: {words}.\n"
    return text + "".join(f"    - `{words}`: {number}\n" for words, number in logged.most_common(6))


def tries(lines):
    numbers = sorted({line["tries"] for line in lines})
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def in_section(lines, fronts):
    """What is told of a version of nginx that is not the newest."""
    its = [line for line in lines if any(column.has(line) for column in fronts)]
    return OTHER_NGINX.format(version=fronts[0].version, uploads=f"{sum(line['tries'] for line in its):,}", tries=tries(its),
                              headline=headline(its, fronts), by_way=by_way(its, fronts))


def page(lines, versions):
    fronts = columns(lines)
    nginx, *older = versions_of_nginx(fronts) or [None]
    newest = with_nginx(fronts, nginx)
    answers = [name for name in PEERS_ANSWERS if name != "limit"]
    text = INTRODUCTION + headline(lines, newest)
    sizes = sorted({size for answer in PEERS_ANSWERS for size in SIZES[answer]})
    text += "\n" + PEERS.format(answers=", ".join(answers), sizes=", ".join(map(str, sizes)))
    if nginx:
        text += WAYS_TEXT + by_way(lines, newest) + "\n"
    for version in older:
        text += in_section(lines, [column for column in fronts if column.front in NGINX and column.version == version])
    text += IN_THE_APPLICATION
    text += "\n## What clients get in place of the answer\n\nIndented, for nginx: what its error log says, and how often.\n\n"
    text += "".join(in_place(lines, column) for column in fronts)
    text += "\n## Cells\n\nOf the columns, the first part is the answer, the second the size of the upload in megabytes.\n"
    for column in fronts:
        text += f"\n### {column.title[0].upper()}{column.title[1:]}\n\n{cells(lines, column)}\n"
    fewer = "; ".join(f"{name} with {', '.join(map(str, sizes))} MB" for name, sizes in SIZES.items())
    table_of_answers = [[name, answer.what, f"{len(answer.body):,} bytes"] for name, answer in ANSWERS.items()]
    return text + METHOD.format(
        tries=tries(lines), uploads=f"{sum(line['tries'] for line in lines):,}",
        answers=table(["answer", "when", "body"], table_of_answers),
        applications="\n".join(
            f"| {one.title} | {versions[name]} | {one.limit} |" for name, one in APPLICATIONS.items()
        ),
        versions=", ".join(column.title for column in fronts if column.front not in (DIRECT, "module")),
        peers_answers=" and ".join(PEERS_ANSWERS), sizes=f"The answers are tried with: {fewer}.",
        fronts=" ".join((*KINDS, DIRECT)), names=" ".join(APPLICATIONS),
        date=datetime.date.today(), kernel=os.uname().release.split("-")[0], cpus=os.cpu_count(),
    )


def write(done, versions, directory, missing, readme):
    """MISSING: how many cells there are no lines for; README.md is left alone then."""
    lines = sorted(done.values(), key=lambda line: tuple(map(str, key(line))))
    text = page(lines, versions)
    if missing:
        text = text.replace(INTRODUCTION, INTRODUCTION + f"This is a part of the campaign: {missing:,} cells are missing.\n\n", 1)
    pathlib.Path(directory, "applications.md").write_text(text)
    # A cell to a line.
    kept = ({name: value for name, value in line.items() if name != "build"} for line in lines)
    pathlib.Path(directory, "applications.json").write_text("[\n" + ",\n".join(map(json.dumps, kept)) + "\n]\n")
    fronts = columns(lines)
    if not missing:
        fill(pathlib.Path(readme), {"make apps": in_short(lines, with_nginx(fronts, versions_of_nginx(fronts)[0]))})
    print(headline(lines, fronts) + "\n")
