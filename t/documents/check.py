"""Tries what the documents show, and prints TAP:

    check.py NGINX MODULE CERTIFICATE

- Each block "nginx" of README.md and docs/ passes "nginx -t" without a warning. A block may be a whole file, or what belongs
  into http, server or location; the rest is put around it.
- Each line of a block "console" that begins with "$" prints the lines below it. The nginx that it asks has the last
  configuration above it. "..." stands for anything, in a line or for lines.
- The files in nginx-conf/ pass "nginx -t", each by itself and those for http all together. What is for stream is skipped where
  nginx has none (TEST_STREAM_MODULES).
- No configuration stands in another kind of block, where nobody would try it.
- What limit_body_metrics answers in JSON is as docs/metrics.schema.json says.
- Each link to a file of the project, and to a heading in it, leads somewhere.

Addresses and paths are replaced: ports by free ones, 127.0.0.1:8000 by an application that takes any body,
/var/log/nginx and /etc/nginx by directories of the test.
"""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

from limit_body import nginx
from limit_body.ports import free_ports

TOP = pathlib.Path(__file__).parents[2]
PROGRAM, MODULE, CERTIFICATE = sys.argv[1:]
MANUALS = [TOP / "README.md", *sorted(TOP.glob("docs/*.md"))]
PAGES = [*MANUALS, *(TOP / name for name in ("CONTRIBUTING.md", "SECURITY.md", "nginx-conf/README.md", "packaging/README.md"))]
SCHEMA = TOP / "docs/metrics.schema.json"
EXAMPLES = sorted(TOP.glob("nginx-conf/*.conf"))
STREAM_MODULES = os.environ.get("TEST_STREAM_MODULES", "").split()

# Where a block belongs that has one of these, the outermost first.
PLACES = {
    "main": {"http", "events", "load_module"},
    "http": {"server", "upstream", "map", "geo", "log_format", "limit_req_zone", "limit_conn_zone"},
    "server": {"location", "listen", "server_name", "rewrite"},
}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
CONFIGURATION = re.compile(r"^ *(limit_(?:body|session)\w*|client_max_body_size|location|server|error_page|proxy_pass)\b[^|\n]*[;{]( *#.*)?$", re.M)
TOKEN = re.compile(r'"(?:\\.|[^"])*"|\'(?:\\.|[^\'])*\'|#[^\n]*|[{};]|(?:\$\{\w+\}|[^\s{};"\'])+')
PASSWORDS = "alice:{PLAIN}secret\n"
PATIENCE = 20

APPLICATION = """
server {
    listen 127.0.0.1:%d;
    access_log off;
    limit_body off;
    client_max_body_size 0;
    location / { types { } default_type text/plain; return 200 "stored\\n"; }
}
"""

number = failures = 0


def main():
    for page in MANUALS:
        configuration = None
        for kind, text, line in blocks(page):
            where = f"{page.relative_to(TOP)}:{line}"
            if kind == "nginx":
                configuration = text
                report(f"{where}: nginx -t", rejection(text))
            elif kind == "console":
                report(f"{where}: {text.splitlines()[0]}", difference(configuration, text))
        report(f"{page.relative_to(TOP)}: no other configurations", "\n".join(untried(page)))
    for page in PAGES:
        report(f"{page.relative_to(TOP)}: links", "\n".join(broken(page)))
    for example in EXAMPLES:
        report(f"{example.relative_to(TOP)}: nginx -t", rejection(example.read_text()))
    report("nginx-conf/*.conf: nginx -t, all together", rejection("".join(in_http(example.read_text()) for example in EXAMPLES)))
    report(f"{SCHEMA.relative_to(TOP)}: what nginx answers", "\n".join(unlike_the_schema()))
    print(f"1..{number}")
    sys.exit(failures > 0)


def in_http(text):
    """An example as it belongs into http; nothing if it is for stream."""
    if is_for_stream(text):
        return ""
    return text if place_of(text) == "http" else f"server {{\nlisten 80;\nserver_name in-server.example.com;\n{text}}}\n"


