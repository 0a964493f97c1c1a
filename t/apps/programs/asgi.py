"""Answers early, for ASGI: uvicorn, hypercorn."""

import os
import pathlib

STATUS = {"401": 401, "413": 413, "302": 302, "limit": 413}
BODIES = {name: pathlib.Path(os.environ["ANSWERS"], name).read_bytes() for name in STATUS}
LIMIT = 1 << 20


async def application(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    name = scope["path"].rpartition("/")[2]
    if name == "limit":
        taken = 0
        while taken <= LIMIT and (event := await receive())["type"] == "http.request":
            taken += len(event["body"])
            if not event["more_body"]:
                break
    body = BODIES.get(name, b"ok\n")
    fields = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    if name == "302":
        fields.append((b"location", b"/login"))
    await send({"type": "http.response.start", "status": STATUS.get(name, 200), "headers": fields})
    await send({"type": "http.response.body", "body": body})
