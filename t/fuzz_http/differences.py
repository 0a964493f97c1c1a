"""What differs between nginx's limit and the module's on purpose. Everything else that differs is a bug.

Each difference has a name, and takes what nginx alone did and what the module did one step closer to each other, where its
condition holds and nowhere else. What is left must be the same to the last byte.
"""

import re
import typing

from .play import BODY, GIVEN_UP, HEAD, PROBE, Answer, Play


class Request(typing.NamedTuple):
    """A request of a script, as far as the client knows."""

    method: str
    style: str
    limit: int
    kind: str
    is_chunked: bool
    # HTTP/1.x: all that comes behind its header. Where a body ends is not for the client to say.
    body: bytes


def requests(script):
    found = []
    if script["protocol"] == "h2":
        for atom in script["atoms"]:
            if atom[0] == "headers":
                fields = dict(atom[2])
                found.append(request(fields[":method"], fields[":path"], False, b""))
        return found
    behind = PROBE if script["end"] == "probe" else b""
    for atom in reversed([atom for atom in written(script["atoms"]) if atom != "!"]):
        if atom == "?":
            # What is behind a wait is sent when there is an answer: to a request without one it does not belong.
            behind = b""
            continue
        text = "" if isinstance(atom, bytes) else atom.replace("⏸", "")
        if HEAD.match(text):
            head, _, body = text.partition("\r\n\r\n")
            is_chunked = bool(re.search(r"\ntransfer-encoding:\s*chunked", head, re.I))
            found.append(request(*head.split(" ", 2)[:2], is_chunked, body.encode("latin-1") + behind))
        behind = (atom if isinstance(atom, bytes) else text.encode("latin-1")) + behind
    return found[::-1]


def written(atoms):
    """The atoms of a script over HTTP/1.x, each number as the bytes that the client sends for it."""
    body = 0
    for atom in atoms:
        if isinstance(atom, int):
            atom, body = BODY[body : body + atom], body + atom
        elif HEAD.match(atom.replace("⏸", "")):
            body = 0
        yield atom


def request(method, target, is_chunked, body):
    style, limit, kind = target[1:].split("/")
    return Request(method, style, int(limit), kind, is_chunked, body)


class Chunks(typing.NamedTuple):
    """What becomes of a chunked body."""

    # The most that was ever announced: what had come and what a chunk's header says, also the first digits of that.
    announced: int
    # The same where the first byte of that chunk came too: nginx looks no earlier.
    begun: int
    # Whether it ended as it has to; None if it is, or may be, no chunked body.
    is_whole: bool | None


# More is no number to nginx: 2^63-1, less what ends a body.
LARGEST_CHUNK = (1 << 63) - 1 - 5


def chunks(body):
    """Reads a chunked body. A line that ends with LF alone is one to nginx 1.28, and none to nginx 1.30: with such a
    line a body may be malformed."""
    come = announced = begun = 0
    at = 0
    bare = False

    def read(is_whole):
        return Chunks(announced, begun, None if bare else is_whole)

    while True:
        line = re.compile(rb"[0-9A-Fa-f]+(?:[ \t;][^\r\n]*)?(\r?)\n").match(body, at)
        digits = re.compile(rb"[0-9A-Fa-f]+").match(body, at)
        size = int(digits[0], 16) if digits else 0
        announced = max(announced, come + size)
        if size > LARGEST_CHUNK:
            return read(None)
        if not line:
            rest = body[at:]
            is_cut = re.fullmatch(rb"[0-9A-Fa-f]*(?:[ \t;][^\r\n]*)?\r?", rest)
            return read(False if is_cut else None)
        bare = bare or not line[1]
        at = line.end()
        if size == 0:
            end = re.compile(rb"(?:[^\r\n:\0]+:[^\r\n\0]*\r?\n)*\r?\n").match(body, at)
            bare = bare or bool(end and re.search(rb"(?<!\r)\n", end[0]))
            return read(True if end else None)
        if at < len(body):
            begun = max(begun, come + size)
        if body[at + size :] in (b"", b"\r"):
            return read(False)
        come += size
        at += size
        end = re.compile(rb"(\r?)\n").match(body, at)
        if not end:
            return read(None)
        bare = bare or not end[1]
        at = end.end()


class Case(typing.NamedTuple):
    script: dict
    requests: list
    plain: Play
    limited: Play

    def with_both(self, change):
        return self._replace(plain=change(self.plain), limited=change(self.limited))