def report(what, wrong):
    """Prints the result of a check; nothing is WRONG where it has succeeded."""
    global number, failures
    number += 1
    failures += bool(wrong)
    print(f"{'not ok' if wrong else 'ok'} {number} - {what}", flush=True)
    for line in wrong.splitlines():
        print(f"# {line}", file=sys.stderr, flush=True)


def blocks(page):
    """The blocks of a page: kind, text, and the line where it begins."""
    text = page.read_text()
    for found in FENCE.finditer(text):
        yield found[1], found[2], text.count("\n", 0, found.start()) + 1


def untried(page):
    text = FENCE.sub(lambda found: "" if found[1] == "nginx" else found[2], page.read_text())
    # What the reference says of syntax and defaults.
    text = re.sub(r"^    Syntax:.*?\n\n", "\n", text, flags=re.M | re.S)
    # In prose, directives are not at the beginning of an indented line.
    return [found[0] for found in CONFIGURATION.finditer(text) if found[0].startswith(" " * 4)]


# Configurations.


class Site:
    """A configuration as it stands in a page, made one that runs."""

    def __init__(self, text, directory):
        self.directory = directory
        (self.application,) = free_ports(1)
        self.ports = {}
        self.text = whole(self.replaced(text), self.port("80"), APPLICATION % self.application)

    def port(self, written):
        if written not in self.ports:
            (self.ports[written],) = free_ports(1)
        return self.ports[written]

    def replaced(self, text):
        text = re.sub(r"\blisten (?:\S*:)?(\d+)", lambda found: f"listen 127.0.0.1:{self.port(found[1])}", text)
        text = re.sub(r"\bserver \{(?!.*\blisten\b)", f"server {{ listen 127.0.0.1:{self.port('80')};", text, flags=re.S)
        for written, port in self.ports.items():
            text = text.replace(f"//127.0.0.1:{written}/", f"//127.0.0.1:{port}/")
        text = re.sub(r"(ssl_certificate(?:_key)?) \S+;",
                      lambda found: f"{found[1]} {CERTIFICATE}.{'key' if found[1].endswith('key') else 'pem'};", text)
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{self.application}")
        text = nginx.with_http2(PROGRAM, text)
        text = re.sub(r"^load_module .*$", "", text, flags=re.M)
        return self.in_directory(text)

    def in_directory(self, text):
        return text.replace("/var/log/nginx/", f"{self.directory}/").replace("/etc/nginx/", f"{self.directory}/")

    def command(self, text):
        text = re.sub(r"\b(https?)://localhost(?::(\d+))?/",
                      lambda found: f"{found[1]}://127.0.0.1:{self.port(found[2] or '80')}/", text)
        return self.in_directory(text)


def whole(text, port, application):
    """The text of a whole configuration in which TEXT is in its place, on a PORT unless it names one, beside an application."""
    if is_for_stream(text):
        return "events { }\n" + (text if re.search(r"^stream \{", text, re.M) else f"stream {{\n{text}\n}}\n")
    place = place_of(text)
    if place == "main":
        http = re.search(r"^http \{$", text, re.M)
        return text[:http.end()] + application + text[http.end():] + ("" if "events" in text else "events { }\n")
    listen = "" if re.search(r"\blisten\b", text) else f"listen 127.0.0.1:{port};"
    if place == "location":
        text = f"location / {{ {text} }}"
    if place != "http":
        text = f"server {{ {listen} {text} }}"
    return f"events {{ }}\nhttp {{\n{application}{text}\n}}\n"


def is_for_stream(text):
    return re.search(r"\blimit_session", text) is not None


def place_of(text):
    names, depth, is_first = set(), 0, True
    for token in TOKEN.findall(text):
        if token.startswith("#"):
            continue
        if is_first and depth == 0:
            names.add(token)
        is_first = token in "{};"
        depth += (token == "{") - (token == "}")
    return next((place for place, directives in PLACES.items() if names & directives), "location")


@contextlib.contextmanager
def site(text):
    with tempfile.TemporaryDirectory(prefix="limit-body-") as directory:
        pathlib.Path(directory).chmod(0o755)
        made = Site(text, directory)
        pathlib.Path(directory, "htpasswd").write_text(PASSWORDS)
        yield made


