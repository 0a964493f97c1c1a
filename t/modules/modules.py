"""Holds limit_body against client_max_body_size beside the modules that Debian packages for its nginx.

    modules.py NGINX MODULE CERTIFICATE [--keep DIRECTORY] [--place first|last] [LOCATION ...]

The same uploads are sent to an nginx that has all the others, and to one that has MODULE too: to each location of
locations.py (or to those whose names match LOCATION, as "lua-*"), of each size, of declared length and not, over HTTP/1.1, TLS
and HTTP/2. The client sends all of its body, reads the answer, and asks for something else on the same connection; then the
location's upstream is asked for something else, on a connection that it has kept.

The answers have to be the same, but for what expected.py lists. Whatever nginx alone does: an upload over the limit gets an
answer and its client reads it, what is asked for afterwards is answered as ever, nothing at [alert] is logged, no worker
ends, and after it all nothing is left of any upload. MODULE is loaded behind the others, or in front of them.

Ends with 1 where something differs. What the two logged and were configured with is in DIRECTORY then; without one, in a
directory that is named in the end.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import fnmatch
import hashlib
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time
import typing
import urllib.error
import urllib.request

from expected import ANY, DIFFERENCES, NONE
from limit_body import script
from limit_body.nginx import Nginx, about, await_condition, http2
from limit_body.ports import free_ports
from locations import LIMIT, LOCATIONS, SIZES, Location

script.TIMEOUT = float(os.environ.get("TEST_PATIENCE", 5))

# In the order in which Debian loads them.
BESIDE = [
    "ndk_http_module", "ngx_http_dav_ext_module", "ngx_http_echo_module", "ngx_http_headers_more_filter_module",
    "ngx_http_lua_module", "ngx_http_modsecurity_module", "ngx_http_perl_module", "ngx_http_subs_filter_module",
    "ngx_http_uploadprogress_module", "ngx_nchan_module",
]

# A worker that goes round in circles must not take the machine with it.
ENOUGH = ("prlimit", f"--as={4 << 30}")

MAIN = """
{load}
worker_processes 1;
events {{ worker_connections 1000; }}
http {{
    access_log {directory}/access.log;
    init_by_lua_block {{
        function received()
            ngx.req.read_body()
            local data, name = ngx.req.get_body_data(), ngx.req.get_body_file()
            if data then return #data end
            if not name then return 0 end
            local file = io.open(name)
            if not file then return "a file that is gone" end
            local length = file:seek("end")
            file:close()
            return length
        end
        -- What a script has received that says so to nobody.
        seen = {{}}
    }}
    # It makes a block of its own, where each module's is merged alone.
    init_worker_by_lua_block {{ started = true }}
    client_body_timeout 5s;
    # What becomes of a connection is waited for, and no longer than five seconds.
    lingering_timeout 2s;
    upload_progress progress 4m;
    upload_progress_json_output;
    nchan_shared_memory_size 32m;
    dav_ext_lock_zone zone=locks:1m;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    {zone}
    {upstreams}
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl{h2};
        {http2}
        ssl_certificate {certificate}.pem;
        ssl_certificate_key {certificate}.key;
        location / {{ return 404; }}
        location = /probe {{ return 200 "open\\n"; }}
        location = /status {{ stub_status; }}
        location = /progress {{ report_uploads progress; }}
        location = /channels {{ nchan_publisher; nchan_channel_id $arg_id; }}
        {metrics}
        {locations}
    }}
}}
"""

UPSTREAM = """
load_module {directory}/modules/ndk_http_module.so;
load_module {directory}/modules/ngx_http_lua_module.so;
worker_processes 1;
events {{ worker_connections 1000; }}
http {{
    access_log off;
    client_max_body_size 0;
    client_body_buffer_size 4m;
    # A body that was promised, and does not come, is not waited for long.
    client_body_timeout 1s;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            content_by_lua_block {{
                ngx.req.read_body()
                local declared = ngx.var.http_content_length or ngx.var.http_transfer_encoding or "nothing"
                local data, name = ngx.req.get_body_data(), ngx.req.get_body_file()
                ngx.say("upstream ", ngx.var.request_method, " ", declared, " ", name or #(data or ""))
            }}
        }}
    }}
}}
"""


class Row(typing.NamedTuple):
    """An upload."""

    location: Location
    size: int
    length: str
    protocol: str

    def __str__(self):
        return f"{self.location.name} {self.size} {self.length} {self.protocol}"

    def name(self):
        return f"{self.size}-{self.length}-{self.protocol}"

    def sent(self):
        return self.size // 10 if self.location.slow else self.size

    def target(self):
        return f"/{self.location.name}{self.location.target}".format(row=f"{self.location.name}-{self.name()}")


class Seen(typing.NamedTuple):
    """What came of it."""

    answer: str
    # Whether something else is answered on the same connection: "open", "closed", or what went wrong.
    connection: str
    # What is asked for afterwards: with the location's own question, and from its upstream.
    after: str
    upstream: str


# Of an upload that nginx alone was not sent.
NOTHING = Seen("", "", "", "")
CLOSED = {"no answer", "unsent", ""}
UNANSWERED = re.compile(r"unsent|no answer|$|\w*(?:Error|Timeout)\w*\(")


def upload(row):
    """Sends an upload, and sees what comes of it."""
    method, target = row.location.method, row.target()
    is_chunked = row.length == "chunked"
    fields = row.location.fields.replace("LENGTH", "chunked" if is_chunked else str(row.size))
    client, steps = script.script(f"{row.protocol}: head {method} {target} {fields}")
    probe = [["head", "GET", "/probe"], ["answer"]]
    if row.protocol == "h2":
        client.run([*steps, ["send", str(row.sent())]])
        # There is no stream where the connection could not be made. What has been stopped cannot be ended.
        if client.current and not client.closed and not client.current.stopped and not row.location.slow:
            client.run([["finish"]])
        if client.current:
            await_answer(client)
            client.run(probe)
    else:
        body = [["chunk", str(row.size)], ["chunk", "0"]] if is_chunked else [["send", str(row.sent())]]
        client.run([*steps, *body, ["answer"], *probe])
    seen = [told(row, line) for line in client.seen] + ["", ""]
    answer, probed = seen[:2]
    connection = {"200 open": "open"}.get(probed, "closed" if probed in CLOSED else probed)
    after = afterwards(row) if row.location.stays else ""
    client.run([["close"]])
    return Seen(answer, connection, told(row, after or afterwards(row)), get(f"/next/{row.location.name}"))


def await_answer(client):
    """Waits for the answer to a stream; there is none where the stream is at its end without one."""
    with contextlib.suppress(OSError):
        client.wait(lambda: client.current.ended or client.current.stopped)
    if client.current.stopped and not client.current.ended:
        client.seen.append("no answer")
    else:
        client.run([["answer"]])


def afterwards(row):
    """What the location's own question is answered; waits until that is final."""
    location = row.location
    if not location.after:
        return ""
    path = location.after.format(name=location.name, row=f"{location.name}-{row.name()}")
    until = time.monotonic() + script.TIMEOUT
    while (text := get(path)) and location.passing and location.passing in text and time.monotonic() < until:
        time.sleep(0.05)
    return text


