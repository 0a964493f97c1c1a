"""Uploads with a Python library: python.py LIBRARY VERSION URL SIZE declared|undeclared

LIBRARY: httpx, niquests, pycurl (libcurl). VERSION: h1, h2, h3. Prints status and body of the answer, or the error.
"""

import sys
import warnings

warnings.simplefilter("ignore")

library, version, url, length, mode = sys.argv[1:]
length, declared = int(length), mode == "declared"


def pieces():
    for start in range(0, length, 65536):
        yield bytes(min(65536, length - start))


def httpx():
    import httpx

    with httpx.Client(http2=version == "h2", http1=version == "h1", verify=False, timeout=30) as client:
        answer = client.post(url, content=pieces(), headers={"content-length": str(length)} if declared else {})
        return answer.status_code, answer.text


def niquests():
    import niquests

    others = {"h1": "http1", "h2": "http2", "h3": "http3"}
    disabled = {f"disable_{name}": True for wanted, name in others.items() if wanted != version}
    with niquests.Session(**disabled) as session:
        if version == "h3":
            host, port = url.split("/")[2].split(":")
            session.quic_cache_layer[host, int(port)] = (host, int(port))
        answer = session.post(url, data=bytes(length) if declared else pieces(), verify=False, timeout=30)
        return answer.status_code, answer.text


def pycurl():
    import pycurl

    versions = {"h1": pycurl.CURL_HTTP_VERSION_1_1, "h2": pycurl.CURL_HTTP_VERSION_2_0, "h3": pycurl.CURL_HTTP_VERSION_3ONLY}
    left, body = length, []

    def read(size):
        nonlocal left
        size = min(size, left)
        left -= size
        return bytes(size)

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.HTTP_VERSION, versions[version])
    curl.setopt(pycurl.UPLOAD, 1)
    curl.setopt(pycurl.CUSTOMREQUEST, "POST")
    curl.setopt(pycurl.READFUNCTION, read)
    curl.setopt(pycurl.WRITEFUNCTION, body.append)
    curl.setopt(pycurl.SSL_VERIFYPEER, 0)
    curl.setopt(pycurl.SSL_VERIFYHOST, 0)
    curl.setopt(pycurl.TIMEOUT, 30)
    curl.setopt(pycurl.HTTPHEADER, ["Expect:"])
    if declared:
        curl.setopt(pycurl.INFILESIZE_LARGE, length)
    curl.perform()
    return curl.getinfo(pycurl.RESPONSE_CODE), b"".join(body).decode()


try:
    status, body = globals()[library]()
    print(status, body.strip())
except Exception as error:
    print(f"{type(error).__name__}: {error}")
