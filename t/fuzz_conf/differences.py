"""What a client may see otherwise with limit_body than with client_max_body_size in its place (plain.py). All else that differs
is a bug.

Each difference has a name and a condition: what there is in the configuration, and what the two have answered. They are
coarse: a configuration with a word in it that excuses a status excuses that status everywhere. What they leave is enough to
see a limit that is not there, a body that is lost, an answer that never comes.
"""

import re


class Pair:
    """One request's answers: without the module, and with it. None: there was none."""

    def __init__(self, text, plain, limited):
        self.text, self.plain, self.limited = text, plain, limited
        self.statuses = (plain and plain.status, limited and limited.status)

    def has(self, pattern):
        return re.search(pattern, self.text)


def other_status(pair):
    """limit_body_status and limit_body_dry_run have nothing that is like them in nginx."""
    return pair.has("limit_body_status|limit_body_dry_run on") and 413 in pair.statuses


def timed_out(pair):
    """nginx alone lets an upload take its time."""
    return pair.has(r"limit_body_timeout \d") and (408 in pair.statuses or pair.has("error_page [^;]*408"))


def announced(pair):
    """nginx alone knows of no length but Content-Length."""
    return pair.has("limit_body [^;]*length=") and (pair.has("error_page") or (pair.limited and pair.limited.status >= 400))


def counters(pair):
    """What counts something shows other figures each time."""
    return pair.has("limit_body_metrics|stub_status") and 200 in pair.statuses


def counted(pair):
    """Refused uploads count in limit_req: nginx's own limit comes before that. What limit_conn counts is a question of time."""
    return pair.has("limit_req|limit_conn") and 503 in pair.statuses


def later(pair):
    """nginx judges a declared length when it has found a location, the module behind its rewrite directives: what these
    answer with 4xx or 5xx stays, and what they lead to is judged there. nginx's 413 may have a page of another status."""
    is_refused = 413 in pair.statuses or pair.has(r"error_page [^;]*\b413\b")
    return is_refused and pair.has(r"(?m)^\s*(return|rewrite|if|try_files|internal)\b")


def access_first(pair):
    """after_auth: 401 and 403 instead of 413."""
    return pair.statuses[0] == 413 and pair.has("after_auth") and pair.has("deny|auth_request|limit_except")


def pages(pair):
    """A page of an error, and an error that is handed over: nginx judges again where that leads, or not at all in a named
    location; with the module there is one refusal, and no page becomes one."""
    return pair.has("error_page|X-Accel|accel=") and (413 in pair.statuses or 400 in pair.statuses)


def subrequests(pair):
    """nginx judges a subrequest as well, by the limit of its location; the module does not."""
    if pair.has("auth_request") and pair.statuses[0] in (500, 401, 403):
        return True
    return pair.has("ssi on|add_before_body|add_after_body") and pair.plain and b"413" in pair.plain.body


def spared(pair):
    """A connection that nginx resets, with an answer on the way: the client may lose it."""
    return pair.plain is None and pair.limited is not None


def budget(pair):
    """A drain with a budget ends before the client does."""
    return pair.limited is None and pair.has("limit_body_drain (off|.*(bytes|conns|time|rate)=)|lingering_")


def cached(pair):
    """Whose answer is kept is a question of who was first."""
    return pair.has("proxy_cache ")


def gone(pair):
    """A body that is refused has no length for anybody, a configuration that asks for it among them."""
    return pair.has(r"\$content_length") and pair.has("error_page")


def answered(pair):
    """An upstream that answers, and closes before it has read the body: nginx alone makes that 502, and what an error_page has
    for 502, if it comes to write more before it reads."""
    return pair.has('X-Do "gone') and (502 in pair.statuses or pair.has("error_page"))


DIFFERENCES = [
    other_status, timed_out, announced, counters, counted, later, access_first, pages, subrequests, spared, budget, cached, gone, answered,
]


def shown(answer):
    return answer and (answer.status, answer.body)


def unexplained(text, plain, limited):
    """The first answers that differ for no reason: None, or the two; and the names of the reasons."""
    names = []
    for i in range(max(len(plain), len(limited))):
        one, other = (answers[i] if i < len(answers) else None for answers in (plain, limited))
        if shown(one) == shown(other):
            continue
        pair = Pair(text, one, other)
        why = [difference.__name__ for difference in DIFFERENCES if difference(pair)]
        if not why:
            return (one, other), names
        # What comes after a difference differs by it.
        return None, names + why[:1]
    return None, names