def told(row, text):
    """An answer in short, without what is never the same."""
    if row.location.varies:
        text = re.sub(row.location.varies, "...", text)
    return text if len(text) < 300 else f"{text[:60]}... ({len(text)} characters, {hashlib.md5(text.encode()).hexdigest()[:8]})"


def get(path):
    """Asks for something on a connection of its own."""
    request = f"http://127.0.0.1:{os.environ['PORT']}{path}"
    try:
        with urllib.request.urlopen(request, timeout=script.TIMEOUT) as answer:
            return f"{answer.status} {answer.read().decode('utf-8', 'backslashreplace').strip()}"
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.reason}"
    except OSError as error:
        return repr(error)


def rows_of(location):
    lengths, sizes = (("declared",), SIZES[:1]) if location.slow else (("declared", "chunked"), SIZES)
    return [Row(location, size, length, protocol)
            for protocol in ("h1", "h1s", "h2") for length in lengths for size in sizes]


def play(location):
    """Sends a location its uploads, one after the other."""
    return [(row, upload(row)) for row in rows_of(location)]


class Side(typing.NamedTuple):
    """One of the two nginx, and what it did."""

    seen: dict
    # What it logged that it never should, and what is left of the uploads.
    complaints: list


def serve(arguments, locations, backend, module, kept):
    """Sends all uploads to an nginx."""
    port, tls_port = free_ports(2)
    ours = [f"load_module {module};"] if module else []
    others = [f"load_module {path};" for path in beside(arguments.nginx)]
    h2, directive = http2(arguments.nginx)
    server = Nginx(
        arguments.nginx, MAIN, load="\n".join(ours + others if arguments.place == "first" else others + ours),
        zone="limit_body_zone uploads;" if module else "", metrics="location = /metrics { limit_body_metrics; }" if module else "",
        upstreams="\n".join(f"upstream upstream-{location.name} {{ server 127.0.0.1:{backend}; keepalive 4; }}"
                            for location in locations),
        command=ENOUGH, locations="", port=port, tls_port=tls_port, h2=h2, http2=directive, certificate=arguments.certificate)
    files = server.directory / "files"
    files.mkdir()
    # The workers are somebody else.
    files.chmod(0o777)
    limit = r"limit_body \1\2;" if module else r"client_max_body_size \1;"
    time_limit = "limit_body_timeout" if module else "client_body_timeout"
    server.values["locations"] = "\n".join(
        f"{location.configuration(limit, time_limit, server.directory)}\n"
        f"location = /next/{location.name} {{ proxy_pass http://upstream-{location.name}; }}" for location in locations)
    server.configure(MAIN)
    with server:
        server.start()
        os.environ.update(PORT=str(port), TLS_PORT=str(tls_port), ERROR_LOG=str(server.log))
        workers = server.workers()
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            played = [*pool.map(play, [location for location in locations if not location.loops])]
        # One by one, so that the rest is not disturbed.
        played += [play(location) for location in locations if location.loops]
        seen = {row: one for rows in played for row, one in rows}
        complaints = []
        try:
            await_condition(lambda: "Active connections: 1 " in get("/status"), "the end of all connections", 60)
            if module:
                await_condition(lambda: re.search(r'draining_connections{zone="uploads"} 0', get("/metrics")), "the end of all drains")
        except TimeoutError as error:
            complaints.append(f"waited in vain for {error}: {get('/status')}")
        if server.workers() != workers:
            complaints.append("a worker has ended")
        if not server.stop():
            complaints.append("nginx does not end")
        complaints += server.serious()
        kept.mkdir(parents=True, exist_ok=True)
        for name in ("nginx.conf", "error.log", "access.log"):
            shutil.copy(server.directory / name, kept / name)
    return Side(seen, complaints)


