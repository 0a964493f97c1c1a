"""The locations that uploads are sent to, for each of the modules.

In their text stand

    max_body SIZE;      for "limit_body SIZE;", or "client_max_body_size SIZE;" where nginx is alone; "after_auth" may follow
    max_time TIME;      for "limit_body_timeout TIME;", or "client_body_timeout TIME;"
    HERE                for the location's own path
    UPSTREAM            for an upstream of its own that keeps connections, and tells what it is sent: method, declared length
                        and the length that came
    DIRECTORY           for a directory of its own

"received()" is Lua for the length of the body, after reading it.
"""

import dataclasses
import re

# Of each location's own limit, unless it says something else; and the bodies to be sent: within it, at it, and over it, as
# much as is read ahead, as fits into buffers, and more than does.
LIMIT = 10000
SIZES = [1000, LIMIT, LIMIT + 1, 300_000, 3_000_000]


@dataclasses.dataclass(eq=False)
class Location:
    name: str
    # What is in nginx.conf: the body of the location, and other locations.
    text: str
    others: str = ""
    method: str = "POST"
    # Of its requests, as words of a script; LENGTH is the length of the body.
    fields: str = "LENGTH"
    # Behind the path. {row} is different for each upload.
    target: str = ""
    # Asked for afterwards; as long as the answer has this in it, once more.
    after: str = ""
    passing: str = ""
    # Whether that is done while the client's connection is open: its end would end a script.
    stays: bool = False
    # What differs from one answer to the next.
    varies: str = ""
    # Where nginx alone gives no answer to some uploads, and where its worker ends or goes round in circles: why.
    hangs: str = ""
    loops: str = ""
    # Why nginx alone may neither close a connection nor answer on it.
    lingers: str = ""
    # Whether its clients send a part of a body, and no more.
    slow: bool = False

    def __post_init__(self):
        if self.name.startswith("modsecurity-"):
            self.lingers = "a body that is refused while ModSecurity waits for it: a request is counted once too often"

    def configuration(self, directive, time, directory):
        here, upstream = f"/{self.name}", f"http://upstream-{self.name}"
        text = f"location {'' if self.target.startswith('/') else '= '}HERE {{ {self.text} }}\n{self.others}"
        for word, value in [("HERE", here), ("UPSTREAM", upstream), ("DIRECTORY", str(directory)), ("max_time", time)]:
            text = text.replace(word, value)
        return re.sub(r"\bmax_body (\w+)( after_auth)?;", directive, text)


LOCATIONS = []


def add(name, text, others="", **options):
    LOCATIONS.append(Location(name, text, others, **options))


LIMITED = "max_body 10000;"
PROXY = "proxy_pass UPSTREAM;"
# A location that says what it sees of a body, and one that asks an upstream.
SAYS = 'content_by_lua_block { ngx.say("page ", ngx.var.content_length or "-", " ", received()) }'


def target(text, path="HERE-target", limit="0"):
    return f"location {path} {{ max_body {limit}; {text} }}"


# --- Lua: the body is read, or not, in each of the phases

add("lua-content-read", f'{LIMITED} content_by_lua_block {{ ngx.say("read ", received()) }}')
add("lua-content-unread", f'{LIMITED} content_by_lua_block {{ ngx.say("unread") }}')
add("lua-content-discard", f'{LIMITED} content_by_lua_block {{ ngx.req.discard_body() ngx.say("discarded") }}')
add("lua-content-eof", f'{LIMITED} content_by_lua_block {{ ngx.say("said") ngx.eof() ngx.sleep(0.05) }}')
add("lua-need-body", f'{LIMITED} lua_need_request_body on; content_by_lua_block {{ ngx.say("read ", received()) }}')
for phase in ["rewrite", "access"]:
    by = f"{phase}_by_lua_block"
    add(f"lua-{phase}-read", f"{LIMITED} {by} {{ ngx.req.read_body() }} {PROXY}")
    add(f"lua-{phase}-read-unlimited", f"max_body 0; {by} {{ ngx.req.read_body() }} {PROXY}")
    add(f"lua-{phase}-discard", f'{LIMITED} {by} {{ ngx.req.discard_body() }} content_by_lua_block {{ ngx.say("discarded") }}')
    add(f"lua-{phase}-discard-pass", f"{LIMITED} {by} {{ ngx.req.discard_body() }} {PROXY}",
        varies="(?<=upstream POST )(nothing|0)(?= 0)")

