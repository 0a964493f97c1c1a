"""An upstream that takes requests as strictly as their framing tells it to, and records what it was asked.

    upstream.py DIRECTORY REQUESTS

Listens on sockets in the directory: "http", where connections are kept, "fastcgi", "uwsgi" and "scgi". Prints "ready", waits
until its standard input ends, then until it has seen so many requests, and prints one line for each, in the order in which
they came to their end:

    METHOD TARGET none              with no length, and so no body
    METHOD TARGET 40                with a Content-Length, and a body that long
    METHOD TARGET chunked 40        with a body in chunks
    METHOD TARGET 0 of 40           with a body that ended before its time; "?" in place of 40 for chunks
    broken: TEXT                    with something that is no request
    cut: METHOD TARGET              whoever asked did not wait for the answer
    fastcgi METHOD TARGET "40" 40   the same over FastCGI, uwsgi and SCGI: CONTENT_LENGTH, and how much came

The answer is "ok", once the body is there; below /early at once when the header is, and the body, if one was promised, is
waited for after that. A target may have arguments: "status" of the answer, "pause" in seconds before it, "accel" for its
X-Accel-Redirect, "text" for its body (with "+" for a space, and "<" and ">"); below /early, "after" so many bytes of a body
with a Content-Length.
"""

import asyncio
import os
import pathlib
import re
import sys
import urllib.parse

from limit_body import cgi

PATIENCE = float(os.environ.get("TEST_PATIENCE", 10))

REQUEST = re.compile(r"[A-Z]+ \S+ HTTP/1\.[01]$")
FIELD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: ?[^\r\n]*$")


class Broken(Exception):
    """What came is no request."""


class Request:
    def __init__(self, method, target, name=""):
        self.asked = f"{method} {target}"
        self.method, self.target, self.name = method, target, name
        # What the body is to be, and how much of it has come.
        self.promise, self.came, self.is_whole = "none", 0, False

    def shown(self):
        if self.name:
            return f'{self.name} {self.asked} "{self.promise}" {self.came}' + ("" if self.is_whole else " unfinished")
        if not self.is_whole:
            return f"{self.asked} {self.came} of {'?' if self.promise == 'chunked' else self.promise}"
        return f"{self.asked} {self.promise}" + (f" {self.came}" if self.promise == "chunked" else "")

    def arguments(self):
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.target).query))

    async def answer(self):
        """The answer's status, fields and body."""
        arguments = self.arguments()
        await asyncio.sleep(float(arguments.get("pause", 0)))
        fields = {"Content-Type": "text/plain"}
        if "accel" in arguments:
            fields["X-Accel-Redirect"] = arguments["accel"]
        return arguments.get("status", "200"), fields, arguments.get("text", "ok").encode() + b"\n"

    def is_early(self):
        return self.target.startswith("/early")