def server(made):
    modules = STREAM_MODULES if is_for_stream(made.text) else [MODULE] if MODULE else []
    load = "".join(f"load_module {module};\n" for module in modules)
    started = nginx.Nginx(PROGRAM, (load + made.text).replace("{", "{{").replace("}", "}}"))
    # Where an nginx that is built from source has its access log.
    (started.directory / "logs").mkdir()
    return started


def rejection(text):
    """What "nginx -t" has to say; nothing if that is all well."""
    if is_for_stream(text) and not STREAM_MODULES:
        return ""
    with site(text) as made, server(made) as tested:
        done = tested.run("-t", "-q")
        return done.stderr + (f"exit code {done.returncode}" if done.returncode else "")


# Commands.


def difference(configuration, text):
    """How what the commands of a block print differs from what the page says; nothing if it does not."""
    if configuration is None:
        return "there is no configuration above it"
    with site(configuration) as made, server(made) as running:
        running.start()
        for command, expected in commands(text):
            wanted = pattern(expected)
            run = lambda: printed(made.command(command))
            output = run()
            # What nginx writes into a log may be on its way.
            if "curl" not in command and not wanted.fullmatch(output):
                with contextlib.suppress(TimeoutError):
                    nginx.await_condition(lambda: wanted.fullmatch(run()), command, PATIENCE)
                output = run()
            if not wanted.fullmatch(output):
                return f"$ {command}\nexpected:\n{expected}\ngot:\n{output}"
        return "\n".join(running.serious())


def commands(text):
    """The commands of a block, each with the output below it."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, output = part.partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command = command[:-1] + more.strip()
        yield command, output


def printed(command):
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True).stdout.replace("\r", "")


def pattern(expected):
    """What an output has to be like. Its end may lack a line feed."""
    lines = ["(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + "\n?" if last else
             re.escape(line).replace(r"\.\.\.", ".*") + "\n"
             for line, last in ((line, at == len(expected.splitlines())) for at, line in enumerate(expected.splitlines(), 1))]
    return re.compile("".join(lines))


# The schema.

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float)}
METRICS = """
location / { limit_body 1m; limit_body_zone uploads; proxy_pass http://127.0.0.1:8000; }
location = /metrics { limit_body_metrics json; }
"""


def unlike_the_schema():
    schema = json.loads(SCHEMA.read_text())
    with site(METRICS) as made, server(made) as running:
        running.start()
        metrics = json.load(urllib.request.urlopen(made.command("http://localhost/metrics")))
    yield from unlike(metrics, schema, schema["$defs"], "")
    for member in metrics["zones"]["uploads"].keys() - schema["$defs"]["zone"]["properties"].keys():
        yield f"{member} is not in the schema"


def unlike(value, schema, defined, where):
    """Where a value is not as a schema says, of which this knows what there is in ours."""
    if "$ref" in schema:
        schema = defined[schema["$ref"].removeprefix("#/$defs/")]
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if not isinstance(value, tuple(kind for name in types for kind in (TYPES[name] if name == "number" else (TYPES[name],)))):
        yield f"{where}: {value!r} is none of {types}"
        return
    if isinstance(value, list):
        for item in value:
            yield from unlike(item, schema["items"], defined, f"{where}[]")
    elif isinstance(value, dict):
        yield from (f"{where}: {name} is missing" for name in schema.get("required", ()) if name not in value)
        for name, member in value.items():
            expected = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            if expected:
                yield from unlike(member, expected, defined, f"{where}/{name}")


# Links.


def broken(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    for target in [*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r'(?:src|srcset|href)="([^"]+)"', text)]:
        if re.match(r"\w+:", target):
            continue
        name, _, heading = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists():
            yield f"{target}: there is no such file"
        elif heading and heading not in headings(file):
            yield f"{target}: there is no such heading"


def headings(page):
    """The anchors of a page, as GitHub names them."""
    seen = {}
    for title in re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S), re.M):
        anchor = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower()).replace(" ", "-")
        seen[anchor] = seen.get(anchor, -1) + 1
        yield f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor


main()