# A body that does not come, while it is read for a script before that runs, and by one that does something else, too.
for phase in ["rewrite", "access"]:
    add(f"lua-{phase}-slow", f"max_time 1s; lua_need_request_body on; {phase}_by_lua_block {{ ngx.ctx.was = 1 }} {PROXY}", slow=True)
add("lua-content-slow", """max_time 1s; content_by_lua_block {
    ngx.thread.spawn(function() ngx.req.read_body() end)
    ngx.location.capture("HERE-slow")
    ngx.say("said")
}""", "location = HERE-slow { internal; content_by_lua_block { ngx.sleep(3) } }", slow=True)

# The same by a script that would go on behind the answer.
add("lua-content-threads-slow", """max_time 1s; content_by_lua_block {
    local reading = ngx.thread.spawn(function() ngx.req.read_body() end)
    local other = ngx.thread.spawn(function() ngx.sleep(2) ngx.location.capture("HERE-slow") end)
    ngx.thread.wait(reading, other)
    ngx.say("said")
}""", "location = HERE-slow { internal; content_by_lua_block { ngx.sleep(3) } }", slow=True)

# The body is read from the connection, past nginx.
SOCKET = """
    local socket, error = ngx.req.socket()
    local length = 0
    while socket do
        local piece, error, part = socket:receive(4096)
        length = length + #(piece or part)
        if not piece then break end
    end
"""
add("lua-content-socket", f'{LIMITED} content_by_lua_block {{ {SOCKET} ngx.say(error or length) }}')
add("lua-access-socket", f'{LIMITED} access_by_lua_block {{ {SOCKET} ngx.say(error or length) ngx.exit(200) }}')
add("lua-rewrite-socket", f'{LIMITED} rewrite_by_lua_block {{ {SOCKET} ngx.ctx.is = error or length }}'
    ' content_by_lua_block { ngx.say(ngx.ctx.is) }')
add("lua-content-socket-500", f'{LIMITED} error_page 500 = @HERE-target; content_by_lua_block {{ ngx.req.socket():receive(50) ngx.exit(500) }}',
    target(PROXY, "@HERE-target", "10000"))
add("lua-access-socket-502", f'{LIMITED} error_page 502 = @HERE-target; access_by_lua_block {{ {SOCKET} ngx.exit(502) }}',
    target(PROXY, "@HERE-target", "10000"))
add("lua-content-socket-exec", f'{LIMITED} content_by_lua_block {{ {SOCKET} ngx.exec("@HERE-target") }}',
    'location @HERE-target { content_by_lua_block { ngx.say("read") } }')
add("lua-rewrite-socket-say", f'{LIMITED} rewrite_by_lua_block {{ {SOCKET} ngx.say(error or length) ngx.exit(200) }}')

# --- Lua: fields are added to a subrequest when the request has lost some

# The page of a refusal adds some, lets the mirror go on, and then says which of the client's fields there are. A body of declared
# length has no mirror.
FIELDS = """location @HERE-target { content_by_lua_block {
    local is_early = function() return ngx.now() < ngx.req.start_time() + 0.5 end
    while not package.loaded["HERE"] and is_early() do ngx.sleep(0.01) end
    for number = 1, 2 do ngx.req.set_header("X-Page-" .. number, "added") end
    local mirror = package.loaded["HERE"]
    package.loaded["HERE"] = nil
    while mirror and not mirror.is_over do ngx.sleep(0.01) end
    local fields = {}
    for name, value in pairs(ngx.req.get_headers(0)) do
        if name == "host" or name:find("^x%-%d") then table.insert(fields, name .. "=" .. value) end
    end
    table.sort(fields)
    ngx.say(table.concat(fields, " "))
} }
location = HERE-mirror { internal; rewrite_by_lua_block {
    local mirror = {}
    package.loaded["HERE"] = mirror
    -- An upload that is accepted has no page.
    while package.loaded["HERE"] == mirror and ngx.now() < ngx.req.start_time() + 0.5 do ngx.sleep(0.01) end
    for number = 1, 40 do ngx.req.set_header("X-Added-" .. number, "added") end
    mirror.is_over = true
    ngx.exit(204)
} }"""
# The field that announces a body is among the first 20, or the first of the next.
for name, number in [("lua-mirror-fields", 0), ("lua-mirror-fields-many", 19)]:
    fields = [f"x-{i}:{i}" for i in range(number + 19)]
    add(name, f"{LIMITED} mirror HERE-mirror; mirror_request_body off; error_page 413 @HERE-target; {PROXY}", FIELDS,
        fields=" ".join([*fields[:number], "LENGTH", *fields[number:]]))