def open_streams(case):
    """HTTP/2: nginx ends a stream with its answer if the client has not (RST_STREAM, NO_ERROR); the module lets the client
    end it. What a client that has been answered does to its stream then is its own affair."""
    if case.script["protocol"] != "h2":
        return case

    def ended(play):
        answers = list(play.answers)
        for i, (one, answer) in enumerate(zip(case.plain.answers, answers)):
            if one.end.startswith("ended, reset: 0") and answer.end.startswith("ended"):
                answers[i] = answer._replace(end="ended")
        return play._replace(answers=answers)

    return case.with_both(ended)


def unfinished(case):
    """A request that is not passed on whole: how much of it an upstream has seen by then, if anything, is a question of what
    nginx has read by when."""
    return case.with_both(lambda play: play._replace(upstream=[seen for seen in play.upstream if seen.is_whole]))


def impatience(case):
    """A client that closes without waiting, or resets a stream: how far nginx came is a question of time. So it is enough if
    one has come as far as the other, or further."""
    one, other = case.plain, case.limited
    is_close = case.script["end"] == "close"
    if case.script["protocol"] == "h2":
        given_up = [is_close or a.end.endswith(GIVEN_UP) for a in other.answers]
        answers = [
            b if is_given_up and (a == b or not (a.end.startswith("ended") and b.end.startswith("ended"))) else a
            for is_given_up, a, b in zip(given_up, one.answers, other.answers)
        ]
        if not any(given_up):
            return case
    elif is_close:
        shorter = min(len(one.answers), len(other.answers))
        answers = other.answers if one.answers[:shorter] == other.answers[:shorter] else one.answers
        one = one._replace(end=other.end)
    else:
        return case
    fewer, more = sorted([one.upstream, other.upstream], key=len)
    is_part = all(fewer.count(seen) <= more.count(seen) for seen in fewer)
    return case._replace(plain=one._replace(answers=answers, upstream=other.upstream if is_part else one.upstream))


def mirrors(case):
    """A client that stops in the middle of a body: whether the mirror has been asked when nginx gives it up is a question of
    time."""
    if case.script["end"] == "probe" or not any(request.kind == "mirrored" for request in case.requests):
        return case
    return case.with_both(
        lambda play: play._replace(upstream=[seen for seen in play.upstream if " /mirror " not in seen.head])
    )


class Last(typing.NamedTuple):
    """A request over HTTP/1.x that is the last one on its connection, and was answered differently."""

    request: Request
    # None if the body is not in chunks.
    body: Chunks | None
    # The answers; None for none.
    plain: Answer | None
    limited: Answer | None

    @staticmethod
    def of(case):
        if case.script["protocol"] != "h1":
            return None
        one, other = finals(case.plain), finals(case.limited)
        same = 0
        while same < min(len(one), len(other)) and one[same] == other[same]:
            same += 1
        if max(len(one), len(other)) != same + 1 or same >= len(case.requests):
            return None
        request = case.requests[same]
        if not request.limit:
            return None
        body = chunks(request.body) if request.is_chunked else None
        return Last(request, body, *(answers[same] if answers[same:] else None for answers in (one, other)))

    def accept(self, case):
        """Takes what the module made of it for what nginx made of it."""
        pages = case.limited if self.request.kind.startswith("proxied") else case.plain
        return case._replace(plain=Play(case.limited.answers, case.limited.end, pages.upstream))


def finals(play):
    return [answer for answer in play.answers if not 100 <= answer.status < 200]


def is_refusal(request, answer):
    if answer is None:
        return False
    is_page = answer.body == (b"" if request.method == "HEAD" else b"too large\n")
    return answer.status == 413 or (request.kind == "status" and answer.status == 200 and is_page)


def announced_only(case):
    """Chunked: the module refuses as soon as a chunk's header says too much; nginx waits for the first byte behind that.
    Where it never comes, or the header turns out to be none, it is not nginx's limit that ends it."""
    last = Last.of(case)
    if not last or not last.body or not is_refusal(last.request, last.limited):
        return case
    if last.body.announced <= last.request.limit:
        return case
    is_malformed = last.body.is_whole is None and last.plain is not None and last.plain.status == 400
    is_cut_off = last.body.begun <= last.request.limit and last.plain is None
    return last.accept(case) if is_malformed or is_cut_off else case


def malformed_behind(case):
    """Chunked: nginx looks at each chunk as it parses it, the module when all that has been read is parsed. A body that goes
    over the limit and is malformed behind that, in one piece, is too large to nginx and malformed to the module."""
    last = Last.of(case)
    if not last or not last.body or not is_refusal(last.request, last.plain):
        return case
    if not last.limited or last.limited.status != 400:
        return case
    return last.accept(case) if last.body.begun > last.request.limit and last.body.is_whole is None else case


