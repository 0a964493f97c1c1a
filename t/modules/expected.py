"""What is answered otherwise than with client_max_body_size, on purpose; see docs/redirects.md. Everything else has to be the
same.

Each line: locations, how the length is told, sizes ("over" and "within" are about LIMIT), protocols, the answer with the
module, and why. The first line that fits holds.
"""

import fnmatch
import typing

from locations import LIMIT

STAYS = "an error that is answered in the rewrite phase stays"
LEADS = "what the rewrite phase leads somewhere else is judged by where it leads"
ONCE = "a body that was judged and read is not judged again"
NEVER = "subrequests are not judged"
NAMED = "a named location's limit holds before the body is read, too"
PAGE = "the page of a refusal is not refused once more"
GONE = "a body that was dropped is none any more for whoever looks"
AFTER = "after_auth: access is checked first"
UNTOLD = "the page of an error is asked for without a body that no limit was held against"
LATER = "ModSecurity sees a request before it is refused, so it judges the refusal as well"
UNCAPTURED = "Lua captures nothing over HTTP/2"
IGNORED = "nchan ignores that a body is refused in the piece that came with the header: a question of time"
# Of an answer: there is none; and no matter.
NONE, ANY = "", "*"


class Difference(typing.NamedTuple):
    location: str
    length: str
    size: str
    protocol: str
    answer: str
    why: str

    def fits(self, row):
        sizes = {"any", str(row.size), "over" if row.size > LIMIT else "within"}
        if row.size > LIMIT:
            sizes.add("over, to 1m" if row.size < 1 << 20 else "over 1m")
        return (
            fnmatch.fnmatchcase(row.location.name, self.location)
            and self.length in ("any", row.length)
            and self.size in sizes
            and fnmatch.fnmatchcase(row.protocol, self.protocol)
        )


REFUSED = "413 <413 Request Entity Too Large>"