def beside(program):
    """The other modules' files."""
    path = re.search(r"--modules-path=(\S+)", about(program))
    directory = pathlib.Path(path[1] if path else "/usr/lib/nginx/modules")
    missing = [name for name in BESIDE if not (directory / f"{name}.so").exists()]
    if missing:
        sys.exit(f"error: {directory} has no {', '.join(missing)}; \"make test-modules\" installs Debian's packages of them")
    return [directory / f"{name}.so" for name in BESIDE]


def is_answered(answer):
    return not UNANSWERED.match(answer)


def judge(row, plain, limited):
    """What is wrong with what came of an upload, if something is; and what was expected to differ."""
    expected = next((difference for difference in DIFFERENCES if difference.fits(row)), None)
    answer = expected.answer.format(size=row.size) if expected else plain.answer
    wrong = []
    if row.location.hangs and not (is_answered(plain.answer) and is_answered(limited.answer)):
        return wrong, expected
    if expected or is_answered(plain.answer):
        if answer != ANY and limited.answer != answer and (answer != NONE or is_answered(limited.answer)):
            wrong.append("the answer")
        elif not expected and limited.connection != plain.connection and not row.location.lingers:
            wrong.append("what becomes of the connection")
    elif row.size > LIMIT and not is_answered(limited.answer):
        wrong.append("that there is no answer")
    if limited.connection not in ("open", "closed", plain.connection) and not row.location.lingers:
        wrong.append("the next answer on the connection")
    if limited.upstream != "200 upstream GET nothing 0":
        wrong.append("the next answer of the upstream")
    if not expected and is_answered(plain.answer) and limited.after != plain.after:
        wrong.append("what is asked for afterwards")
    return wrong, expected


