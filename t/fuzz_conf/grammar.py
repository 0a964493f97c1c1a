"""Makes configurations at random: what is in a server {} block, as a tree.

A node of the tree is a text with statements ("deny all;"), or a block: a list of its header and the nodes in it
(["location /a", [...]]). In the texts {html} is the directory with static files, {dav} one that is written to, {up} the
configuration's own upstream, {n} its number. All that a location may refer to has a name from NAMES or NAMED, whether that
exists in this configuration or not.
"""

import random
import re
import typing

NAMES = ["/a", "/b", "/c", "/d", "/e", "/f"]
NAMED = ["@x", "@y", "@z"]

LIMITS = [1, 10, 37, 100, 1000, 5000, 20000]

CODES = [403, 404, 405, 413, 416, 412, 418, 500, 502, 503, 400, 401, 411, 301]

# What may stand more than once in a block.
REPEATED = ("error_page", "mirror", "deny", "allow", "rewrite", "return", "if", "proxy_pass", "limit_req", "add_header", "location")


class Configuration(typing.NamedTuple):
    nodes: list
    # The locations that a client may ask for, and the limits that its bodies are to be near to.
    targets: list
    limits: list


def configuration(rng):
    """A configuration, as this source of random numbers has it."""
    names = rng.sample(NAMES, rng.choice([1, 2, 3, 3, 4, 5]))
    named = rng.sample(NAMED, rng.choice([0, 1, 1, 2]))
    maker = Maker(rng, names, named, rng.sample(LIMITS, 2))
    nodes = maker.server()
    return Configuration(nodes, maker.targets, maker.limits)