DIFFERENCES = [Difference(*line) for line in [
    ("lua-content-slow", "any", "any", "h2", "500 <500 Internal Server Error>", UNCAPTURED),
    ("lua-rewrite-exit-403", "declared", "over", "*", "403 <403 Forbidden>", STAYS),
    ("lua-rewrite-exit-503", "declared", "over", "*", "503 <503 Service Temporarily Unavailable>", STAYS),
    ("lua-rewrite-exit-444", "declared", "over", "*", NONE, STAYS),
    ("lua-rewrite-say-403", "declared", "over", "*", "403 no", STAYS),
    ("lua-rewrite-error", "declared", "over", "*", "500 <500 Internal Server Error>", STAYS),
    ("lua-rewrite-403-page", "declared", "over", "*", "403 page - 0", STAYS),
    ("lua-*-403-page", "chunked", "any", "*", "403 page - 0", UNTOLD),
    # Lua has neither over HTTP/2.
    ("lua-rewrite-socket*", "declared", "over", "h2", "500 <500 Internal Server Error>", STAYS),
    ("lua-rewrite-capture", "declared", "over", "h2", "500 <500 Internal Server Error>", STAYS),
    ("modsecurity-denies-1", "declared", "over", "*", "403 <403 Forbidden>", STAYS),

    ("lua-rewrite-exec-higher", "declared", "over", "*", "200 target {size}", LEADS),
    ("lua-set-uri", "declared", "over", "*", "200 target {size}", LEADS),
    ("modsecurity-exec", "declared", "over", "*", "200 target {size}", LEADS),
    ("lua-*-read-exec", "any", "over, to 1m", "*", "200 upstream POST {size} {size}", ONCE),
    ("*-exec-named", "declared", "over, to 1m", "*", REFUSED, NAMED),

    ("lua-after-auth-denied", "declared", "over", "*", "401 <401 Authorization Required>", AFTER),
    ("lua-after-auth-login", "declared", "over", "*", "302 <302 Found>", AFTER),

    ("lua-capture-body", "any", "within", "h1*", "200 200 upstream POST 100 100", NEVER),
    # Nobody reads the client's own.
    ("lua-capture-body", "chunked", "over", "h1*", "200 200 upstream POST 100 100", NEVER),
    ("lua-capture-forward", "any", "within", "h1*", "200 200 upstream POST {size} {size}", NEVER),
    ("echo-location", "any", "within", "*", "200 upstream GET {size} {size}", NEVER),
    ("echo-location-async", "any", "within", "*", "200 upstream GET {size} {size}\\nboth", NEVER),
    ("echo-read-location", "any", "within", "*", "200 upstream GET {size} {size}", NEVER),
    ("echo-subrequest", "any", "within", "*", "200 upstream POST 25 25", NEVER),
    ("echo-read-subrequest", "any", "within", "*", "200 upstream POST 17 17", NEVER),
    ("nchan-upstream", "any", "within", "*", "202 ...", NEVER),

    ("nchan-*", "chunked", "over", "h1*", ANY, IGNORED),

    # nginx alone announces it to the upstream, which waits for it in vain, unless all of it came with the header.
    ("lua-*-discard-pass", "declared", "within", "*", "200 upstream POST ... 0", GONE),
    ("lua-*-discard-pass", "chunked", "any", "*", "200 upstream POST ... 0", GONE),
    ("lua-page-content", "any", "over", "*", "413 page - 0", GONE),
    ("lua-page-200-content", "any", "over", "*", "200 page - 0", GONE),
    ("lua-page-proxied", "any", "over", "*", "413 upstream GET nothing 0", GONE),
    ("lua-page-200-proxied", "any", "over", "*", "200 upstream GET nothing 0", GONE),
    ("lua-page-exec", "any", "over", "*", "413 upstream GET nothing 0", GONE),
    ("lua-page-200-exec", "any", "over", "*", "200 upstream GET nothing 0", GONE),
    ("lua-page-socket", "any", "over", "h1*", "413 0", GONE),
    ("lua-page-200-socket", "any", "over", "h1*", "200 0", GONE),
    ("lua-page-capture", "any", "over", "h1*", "413 200 upstream POST nothing 0", GONE),
    ("lua-page-200-capture", "any", "over", "h1*", "200 200 upstream POST nothing 0", GONE),
    ("lua-page-capture-get", "any", "over", "h1*", "413 200 upstream GET nothing 0", GONE),
    ("lua-page-200-capture-get", "any", "over", "h1*", "200 200 upstream GET nothing 0", GONE),
    # Lua does not replace a body that nginx has not read to its end.
    ("lua-page-own-body", "any", "over", "*", "413 upstream GET 10 10", GONE),
    ("lua-page-200-own-body", "any", "over", "*", "200 upstream GET 10 10", GONE),
    ("lua-page-own-piece", "any", "over", "*", "413 upstream GET 4 4", GONE),
    ("lua-page-200-own-piece", "any", "over", "*", "200 upstream GET 4 4", GONE),
    ("lua-page-no-body", "any", "over", "*", "413 upstream GET 0 0", GONE),
    ("lua-page-200-no-body", "any", "over", "*", "200 upstream GET 0 0", GONE),
    # Lua has neither over HTTP/2.
    ("lua-page*-socket", "any", "over", "h2", "500 <500 Internal Server Error>", PAGE),
    ("lua-page*-capture*", "any", "over", "h2", "500 <500 Internal Server Error>", PAGE),
    ("lua-page-rewrite", "declared", "over 1m", "*", "413 page", PAGE),
    ("lua-page-200-rewrite", "declared", "over 1m", "*", "200 page", PAGE),
    ("echo-page", "any", "over", "*", "413 page", GONE),
    ("echo-page-location", "any", "over", "*", "413 upstream GET nothing 0", GONE),
    ("perl-page", "any", "over", "*", "413 no body", GONE),
    ("progress-page", "any", "over", "*", "413 upstream GET nothing 0", GONE),
    ("modsecurity-page", "any", "over", "*", "413 page - 0", GONE),
    ("modsecurity-on-page", "any", "over", "*", "413 upstream GET nothing 0", GONE),
    ("subs-filter-page", "any", "over", "*", "413 PAGE - 0", GONE),
    ("nchan-page", "declared", "over 1m", "*", "413", PAGE),

    ("modsecurity-denies-413", "declared", "over", "*", "403 <403 Forbidden>", LATER),
]]
