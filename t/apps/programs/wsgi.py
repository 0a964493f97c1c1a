"""Answers early, for WSGI: gunicorn, uWSGI."""

import os
import pathlib

STATUS = {"401": "401 Unauthorized", "413": "413 Request Entity Too Large", "302": "302 Found", "limit": "413 Request Entity Too Large"}
BODIES = {name: pathlib.Path(os.environ["ANSWERS"], name).read_bytes() for name in STATUS}
LIMIT = 1 << 20


def application(environ, start_response):
    name = environ["PATH_INFO"].rpartition("/")[2]
    if name not in STATUS:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
        return [b"ok\n"]
    if name == "limit":
        left = LIMIT
        while left and (piece := environ["wsgi.input"].read(min(left, 65536))):
            left -= len(piece)
    body = BODIES[name]
    fields = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    if name == "302":
        fields.append(("Location", "/login"))
    start_response(STATUS[name], fields)
    return [body]