class Maker:
    def __init__(self, rng, names, named, limits):
        self.rng, self.names, self.named, self.limits = rng, names, named, limits
        self.targets = list(names)
        self.asks = False
        # Each configuration likes some things more than others: what goes wrong takes three or four that meet.
        self.likes = {}
        self.codes = [413, *rng.sample(CODES, rng.choice([1, 2, 4]))]
        self.codes += [408] if self.often(0.3 * self.like("timeouts")) else []

    def like(self, what):
        """How much something is liked here."""
        if what not in self.likes:
            self.likes[what] = self.pick(0, 0.3, 1, 1, 4)
        return self.likes[what]

    def often(self, probability):
        return self.rng.random() < probability

    def pick(self, *values):
        return self.rng.choice(values)

    def place(self):
        """Where a request may be sent within nginx."""
        names = self.names * 3 + self.named * 3 + [self.pick(*NAMES)]
        return self.rng.choice(names)

    def uri(self):
        return self.rng.choice(self.names)

    def asked(self):
        """Where a subrequest is sent that is not to have the body: what does not see to that is wrong with nginx alone."""
        self.asks = True
        return "/ask" if self.often(0.9) else self.uri()

    def server(self):
        nodes = self.error_pages() if self.often(0.15 * self.like("error pages")) else []
        if self.often(0.7):
            nodes += self.limit()
        nodes += ["limit_body_drain idle=300ms;"] if self.often(0.6) else []
        nodes += self.some(0.04, self.modifiers())
        nodes = [node for node in unique(nodes) if node != "internal;" and node[0] != "limit_except GET"]
        # Early: a location that stands in a rewrite's way comes after these.
        if self.often(0.05):
            nodes.append(self.condition())
        for name in self.names:
            nodes.append(self.location(name))
        for name in self.named:
            nodes.append(self.location(name))
        if self.asks:
            do = f"{self.pick('wait', 'early', 'slow', 'slow')} {self.pick(200, 200, 200, 200, 401, 403, 500)}"
            nodes.append(["location = /ask", [*self.some(0.3, [lambda: "internal;", lambda: f"limit_body {self.size()};"]),
                          proxied(do, has_body=False)]])
        return nodes

    def location(self, name):
        header = f"location {name}" if name[0] == "@" else f"location {self.pick('', '= ', '= ', '^~ ')}{name}"
        nodes = self.limit() if self.often(0.4) else []
        nodes += self.some(0.08, self.modifiers())
        if self.often(0.3 * self.like("error pages")):
            nodes += self.error_pages()
        nodes += self.content(name)
        nodes = unique(nodes)
        if name[0] != "@" and "=" not in header and self.often(0.15):
            inner = f"{name}/in"
            self.targets.append(inner)
            nodes.append(self.inner(inner))
        return [header, nodes]

    def inner(self, name):
        nodes = self.limit() if self.often(0.5) else []
        nodes += self.some(0.06, self.modifiers())
        return [f"location {name}", unique(nodes + self.content(name))]

    def some(self, probability, makers):
        nodes = []
        for i, make in enumerate(makers):
            if self.often(probability * (self.like(i) if len(makers) > 9 else 1)):
                made = make()
                nodes += made if isinstance(made, list) else [made]
        return nodes

    def size(self):
        return self.rng.choice(self.limits)

    def limit(self):
        """How large bodies may be, and what becomes of those that are larger."""
        nodes = []
        how = self.rng.random()
        if how < 0.55:
            nodes.append(f"limit_body {self.size()};")
        elif how < 0.65:
            nodes.append(f"limit_body $limit_{self.size()};")
        elif how < 0.8:
            nodes.append(f"limit_body {self.size()} after_auth;")
        elif how < 0.82:
            nodes.append(f"limit_body {self.size()} length=$http_x_length;")
        elif how < 0.85:
            nodes.append("limit_body off;")
        elif how < 0.92:
            nodes.append("limit_body 0;")
        if self.often(0.2):
            nodes.append(f"client_max_body_size {self.rng.choice([0, self.size(), self.size()])};")
        if self.often(0.08):
            nodes.append(f"limit_body_status {self.pick(403, 404, 413, 418, 500, 503, 400, 411)};")
        if self.often(0.05):
            nodes.append("limit_body_dry_run on;")
        if self.often(0.12 * self.like("timeouts")):
            nodes.append(f"limit_body_timeout {self.timeout()};")
        if self.often(0.25):
            nodes.append(f"limit_body_drain {self.budget()};")
        if self.often(0.08):
            nodes.append(f"limit_body_upstream_response {self.pick('on', 'off')};")
        if self.often(0.1):
            nodes.append(f"limit_body_zone {self.pick('one', 'two', 'off')};")
        return nodes

    def timeout(self):
        """How long a body may take: less than clients that pause now and then, or fall silent."""
        if self.often(0.1):
            return "off"
        time, more = self.pick(1, 10, 50, 50, 100, 200, 500), self.pick(0, 50, 200)
        rate = f" rate={self.pick(1000, '10k', '1m')}" if self.often(0.3) else ""
        return f"{time}ms{rate}" + (f" max={time + more}ms" if rate and self.often(0.5) else "")

    def budget(self):
        if self.often(0.1):
            return "off"
        parts = [f"idle={self.pick('50ms', '200ms', '300ms')}"]
        if self.often(0.4):
            parts.append(f"bytes={self.pick(1, 10, 1000, 20000)}")
        if self.often(0.3):
            parts.append(f"conns={self.pick(1, 1, 2)}")
        if self.often(0.4):
            parts.append(f"time={self.pick('1ms', '20ms', '100ms')}")
        if self.often(0.3):
            parts.append(f"rate={self.pick('0', '1k', '10m')}")
        return " ".join(parts)

    def error_pages(self):
        return [self.error_page() for _ in range(self.pick(1, 1, 2, 3))]

    def error_page(self):
        codes = [self.pick(*self.codes) for _ in range(self.pick(1, 1, 1, 2, 3))]
        how = self.pick("", "", "", "=200 ", "= ", "= ", "=404 ", "=413 ", "=204 ")
        where = self.place() if self.often(0.95) else self.pick("/file.txt", "http://localhost/elsewhere")
        return f"error_page {' '.join(map(str, dict.fromkeys(codes)))} {how}{where};"

    def modifiers(self):
        """What may stand in any location, and in the server, beside what answers."""
        return [
            lambda: f"client_body_buffer_size {self.pick(1, 100, 1000, 16384)};",
            lambda: f"client_body_in_file_only {self.pick('on', 'clean')};",
            lambda: "client_body_in_single_buffer on;",
            lambda: f"lingering_close {self.pick('always', 'off', 'on')};",
            lambda: f"lingering_time {self.pick('400ms', '1s', '2s')};",
            lambda: f"lingering_timeout {self.pick('1ms', '50ms', '200ms')};",
            lambda: f"keepalive_timeout {self.pick('0', '200ms')};",
            lambda: f"keepalive_requests {self.pick(1, 2)};",
            lambda: f"client_body_timeout {self.pick('100ms', '200ms')};",
            lambda: ["deny all;", *self.some(0.5, [lambda: "satisfy any;", lambda: f"auth_request {self.asked()};"])],
            lambda: [f"auth_request {self.asked()};"],
            self.mirror,
            self.mirror,
            lambda: [f"mirror {self.uri()};", f"mirror {self.uri()};"],
            lambda: f"post_action {self.asked() if self.often(0.9) else self.place()};",
            self.unbuffered,
            self.unbuffered,
            lambda: ["proxy_ignore_client_abort on;", "fastcgi_ignore_client_abort on;"],
            lambda: ["proxy_buffering off;", "fastcgi_buffering off;"],
            lambda: ["proxy_intercept_errors on;", "fastcgi_intercept_errors on;"],
            lambda: "limit_rate 1m;",
            lambda: "recursive_error_pages on;",
            lambda: f"limit_req zone=once{self.pick('', ' burst=1 nodelay')};",
            lambda: "limit_req zone=slowly burst=10;",
            lambda: "limit_conn script 1;",
            lambda: ["ssi on;", "ssi_types *;"],
            lambda: [f"add_before_body {self.uri()};", "addition_types *;"],
            lambda: [f"add_after_body {self.uri()};", "addition_types *;"],
            lambda: "aio threads;",
            lambda: ["proxy_cache cache;", "proxy_cache_key $uri;", "proxy_cache_valid any 1m;",
                     *self.some(0.5, [lambda: "proxy_cache_methods GET HEAD POST;", lambda: "proxy_cache_lock on;"])],
            lambda: "internal;",
            lambda: [self.condition()],
            lambda: [self.condition()],
            lambda: [["limit_except GET", [self.pick("deny all;", "allow all;")]]],
            lambda: ["error_page 418 = %s;" % self.place(), ["if ($request_method = POST)", ["return 418;"]]],
            lambda: ["error_page 418 = %s;" % self.place(), ["if ($request_method = POST)", ["return 418;"]]],
            lambda: "if_modified_since off;",
            lambda: "etag off;",
            lambda: "chunked_transfer_encoding off;",
            lambda: "reset_timedout_connection on;",
            lambda: "expires 1d;",
        ]

    def unbuffered(self):
        return ["proxy_request_buffering off;", "fastcgi_request_buffering off;"]

    def mirror(self):
        if self.often(0.6):
            return [f"mirror {self.asked()};", "mirror_request_body off;"]
        return [f"mirror {self.uri()};"]

    def condition(self):
        """An if."""
        when = self.pick("$request_method = POST", "$request_method = POST", "$request_method = GET", "$http_x_kind = odd",
                         "$content_length", "$http_range", "$is_args")
        what = self.pick(
            "return 418;", "return 403;", "return 404;", 'return 200 "if\\n";', "return 413;", "return 301 /a;", "return 204;",
            f"rewrite ^ {self.uri()} last;", f"rewrite ^ {self.uri()} last;", f"rewrite ^ {self.uri()} break;",
        )
        return [f"if ({when})", [what]]

    def content(self, name):
        """What answers."""
        is_named = name[0] == "@"
        static = (lambda file: ["root {html};", f"try_files /{file} =404;"]) if is_named else (lambda file: [f"alias {{html}}/{file};"])
        makers = {
            self.proxy: 10,
            lambda: static("file.txt"): 6,
            lambda: static("nothing"): 1,
            lambda: ["root {html};", "try_files / =404;"] if is_named else ["alias {html};"]: 0.5,
            self.memcached: 1,
            lambda: [*static(f"ssi-{self.uri()[1:]}.html"), "ssi on;"]: 1.5,
            lambda: [self.answer()]: 4,
            lambda: [f"rewrite ^ {self.uri()} last;"]: 1.5,
            lambda: [f"try_files /nothing {self.place()};"]: 1.5,
            lambda: ["root {html};", f"try_files /file.txt {self.place()};"]: 0.5,
            lambda: ["limit_body_metrics;"]: 0.4,
            lambda: ["stub_status;"]: 0.3,
            lambda: [*self.error_pages(), f"return {self.pick(403, 404, 418, 413, 500)};"]: 2,
            lambda: ["root {dav};"] if is_named else ["alias {dav}/put;", "dav_methods PUT DELETE;"]: 1,
        }
        # Something of the most usual in any case.
        weights = [weight * (self.like(f"content {i}") + 0.05) for i, weight in enumerate(makers.values())]
        return self.rng.choices(list(makers), weights)[0]()

    def memcached(self):
        key = self.pick("hit", "miss", "miss", "late", "late")
        nodes = [f"memcached_pass {{up}}-memcached; set $memcached_key {key};"]
        if key == "late":
            # Meanwhile nginx discards a body, and may give that up.
            nodes += self.some(0.7, [lambda: "lingering_time 400ms;", lambda: f"post_action {self.asked()};"])
        return [*nodes, f"error_page 404 {self.pick('', '= ')}{self.place()};"] if self.often(0.8) else nodes

    def answer(self):
        text = self.pick("page", "page", "p" * 3000)
        code = self.pick("200", "200", "200", "404", "403", "413", "500", "418")
        return self.pick(f'return {code} "{text}\\n";', f'return {code} "{text}\\n";', "return 204;", f"return {code};",
                         "return 301 /a;", f"return 302 {self.uri()};", "return 444;")

    def proxy(self):
        when = self.pick("wait", "wait", "wait", "early", "early", "slow", "slow")
        do = f"{when} {self.pick(200, 200, 200, 200, 404, 403, 413, 500, 401, 204)}"
        if self.often(0.12):
            do = f"{when} 200 accel={self.place()}"
        elif self.often(0.06):
            do = self.pick("drop", "drop", "wait 200 close", "early 200 close")
        elif self.often(0.1):
            do = f"gone {self.pick(401, 403, 413, 200, 503)}"
        elif self.often(0.1):
            do += " big"
        if self.often(0.15):
            return [f'grpc_pass grpc://{{up}}-http2; grpc_set_header X-Do "{do}";']
        if self.often(0.2):
            return [fastcgi(do)]
        version = "1.0" if self.often(0.1) else "1.1"
        return [proxied(do, version, not self.often(0.1), self.often(0.15), self.often(0.15))]