# A script has removed the last of 20 before there was a mirror: the list counts on less room then.
add("lua-mirror-fields-last", f"""{LIMITED} mirror HERE-mirror; mirror_request_body off; error_page 413 @HERE-target; {PROXY}
    rewrite_by_lua_block {{ ngx.req.clear_header("Last") }}""", FIELDS,
    fields=" ".join(["LENGTH", *(f"x-{i}:{i}" for i in range(17)), "last:one"]))

# And to the page of a refusal, from which the last field of the client's has been removed.
add("lua-page-fields", f"{LIMITED} error_page 413 @HERE-target; {PROXY}", """location @HERE-target {
    rewrite_by_lua_block { ngx.req.clear_header("Host") ngx.req.set_header("X-Added", "added") }
    content_by_lua_block { ngx.say(ngx.var.http_host or "no host", " ", ngx.var.http_x_added) }
}""")

# And to one that has been answered, after a field that announces a body.
add("lua-page-fields-again", f"{LIMITED} error_page 413 @HERE-target; {PROXY}", """location @HERE-target {
    post_action @HERE-after;
    content_by_lua_block { ngx.req.clear_header("X-295") ngx.req.set_header("Content-Length", "5") ngx.say("page") }
}
location @HERE-after { return 204; }""", fields=" ".join(["LENGTH", *(f"x-{i}:{i}" for i in range(300))]))

# --- Lua: an answer is made before the body is read

for phase in ["rewrite", "access"]:
    by = f"{phase}_by_lua_block"
    for status in ["200", "204", "403", "503"]:
        add(f"lua-{phase}-exit-{status}", f"{LIMITED} {by} {{ ngx.exit({status}) }} {PROXY}")
    add(f"lua-{phase}-exit-444", f"{LIMITED} {by} {{ ngx.exit(444) }} {PROXY}", hangs="444 says so")
    add(f"lua-{phase}-redirect", f'{LIMITED} {by} {{ ngx.redirect("/elsewhere") }}')
    add(f"lua-{phase}-say", f'{LIMITED} {by} {{ ngx.say("said") ngx.exit(200) }}')
    add(f"lua-{phase}-say-403", f'{LIMITED} {by} {{ ngx.status = 403 ngx.say("no") ngx.exit(403) }}')
    add(f"lua-{phase}-say-on", f'{LIMITED} {by} {{ ngx.say("said") }} content_by_lua_block {{ ngx.say("and more") }}')
    add(f"lua-{phase}-error", f'{LIMITED} {by} {{ error("made for a test") }}')
    add(f"lua-{phase}-403-page", f"{LIMITED} error_page 403 HERE-page; {by} {{ ngx.exit(403) }}", target(SAYS, "= HERE-page"))
add("lua-after-auth-denied", "max_body 10000 after_auth; access_by_lua_block { ngx.exit(401) }")
add("lua-after-auth-login", 'max_body 10000 after_auth; access_by_lua_block { ngx.redirect("/login") }')
add("lua-after-auth-granted", f"max_body 10000 after_auth; access_by_lua_block {{ ngx.sleep(0.001) }} {PROXY}")
add("lua-after-auth-read", f"max_body 10000 after_auth; access_by_lua_block {{ ngx.req.read_body() }} {PROXY}")

# --- Lua: the body is read after the answer, or while it is made

SEES = "seen[ngx.var.arg_row] = received()"
for name, code in {
    "no-content": f"ngx.status = 204 ngx.send_headers() {SEES}",
    "no-content-late": f"ngx.status = 204 ngx.send_headers() ngx.sleep(0.02) {SEES}",
    "say": f'ngx.say("said") ngx.flush(true) {SEES}',
    "thread": f'local thread = ngx.thread.spawn(function() {SEES} end) ngx.say("said") ngx.eof() ngx.thread.wait(thread)',
}.items():
    here = f"lua-answer-then-read-{name}"
    add(here, f"max_body 10m; content_by_lua_block {{ {code} }}",
        'location = HERE-seen { content_by_lua_block { ngx.say(seen[ngx.var.arg_row] or "nothing yet") } }',
        target="?row={row}", after=f"/{here}-seen?row={{row}}", passing="nothing yet", stays=True)

