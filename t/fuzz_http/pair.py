"""Two nginx that differ in nothing but how they limit bodies: with client_max_body_size, and with limit_body."""

import contextlib
import pathlib

from limit_body import nginx
from limit_body.ports import free_ports

# What the locations' limits are, in bytes. 0 is no limit.
LIMITS = [0, 1, 10, 1000, 20000]

# How limit_body says it.
STYLES = {
    "fixed": "limit_body {limit};",
    "variable": "limit_body $limit_{limit};",
    "after": "limit_body {limit} after_auth;",
}

PROXY = "proxy_pass http://upstream;"

# What is done with a body: the rest of the location. {here} is the location's path, without the kind at its end.
KINDS = {
    "buffered": PROXY,
    "file": f"client_body_buffer_size 512; {PROXY}",
    "single": f"client_body_in_single_buffer on; {PROXY}",
    "clean": f"client_body_in_file_only clean; {PROXY}",
    "unbuffered": f"proxy_request_buffering off; {PROXY}",
    "old": f"proxy_request_buffering off; proxy_http_version 1.0; {PROXY}",
    "static": "alias {directory}/html/file.txt;",
    "missing": "alias {directory}/html/nothing;",
    "page": f"error_page 413 405 /file.txt; {PROXY}",
    "named": f"error_page 413 @named; {PROXY}",
    "status": f"error_page 413 =200 @named; {PROXY}",
    "proxied": f"error_page 413 @proxied; {PROXY}",
    "proxied-unbuffered": f"error_page 413 @proxied; proxy_request_buffering off; {PROXY}",
    "denied": "deny all;",
    "granted": f"auth_request /auth; {PROXY}",
    "mirrored": f"mirror /mirror; mirror_request_body off; {PROXY}",
    "tried": "try_files /nothing {here}/buffered;",
    "fallback": "try_files /nothing @upstream_{limit};",
    "accel": "proxy_pass http://upstream/accel;",
    "return": 'return 200 "returned\\n";',
    "rewritten": "rewrite ^ {here}/buffered last;",
}

# nginx holds its limit against a declared length when it has found the location; with after_auth, the module does when access
# has been granted.
BEFORE_PRECONTENT = {"denied"}

# nginx holds the limit of a subrequest's location, and of an error page's, against the same body once more, be it only the
# 1m that it has by itself; the module judges neither (docs/redirects.md).
UNJUDGED = "client_max_body_size 0;"

CONFIGURATION = """
{load}
worker_processes 1;
error_log error.log crit;
events {{ worker_connections 8000; }}
http {{
    access_log off;
    types {{ text/plain txt; }}
    keepalive_requests 1000000;
    # What a client does not send is not waited for long. In a second of nginx's own the module's clock is no other.
    client_header_timeout {silence};
    client_body_timeout {silence};
    keepalive_timeout {silence};
    lingering_timeout {silence};
    {drain}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    # A client that says it will send no more still wants its answer.
    proxy_ignore_client_abort on;
    upstream upstream {{ server unix:{directory}/upstream; keepalive 64; }}
    {maps}
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{h2_port}{h2};
        {http2}
        location / {{ return 404; }}
        location = /probe {{ return 200 "open\\n"; }}
        location = /file.txt {{ {unjudged} root {directory}/html; }}
        location = /auth {{ internal; {unjudged} proxy_pass_request_body off; proxy_set_header Content-Length ""; {proxy} }}
        location = /mirror {{ internal; {unjudged} proxy_set_header Content-Length ""; {proxy} }}
        location = /accelerated {{ internal; {unjudged} alias {directory}/html/file.txt; }}
        location @named {{ return 413 "too large\\n"; }}
        location @proxied {{ proxy_pass_request_body off; proxy_set_header Content-Length ""; {proxy} }}
        LOCATIONS
    }}
}}
"""


class Nginx(nginx.Nginx):
    """One of the two."""

    def __init__(self, program, module, silence):
        self.port, self.h2_port = free_ports(2)
        silence = f"{round(silence * 1000)}ms"
        h2, http2 = nginx.http2(program)
        # Where memory is watched: what nginx does wrong without the module is known (docs/reliability.md), and not looked for.
        super().__init__(
            program,
            CONFIGURATION.replace("LOCATIONS", locations(bool(module))),
            {} if module else {"MEMORY_WATCHED": "no"},
            load=f"load_module {pathlib.Path(module).resolve()};" if module else "",
            # The budget of a drain is longer than nginx's; here both are to give up at the same time.
            drain=f"limit_body_drain idle={silence};" if module else "",
            maps="".join(f'map "" $limit_{limit} {{ default {limit}; }} ' for limit in LIMITS) if module else "",
            unjudged="" if module else UNJUDGED,
            silence=silence,
            proxy=PROXY,
            port=self.port,
            h2_port=self.h2_port,
            h2=h2,
            http2=http2,
        )
        self.upstream = f"{self.directory}/upstream"
        (self.directory / "html").mkdir()
        (self.directory / "html" / "file.txt").write_text("a file\n")


def locations(with_module):
    text = []
    for limit in LIMITS:
        for style, directive in STYLES.items():
            for kind, rest in KINDS.items():
                here = f"/{style}/{limit}"
                ours = directive.format(limit=limit)
                before = BEFORE_PRECONTENT if style == "after" else set()
                plain = f"client_max_body_size {0 if kind in before else limit};"
                rest = rest.replace("{here}", here).replace("{limit}", str(limit))
                text.append(f"location = {here}/{kind} {{{{ {ours if with_module else plain} {rest} }}}}")
        named = f"limit_body {limit};" if with_module else f"client_max_body_size {limit};"
        text.append(f"location @upstream_{limit} {{{{ {named} {PROXY} }}}}")
    return "\n        ".join(text)


@contextlib.contextmanager
def running(program, module, silence):
    """Both of them, nginx alone first; they are stopped in the end. A client's silence is endured for so many seconds."""
    with Nginx(program, None, silence) as plain, Nginx(program, module, silence) as limited:
        for one in (plain, limited):
            one.start()
        yield [plain, limited]
