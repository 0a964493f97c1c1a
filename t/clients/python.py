"""Uploads with libraries for Python: python.py LIBRARY VERSION; see uploads.py for what it reads and prints.

LIBRARY: http.client, requests, httpx, aiohttp, niquests, pycurl (libcurl). VERSION: h1, h2, h2c, h3.
"""

import json
import sys
import time
import warnings

warnings.simplefilter("ignore")

PIECE = 65536


class Body:
    """A body of zeros that is made while it is sent, and may pause in the middle: a file, or an iterable."""

    def __init__(self, length, pause):
        self.length = self.left = length
        self.pause = pause

    def read(self, size=PIECE):
        if self.pause and self.left <= self.length / 2:
            time.sleep(self.pause)
            self.pause = 0
        size = min(size if size >= 0 else PIECE, self.left)
        self.left -= size
        return bytes(size)

    def __iter__(self):
        return iter(self.read, b"")


class Sized(Body):
    """One whose length libraries can see."""

    def __len__(self):
        return self.length


def http_client(version, url, length, declared, pause, timeout):
    import http.client
    import ssl

    scheme, _, host, path = url.split("/", 3)
    if scheme == "http:":
        connection = http.client.HTTPConnection(host, timeout=timeout)
    else:
        connection = http.client.HTTPSConnection(host, timeout=timeout, context=ssl._create_unverified_context())
    fields = {"Content-Length": str(length)} if declared else {"Transfer-Encoding": "chunked"}
    connection.request("POST", "/" + path, Body(length, pause), fields, encode_chunked=not declared)
    answer = connection.getresponse()
    return answer.status, answer.read()


def requests(version, url, length, declared, pause, timeout):
    import requests

    body = Sized(length, pause) if declared else iter(Body(length, pause))
    answer = requests.post(url, data=body, verify=False, timeout=timeout)
    return answer.status_code, answer.content


def httpx(version, url, length, declared, pause, timeout):
    import httpx

    fields = {"content-length": str(length)} if declared else {}
    is_http1 = version == "h1"
    with httpx.Client(http2=not is_http1, http1=is_http1, verify=False, timeout=timeout) as client:
        answer = client.post(url, content=iter(Body(length, pause)), headers=fields)
        return answer.status_code, answer.content


def aiohttp(version, url, length, declared, pause, timeout):
    import asyncio

    import aiohttp

    async def pieces():
        for piece in Body(length, 0):
            if pause and pieces.sent < length / 2 <= pieces.sent + len(piece):
                await asyncio.sleep(pause)
            pieces.sent += len(piece)
            yield piece

    async def post():
        fields = {"Content-Length": str(length)} if declared else {}
        limit = aiohttp.ClientTimeout(total=timeout)
        async with aiohttp.ClientSession(timeout=limit) as session:
            async with session.post(url, data=pieces(), headers=fields, ssl=False) as answer:
                return answer.status, await answer.read()

    pieces.sent = 0
    return asyncio.run(post())


def niquests(version, url, length, declared, pause, timeout):
    import niquests

    others = {"h1": "http1", "h2": "http2", "h3": "http3"}
    disabled = {f"disable_{name}": True for wanted, name in others.items() if wanted != version}
    with niquests.Session(**disabled) as session:
        if version == "h3":
            host, port = url.split("/")[2].split(":")
            session.quic_cache_layer[host, int(port)] = (host, int(port))
        body = Sized(length, pause) if declared else iter(Body(length, pause))
        answer = session.post(url, data=body, verify=False, timeout=timeout)
        return answer.status_code, answer.content


def pycurl(version, url, length, declared, pause, timeout):
    import pycurl

    versions = {
        "h1": pycurl.CURL_HTTP_VERSION_1_1, "h2": pycurl.CURL_HTTP_VERSION_2_0,
        "h2c": pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE, "h3": pycurl.CURL_HTTP_VERSION_3ONLY,
    }
    body, answer = Body(length, pause), []
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.HTTP_VERSION, versions[version])
    curl.setopt(pycurl.UPLOAD, 1)
    curl.setopt(pycurl.CUSTOMREQUEST, "POST")
    curl.setopt(pycurl.READFUNCTION, body.read)
    curl.setopt(pycurl.WRITEFUNCTION, answer.append)
    curl.setopt(pycurl.SSL_VERIFYPEER, 0)
    curl.setopt(pycurl.SSL_VERIFYHOST, 0)
    curl.setopt(pycurl.TIMEOUT, int(timeout))
    curl.setopt(pycurl.HTTPHEADER, ["Expect:"])
    if declared:
        curl.setopt(pycurl.INFILESIZE_LARGE, length)
    curl.perform()
    return curl.getinfo(pycurl.RESPONSE_CODE), b"".join(answer)


def package_version(library):
    import importlib.metadata
    import platform

    return platform.python_version() if library == "http.client" else importlib.metadata.version(library)


library, version = sys.argv[1:]
print(json.dumps({"version": package_version(library)}), flush=True)
for line in sys.stdin:
    url, length, mode, pause, timeout = line.split()
    try:
        post = globals()[library.replace(".", "_")]
        status, body = post(version, url, int(length), mode == "declared", float(pause), float(timeout))
        print(json.dumps({"status": status, "body": body.decode(errors="replace")}), flush=True)
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