def proxied(do, version="1.1", has_body=True, is_variable=False, says_length=False):
    """A location inherits that there is no body, but not the fields that the block around it sets: each says both."""
    connection = "close" if version == "1.0" else '""'
    body = "proxy_pass_request_body on;" if has_body else 'proxy_pass_request_body off; proxy_set_header Content-Length "";'
    body += " proxy_set_header Content-Length $content_length;" if has_body and says_length else ""
    where = "set $to {up}; proxy_pass http://$to;" if is_variable else "proxy_pass http://{up};"
    return (f'{where} proxy_http_version {version}; proxy_set_header Connection {connection}; '
            f'proxy_set_header X-Do "{do}"; {body}')


def fastcgi(do):
    params = {"REQUEST_METHOD": "$request_method", "REQUEST_URI": "$request_uri", "CONTENT_LENGTH": "$content_length", "HTTP_X_DO": f'"{do}"'}
    return "fastcgi_pass {up}-fastcgi; fastcgi_keep_conn on; " + " ".join(f"fastcgi_param {name} {value};" for name, value in params.items())


def unique(nodes):
    """The first of each directive that may stand in a block only once."""
    found, left = set(), []
    for node in nodes:
        name = re.match(r"\w+", node if isinstance(node, str) else node[0])[0]
        key = node if name in ("mirror", "error_page") else name
        if isinstance(node, str) and (name not in REPEATED or name in ("mirror", "proxy_pass")) and str(key) in found:
            continue
        found.add(str(key))
        left.append(node)
    return left


def text(nodes, depth=2):
    """The tree as nginx reads it."""
    lines = []
    for node in nodes:
        if isinstance(node, str):
            lines.append("    " * depth + node)
        else:
            lines += ["    " * depth + node[0] + " {", *text(node[1], depth + 1), "    " * depth + "}"]
    return lines


def make(seed):
    return configuration(random.Random(seed))