def report(row, wrong, expected, plain, limited):
    print(f"\n{row}: {', '.join(wrong)}")
    print(f"  nginx alone   {' | '.join(plain)}")
    print(f"  with module   {' | '.join(limited)}")
    if expected:
        print(f"  expected      {expected.answer.format(size=row.size) or 'no answer'} ({expected.why})")


def kind(line):
    """What a line of a log says, without what is never the same."""
    return re.sub(r"\d+", "N", line.split("]", 1)[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nginx")
    parser.add_argument("module", type=pathlib.Path)
    parser.add_argument("certificate", type=pathlib.Path)
    parser.add_argument("locations", nargs="*", metavar="LOCATION")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--place", choices=("first", "last"), default="last")
    arguments = parser.parse_args()
    arguments.certificate = arguments.certificate.resolve()
    locations = [location for location in LOCATIONS
                 if not arguments.locations or any(fnmatch.fnmatch(location.name, name) for name in arguments.locations)]
    kept = arguments.keep or pathlib.Path(tempfile.mkdtemp(prefix="test-modules-"))

    (port,) = free_ports(1)
    with Nginx(arguments.nginx, UPSTREAM, port=port) as upstream:
        (upstream.directory / "modules").symlink_to(beside(arguments.nginx)[0].parent)
        upstream.start()
        print(f"{len(locations)} locations, {sum(len(rows_of(location)) for location in locations)} uploads to each", flush=True)
        plain = serve(arguments, [location for location in locations if not location.loops], port, None, kept / "nginx-alone")
        print("nginx alone has answered", flush=True)
        limited = serve(arguments, locations, port, arguments.module.resolve(), kept / "with-module")

    differences = 0
    explained = collections.Counter()
    for row, seen in limited.seen.items():
        alone = plain.seen.get(row, NOTHING)
        wrong, expected = judge(row, alone, seen)
        if wrong:
            differences += 1
            report(row, wrong, expected, alone, seen)
        elif expected:
            explained[expected.why] += 1

    known = {kind(line) for line in plain.complaints}
    for line in sorted(known):
        print(f"\nnginx alone logs, or leaves: {line.strip()}")
    complaints = [line for line in limited.complaints if kind(line) not in known]
    for line in complaints:
        print(f"\nin the error log, or left: {line}")
    lost = [row for row in plain.seen if not is_answered(plain.seen[row].answer) and is_answered(limited.seen[row].answer)]
    print()
    for why, count in sorted(explained.items()):
        print(f"{count} as expected: {why}")
    print(f"{len(limited.seen)} answers compared, {differences} differences, {len(complaints)} complaints; "
          f"{len(lost)} answers were lost by nginx alone")
    if differences or complaints:
        print(f"configurations and logs: {kept}")
        sys.exit(1)
    if not arguments.keep:
        shutil.rmtree(kept)


main()