# --- Lua: the request goes somewhere else

SAID = f'content_by_lua_block {{ ngx.say("target ", received()) }}'
for phase in ["rewrite", "access", "content"]:
    by = f"{phase}_by_lua_block"
    exec_ = f'{by} {{ ngx.exec("HERE-target") }}'
    add(f"lua-{phase}-exec-higher", f"{LIMITED} {exec_}", target(SAID))
    add(f"lua-{phase}-exec-lower", f"max_body 1m; {exec_}", target(SAID, limit="10000"))
    add(f"lua-{phase}-exec-named", f'max_body 1m; {by} {{ ngx.exec("@HERE-target") }}', target(SAID, "@HERE-target", "10000"))
    add(f"lua-{phase}-read-exec", f'max_body 1m; {by} {{ ngx.req.read_body() ngx.exec("HERE-target") }}',
        target(PROXY, limit="10000"))
add("lua-set-uri", f'{LIMITED} rewrite_by_lua_block {{ ngx.req.set_uri("HERE-target", true) }}', target(SAID))
add("lua-set-uri-lower", 'max_body 1m; rewrite_by_lua_block { ngx.req.set_uri("HERE-target", true) }',
    target(SAID, limit="10000"))
add("lua-read-set-uri-lower",
    'max_body 1m; rewrite_by_lua_block { ngx.req.read_body() ngx.req.set_uri("HERE-target", true) }',
    target(SAID, limit="10000"))
add("lua-read-rewrite-lower",
    'max_body 1m; rewrite_by_lua_block { ngx.req.read_body() ngx.req.set_uri("HERE-again", true) }',
    "location HERE-again { rewrite ^ HERE-target last; }\n" + target(SAID, limit="10000"))

# --- Lua: subrequests, and other bodies than the client's

CAPTURE = 'local answer = ngx.location.capture("HERE-target", {OPTIONS}) ngx.say(answer.status, " ", answer.body)'


def capture(options):
    return CAPTURE.replace("OPTIONS", options)


add("lua-capture-body", f'content_by_lua_block {{ {capture("method = ngx.HTTP_POST, body = string.rep([[x]], 100)")} }} {LIMITED}',
    target(PROXY, limit="10"))
add("lua-capture-forward", "max_body 10000; content_by_lua_block { ngx.req.read_body() "
    f'{capture("method = ngx.HTTP_POST, always_forward_body = true")} }}', target(PROXY, limit="10"))
add("lua-capture-get", f'{LIMITED} content_by_lua_block {{ ngx.req.read_body() {capture("method = ngx.HTTP_GET")} }}',
    target(PROXY, limit="10"))
add("lua-capture-unread", f'{LIMITED} content_by_lua_block {{ {capture("method = ngx.HTTP_GET")} }}', target(PROXY, limit="10"))
for phase in ["rewrite", "access"]:
    add(f"lua-{phase}-capture", f'{LIMITED} {phase}_by_lua_block {{ local answer = ngx.location.capture("HERE-target") }} {PROXY}',
        target(PROXY, limit="10"))
add("lua-set-body", f'{LIMITED} rewrite_by_lua_block {{ ngx.req.read_body() ngx.req.set_body_data("other") }} {PROXY}')
add("lua-set-larger-body",
    f'{LIMITED} rewrite_by_lua_block {{ ngx.req.read_body() ngx.req.set_body_data(string.rep("x", 20000)) }} {PROXY}')
add("lua-append-body", f"{LIMITED} access_by_lua_block {{ ngx.req.read_body() ngx.req.init_body() "
    f'ngx.req.append_body("other") ngx.req.finish_body() }} {PROXY}')

# --- Lua: filters, and pages of the refusal