def access_first(case):
    """With after_auth access is checked before the limit is held against the body; nginx's limit is first in any case."""
    if not any(request.style == "after" and request.kind == "granted" for request in case.requests):
        return case
    return case.with_both(
        lambda play: play._replace(upstream=[seen for seen in play.upstream if not seen.head.startswith("GET /auth ")])
    )


def invited(case):
    """`return` has the body discarded, and sends `100 Continue` for that, before its answer is made; only then is it judged."""
    if not any(request.kind == "return" for request in case.requests):
        return case
    return case.with_both(lambda play: play._replace(answers=finals(play)))


OWN_PAGE = b"<center>nginx/"


def unanswered_page(case):
    """nginx alone may not answer where a body is refused as it comes, and the error page is proxied too: it goes on to read
    the body meanwhile. Or what it reads then is malformed, and it answers that: also where the module saw no more than that
    there is too much, and the other way round. Or it refuses that too, with the page that it has itself."""
    one, other = case.plain, case.limited
    if case.script["protocol"] == "h2":
        if one.end != "silent":
            return case
        answers = list(one.answers)
        for i, (request, a, b) in enumerate(zip(case.requests, one.answers, other.answers)):
            if request.kind == "proxied-unbuffered" and not a.status and not a.end and is_refusal(request, b):
                answers[i] = b
        if answers == one.answers:
            return case
        # It has waited for that one in vain, and tried no further.
        answers += other.answers[len(answers) :]
        is_part = all(seen in other.upstream for seen in one.upstream)
        return case._replace(plain=Play(answers, other.end, other.upstream if is_part else one.upstream))
    last = Last.of(case)
    if not last or not last.request.kind.startswith("proxied"):
        return case
    if last.body and last.body.announced <= last.request.limit:
        return case
    is_lost = last.plain is None or last.plain.status == 400 or (last.plain.status == 413 and OWN_PAGE in last.plain.body)
    is_malformed = last.body and last.body.is_whole is None and last.limited is not None and last.limited.status == 400
    return last.accept(case) if is_lost and (is_refusal(last.request, last.limited) or is_malformed) else case


def unwanted_page(case):
    """Chunked: nginx alone asks for the error page of a body that is too large, finds it malformed while it waits, and
    answers that. The module finds it malformed first."""
    one, other = case.plain, case.limited
    answers = finals(one)
    if case.script["protocol"] != "h1" or one.answers != other.answers or not 0 < len(answers) <= len(case.requests):
        return case
    request = case.requests[len(answers) - 1]
    if answers[-1].status != 400 or not request.kind.startswith("proxied") or not request.is_chunked:
        return case
    body = chunks(request.body)
    is_too_large = 0 < request.limit < body.announced and body.is_whole is None
    is_one_more = len(one.upstream) == len(other.upstream) + 1 and all(seen in one.upstream for seen in other.upstream)
    if is_too_large and is_one_more:
        return case._replace(plain=one._replace(upstream=other.upstream))
    return case


def resets(case):
    """A connection that nginx closes while something is unread, or still coming, is reset, and the client may lose answers.
    The module keeps that from happening, or reads more before it closes."""
    one, other = case.plain, case.limited
    is_spared = one.end == "reset" and other.end == "closed" and one.answers == other.answers[: len(one.answers)]
    is_last = other.answers and "Connection: close" in other.answers[-1].header
    if is_spared and (is_last or one.answers == other.answers):
        return case._replace(plain=one._replace(answers=other.answers, end=other.end))
    return case


DIFFERENCES = [
    open_streams,
    unfinished,
    access_first,
    invited,
    # Before what it left unanswered is taken for a client's impatience.
    unanswered_page,
    unwanted_page,
    impatience,
    mirrors,
    announced_only,
    malformed_behind,
    resets,
]


def unexplained(script, plain, limited):
    """What is left of the difference between the two: None, or the two as far as they should be the same; and the names of
    the differences that there were."""
    case = Case(script, requests(script), plain, limited)
    names = []
    for difference in DIFFERENCES:
        if case.plain == case.limited:
            break
        changed = difference(case)
        if (changed.plain, changed.limited) != (case.plain, case.limited):
            names.append(difference.__name__)
        case = changed
    return (None if case.plain == case.limited else (case.plain, case.limited)), names