class Upstream:
    def __init__(self, directory):
        self.directory = directory
        # What has come to its end, what has not, and how many answers are about to be given.
        self.seen, self.open, self.answering = [], [], 0

    async def start(self):
        for serve in (self.http, self.fastcgi, self.uwsgi, self.scgi):
            path = f"{self.directory}/{serve.__name__}"
            await asyncio.start_unix_server(lambda *streams, serve=serve: self.connection(serve, *streams), path)
            # The worker may be somebody else.
            os.chmod(path, 0o666)

    async def connection(self, serve, reader, writer):
        try:
            await serve(reader, writer)
        except Broken as error:
            self.seen.append(f"broken: {error}")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def begin(self, request):
        self.open.append(request)
        return request

    def end(self, request, is_whole=True):
        request.is_whole = is_whole
        self.open.remove(request)
        self.seen.append(request.shown())

    async def take(self, reader, request, length):
        """Takes so much of a body."""
        while length:
            piece = await reader.read(min(length, 65536))
            if not piece:
                self.end(request, False)
                raise ConnectionError
            length -= len(piece)
            request.came += len(piece)

    # HTTP/1.x

    async def http(self, reader, writer):
        while True:
            request = await self.head(reader)
            if request is None:
                return
            if request.is_early():
                await self.take(reader, request, int(request.arguments().get("after", 0)))
                await self.answer(request, reader, writer)
            await self.body(reader, request)
            self.end(request)
            if not request.is_early():
                await self.answer(request, reader, writer)

    async def head(self, reader):
        """The next request, when its header is there; None if there is none."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise Broken(error.partial[:60]) from None
            return None
        line, *fields = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        if not REQUEST.match(line) or not all(FIELD.match(field) for field in fields):
            raise Broken(head[:60])
        method, target, _ = line.split(" ")
        values = [(name.lower(), value.strip()) for name, value in (field.split(":", 1) for field in fields)]
        lengths = [value for name, value in values if name == "content-length"]
        codings = [value for name, value in values if name == "transfer-encoding"]
        if len(lengths) + len(codings) > 1 or not all(re.fullmatch(r"\d+", length) for length in lengths):
            raise Broken(f"{line}: lengths {lengths}, codings {codings}")
        request = self.begin(Request(method, target))
        request.promise = lengths[0] if lengths else "chunked" if codings else "none"
        return request

    async def body(self, reader, request):
        if request.promise == "none":
            return
        if request.promise != "chunked":
            await self.take(reader, request, int(request.promise) - request.came)
            return
        while length := await self.chunk(reader, request):
            await self.take(reader, request, length)
            if await reader.readexactly(2) != b"\r\n":
                raise Broken(f"{request.asked}: a chunk without an end")
        if await reader.readexactly(2) != b"\r\n":
            raise Broken(f"{request.asked}: chunks without an end")

    async def chunk(self, reader, request):
        line = await reader.readline()
        if not line:
            self.end(request, False)
            raise ConnectionError
        if not re.fullmatch(rb"[0-9a-f]+\r\n", line):
            raise Broken(f"{request.asked}: {line[:60]} for a chunk")
        return int(line, 16)

    async def answer(self, request, reader, writer):
        self.answering += 1
        status, fields, body = await request.answer()
        self.answering -= 1
        if reader.at_eof():
            self.seen.append(f"cut: {request.asked}")
        lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in fields.items())]
        has_body = status not in ("204", "304")
        lines += [f"Content-Length: {len(body)}"] if has_body else []
        writer.write("\r\n".join([*lines, "", ""]).encode() + (body if has_body and request.method != "HEAD" else b""))
        await writer.drain()

    # The others: one request a connection.

    async def fastcgi(self, reader, writer):
        values, request = b"", None
        while True:
            header = await reader.readexactly(8)
            kind, length = header[1], int.from_bytes(header[4:6], "big")
            content = (await reader.readexactly(length + header[6]))[:length]
            if kind == 4 and content:
                values += content
            elif kind == 4:
                request = self.begin(named("fastcgi", cgi.fastcgi(values)))
            elif kind == 5 and content:
                request.came += length
            elif kind == 5:
                break
        self.end(request)
        body = await cgi_answer(request)
        writer.write(bytes([1, 6, 0, 1, *len(body).to_bytes(2, "big"), 0, 0]) + body)
        writer.write(bytes([1, 3, 0, 1, 0, 8, 0, 0]) + bytes(8))
        await writer.drain()

    async def uwsgi(self, reader, writer):
        header = await reader.readexactly(4)
        values = await reader.readexactly(int.from_bytes(header[1:3], "little"))
        await self.counted(reader, writer, named("uwsgi", cgi.uwsgi(values)))

    async def scgi(self, reader, writer):
        length = int((await reader.readuntil(b":"))[:-1])
        values = await reader.readexactly(length + 1)
        await self.counted(reader, writer, named("scgi", cgi.scgi(values)))

    async def counted(self, reader, writer, request):
        """A request whose body is as long as its CONTENT_LENGTH says."""
        self.begin(request)
        await self.take(reader, request, int(request.promise or 0))
        self.end(request)
        writer.write(await cgi_answer(request))
        await writer.drain()


def named(name, values):
    request = Request(values["REQUEST_METHOD"], values["DOCUMENT_URI"], name)
    request.promise = values.get("CONTENT_LENGTH", "none")
    return request


async def cgi_answer(request):
    status, fields, body = await request.answer()
    lines = [f"Status: {status} Status", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def main():
    directory, requests = sys.argv[1], int(sys.argv[2])
    pathlib.Path(directory).mkdir(exist_ok=True)
    for socket in pathlib.Path(directory).iterdir():
        socket.unlink()
    upstream = Upstream(directory)
    await upstream.start()
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)
    until = loop.time() + PATIENCE
    while (len(upstream.seen) < requests or upstream.answering) and loop.time() < until:
        await asyncio.sleep(0.01)
    for line in [*upstream.seen, *(request.shown() for request in upstream.open)]:
        print(line, flush=True)
    # Connections may be kept.
    os._exit(0)


asyncio.run(main())