RESETS = "what replaces an answer in a header filter is closed behind at once"
FILTERS = """
    header_filter_by_lua_block { ngx.header.content_length = nil }
    body_filter_by_lua_block { ngx.arg[1] = ngx.arg[1] and ngx.arg[1]:upper() }
"""
add("lua-filters", f"{LIMITED} {FILTERS} {PROXY}")
add("lua-filters-rewrite", f'{LIMITED} {FILTERS} rewrite_by_lua_block {{ ngx.say("said") ngx.exit(200) }}')
add("lua-filter-status", f"{LIMITED} header_filter_by_lua_block {{ if ngx.status == 413 then ngx.status = 422 end }} {PROXY}")
add("lua-filter-exit", f"{LIMITED} header_filter_by_lua_block {{ if ngx.status == 413 then ngx.exit(403) end }} {PROXY}", hangs=RESETS)
add("lua-log", f"{LIMITED} log_by_lua_block {{ local length = ngx.var.content_length }} {PROXY}")

for name, page in {
    "content": SAYS,
    "rewrite": 'rewrite_by_lua_block { ngx.say("page") ngx.exit(200) }',
    "exec": 'rewrite_by_lua_block { ngx.exec("HERE-target") }',
    "socket": f'content_by_lua_block {{ {SOCKET} ngx.say(length) }}',
    "capture": f'content_by_lua_block {{ {capture("method = ngx.HTTP_POST, always_forward_body = true")} }}',
    "capture-get": f'content_by_lua_block {{ {capture("method = ngx.HTTP_GET")} }}',
    "proxied": PROXY,
    "own-body": f"rewrite_by_lua_block {{ ngx.req.read_body() ngx.req.set_body_data('0123456789') }} {PROXY}",
    "own-piece": f"rewrite_by_lua_block {{ ngx.req.read_body() ngx.req.init_body(90) ngx.req.append_body('0123') ngx.req.finish_body() }} {PROXY}",
    "no-body": f"rewrite_by_lua_block {{ ngx.req.read_body() ngx.req.set_body_data('') ngx.sleep(0.02) }} {PROXY}",
}.items():
    others = f"location = HERE-page {{ internal; max_body 1m; {page} }} location = HERE-target {{ max_body 10; {PROXY} }}"
    add(f"lua-page-{name}", f"{LIMITED} error_page 413 HERE-page; {PROXY}", others)
    add(f"lua-page-200-{name}", f"{LIMITED} error_page 413 =200 HERE-page; {PROXY}", others)

# --- echo

add("echo-read", f'{LIMITED} echo_read_request_body; echo "read $content_length";')
add("echo-body", f"{LIMITED} echo_read_request_body; echo_request_body;")
add("echo-unread", f'{LIMITED} echo "unread";')
add("echo-status", f'{LIMITED} echo_status 404; echo "unread";')
add("echo-sleep", f'{LIMITED} echo_sleep 0.02; echo "slept";')
HANGS = dict(hangs="a subrequest beside a body of undeclared length that nobody has read, over HTTP/2")
add("echo-location", f"{LIMITED} echo_location HERE-target;", target(PROXY, limit="10"), **HANGS)
add("echo-read-location", f"{LIMITED} echo_read_request_body; echo_location HERE-target;", target(PROXY, limit="10"))
add("echo-location-async", f"{LIMITED} echo_location_async HERE-target; echo both;", target(PROXY, limit="10"), **HANGS)
add("echo-subrequest", f"{LIMITED} echo_subrequest POST HERE-target -b 'some twenty bytes of body';", target(PROXY, limit="10"),
    **HANGS)
add("echo-read-subrequest", f"{LIMITED} echo_read_request_body; echo_subrequest POST HERE-target -b 'some twenty bytes';",
    target(PROXY, limit="10"))
# For a subrequest without a body they would read it again, for ever.
add("echo-auth", f"{LIMITED} auth_request HERE-auth; {PROXY}", """location = HERE-auth { internal; echo_location_async HERE-log; echo ok; }
location = HERE-log { return 204; }""")
add("echo-footer", f"{LIMITED} proxy_request_buffering off; addition_types *; add_after_body HERE-footer; {PROXY}",
    """location = HERE-footer { internal; echo_location_async HERE-log; echo footer; }
location = HERE-log { return 204; }""", varies="(?<=upstream POST )(chunked|[0-9]+)(?= )")
add("echo-exec-higher", f"{LIMITED} echo_exec HERE-target;", target(SAID))
add("echo-exec-lower", "max_body 1m; echo_exec HERE-target;", target(SAID, limit="10000"))
add("echo-exec-named", "max_body 1m; echo_exec @HERE-target;", target(SAID, "@HERE-target", "10000"))
add("echo-around", f'{LIMITED} echo_before_body "before"; echo_after_body "after"; {PROXY}')
add("echo-page", f"{LIMITED} error_page 413 HERE-page; {PROXY}",
    'location = HERE-page { max_body 1m; echo_read_request_body; echo "page $content_length"; echo_request_body; }')
add("echo-page-location", f"{LIMITED} error_page 413 HERE-page; {PROXY}",
    f"location = HERE-page {{ max_body 1m; echo_location HERE-target; }} {target(PROXY, '= HERE-target')}",
    loops="a subrequest beside a body that nginx discards, and promises")

# --- perl

PERL = """perl 'sub {
    my $r = shift;
    my $say = sub { my $r = shift; $r->send_http_header("text/plain"); $r->print(@_, "\\n"); return 0; };
    BODY
}';"""
READS = """
    my $read = sub {
        my $r = shift;
        my $length = defined $r->request_body ? length $r->request_body : $r->request_body_file ? -s $r->request_body_file : 0;
        $r->send_http_header("text/plain"); $r->print("read $length\\n"); return 0;
    };
    return 0 if $r->has_request_body($read);
    return $say->($r, "no body");
"""


def perl(body):
    return PERL.replace("BODY", body).replace("\n", " ")


add("perl-read", LIMITED + perl(READS))
add("perl-unread", LIMITED + perl('return $say->($r, "unread");'))
add("perl-discard", LIMITED + perl('$r->discard_request_body; return $say->($r, "discarded");'))
add("perl-status", LIMITED + perl("return 403;"))
add("perl-redirect", LIMITED + perl('$r->internal_redirect("HERE-target"); return 0;'), target(SAID))
add("perl-redirect-lower", "max_body 1m;" + perl('$r->internal_redirect("HERE-target"); return 0;'), target(SAID, limit="10000"))
add("perl-page", f"{LIMITED} error_page 413 HERE-page; {PROXY}", target(perl(READS), "= HERE-page", "1m"))

# --- dav, dav-ext

DAV = "root DIRECTORY/files; dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK; " \
    "dav_ext_lock zone=locks; create_full_put_path on;"
add("dav-put", f"{LIMITED} {DAV}", method="PUT", target="/{row}", after="/{name}/{row}")
for method in ["MKCOL", "DELETE", "PROPFIND", "LOCK", "UNLOCK", "OPTIONS"]:
    add(f"dav-{method.lower()}", f"{LIMITED} {DAV}", method=method, target="/{row}" + ("/" if method == "MKCOL" else ""),
        varies=r"urn:uuid:[\w-]+")

# --- uploadprogress

TRACKS = "track_uploads progress 30s;"
TRACKED = dict(target="?X-Progress-ID={row}", after="/progress?X-Progress-ID={row}", passing='"uploading"')
add("progress-proxy", f"{LIMITED} {PROXY} {TRACKS}", **TRACKED)
add("progress-unbuffered", f"{LIMITED} proxy_request_buffering off; proxy_http_version 1.1; {PROXY} {TRACKS}", **TRACKED,
    # Whether the length is told is a question of what has come by then.
    varies=r"(?<=upstream POST )\w+")
add("progress-page", f"{LIMITED} error_page 413 HERE-page; {PROXY} {TRACKS}",
    f"location = HERE-page {{ max_body 1m; {PROXY} {TRACKS} }}", **TRACKED)
add("progress-denied", f"{LIMITED} deny all; {PROXY} {TRACKS}", **TRACKED)

# --- nchan

PUBLISHES = "nchan_publisher; nchan_channel_id $arg_id;"
# What it says has times in it.
PUBLISHED = dict(target="?id={row}", after="/channels?id={row}", varies=r"(?s)(?<=202 ).*|last requested.*")
add("nchan-publish", f"{LIMITED} {PUBLISHES}", **PUBLISHED)
add("nchan-upstream", f"{LIMITED} {PUBLISHES} nchan_publisher_upstream_request HERE-target;", target(PROXY, limit="10"), **PUBLISHED)
add("nchan-authorized", f"{LIMITED} {PUBLISHES} nchan_authorize_request HERE-target;", target(PROXY, limit="10"), **PUBLISHED)
add("nchan-page", f"{LIMITED} error_page 413 HERE-page; {PROXY}", f"location = HERE-page {{ max_body 1m; {PUBLISHES} }}", **PUBLISHED)

# --- ModSecurity

GUARDED = "modsecurity on; modsecurity_rules 'SecRuleEngine On \n SecRequestBodyAccess On \n RULE';"


def guarded(rule=""):
    return GUARDED.replace("RULE", rule)


def denies(phase, variable="REQUEST_METHOD", operator='"@streq POST"', action="deny,status:403"):
    return guarded(f'SecRule {variable} {operator} "id:{phase},phase:{phase},{action}"')


add("modsecurity-on", f"{LIMITED} {guarded()} {PROXY}")
add("modsecurity-unread", f'{LIMITED} {guarded()} return 200 "returned\\n";')
add("modsecurity-denies-1", f"{LIMITED} {denies(1)} {PROXY}")
add("modsecurity-denies-2", f"{LIMITED} {denies(2)} {PROXY}")
add("modsecurity-slow", f"max_time 1s; {guarded()} {PROXY}", slow=True)
add("modsecurity-redirects-1", f"{LIMITED} {denies(1, action='redirect:/elsewhere')} {PROXY}")
add("modsecurity-redirects-2", f"{LIMITED} {denies(2, action='redirect:/elsewhere')} {PROXY}")
add("modsecurity-denies-413", f"{LIMITED} {denies(3, 'RESPONSE_STATUS', chr(34) + '@streq 413' + chr(34))} {PROXY}", hangs=RESETS)
add("modsecurity-limit", f"{LIMITED} {guarded('SecRequestBodyLimit 5000 ' + chr(10) + ' SecRequestBodyLimitAction Reject')} {PROXY}")
add("modsecurity-page", f"{LIMITED} {guarded()} error_page 413 HERE-page; {PROXY}",
    f"location = HERE-page {{ max_body 1m; {guarded()} {SAYS} }}")
add("modsecurity-on-page", f"{LIMITED} error_page 413 HERE-page; {PROXY}",
    f"location = HERE-page {{ max_body 1m; {guarded()} {PROXY} }}", loops="it reads a body that nginx discards: a null pointer")
add("modsecurity-403-page", f"{LIMITED} {guarded()} deny all; error_page 403 HERE-page;",
    f"location = HERE-page {{ max_body 1m; {guarded()} {SAYS} }}")
# The page of an error that comes before the body is read, and reads it itself.
add("lua-403-read-page", f"{LIMITED} return 403; error_page 403 HERE-page;",
    f"location = HERE-page {{ max_body 20000; rewrite_by_lua_block {{ ngx.req.read_body() }} {PROXY} }}")
add("modsecurity-403-read-page", f"{LIMITED} return 403; error_page 403 HERE-page;",
    f"location = HERE-page {{ max_body 20000; {guarded()} {PROXY} }}")
add("modsecurity-exec", f'{LIMITED} {guarded()} rewrite_by_lua_block {{ ngx.exec("HERE-target") }}', target(f"{guarded()} {SAID}"))

# --- headers-more, subs-filter

add("headers-more-set", f"{LIMITED} more_set_headers -s 413 'Content-Type: text/plain'; more_clear_headers Server; {PROXY}")
add("headers-more-input", f"{LIMITED} more_set_input_headers 'X-Some: thing'; more_clear_input_headers Content-Type; {PROXY}")
# It gives the request a copy of a subrequest's header, when it adds a field that nginx knows. (Beside a mirror nginx alone may
# promise a byte less of a body in chunks then.)
add("headers-more-auth", f"{LIMITED} auth_request HERE-check; {PROXY}", """location = HERE-check {
    internal; more_set_input_headers 'Authorization: some'; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass UPSTREAM;
}""")
add("subs-filter", f"{LIMITED} subs_filter 413 'four-one-three'; subs_filter POST 'A POST'; subs_filter_types *; {PROXY}")
add("subs-filter-page", f"{LIMITED} error_page 413 HERE-page; {PROXY}",
    f"location = HERE-page {{ max_body 1m; subs_filter page PAGE; subs_filter_types *; {SAYS} }}")
