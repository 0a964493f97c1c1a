"""The application behind nginx, for all programs: it answers what each wants to hear before, and for, its upload.

Requests go by their path: /git/ to "git http-backend", /lfs/ and /v2/ as to storages of Git LFS and of container images, /index/
as to one of crates, /files/ as to a tus server, /ocs/ as to Nextcloud, /restic/ as to restic's rest-server. Everything else
is a store that has nothing, and takes what it gets.
"""

import http.server
import json
import os
import subprocess
import threading
import urllib.parse

# An empty collection, with the properties that Nextcloud's client wants.
COLLECTION = """<d:multistatus xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:response><d:href>%s</d:href><d:propstat>
<d:prop><d:resourcetype><d:collection/></d:resourcetype><d:getlastmodified>Thu, 01 Jan 1970 00:00:00 GMT</d:getlastmodified>
<d:getetag>"0"</d:getetag><oc:id>0</oc:id><oc:fileid>0</oc:fileid><oc:permissions>CK</oc:permissions></d:prop>
<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>
"""
NEXTCLOUD = {
    "status.php": {"installed": True, "maintenance": False, "needsDbUpgrade": False, "version": "27.0.0.0",
                   "versionstring": "27.0.0", "productname": "Nextcloud"},
    "capabilities": {"version": {"string": "27.0.0"},
                     "capabilities": {"core": {"webdav-root": "remote.php/webdav"}, "files": {"bigfilechunking": False}}},
    "user": {"id": "a", "display-name": "a"},
}


class Application(http.server.ThreadingHTTPServer):
    """On a port, with repositories of git in a directory."""

    def __init__(self, port, repositories):
        super().__init__(("127.0.0.1", port), Request)
        self.repositories = repositories
        self.backup = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        """nginx closes what nobody wants any more."""


class Request(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """nginx has an access log."""

    def body(self):
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def answer(self, status, content=b"", **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def handle_request(self):
        body = self.body()
        answers = {"git": self.git, "lfs": self.lfs, "v2": self.image, "index": self.index, "files": self.tus,
                   "restic": self.restic, "status.php": self.nextcloud, "ocs": self.nextcloud}
        answers.get(self.path.split("/")[1], self.store)(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_request
    do_PROPFIND = do_MKCOL = do_LOCK = do_UNLOCK = handle_request

    def url(self, path):
        return f"{self.headers.get('X-Forwarded-Proto', 'http')}://{self.headers['Host']}{path}"

    def store(self, body):
        if self.command == "PROPFIND" and self.path.endswith("/"):
            return self.answer(207, (COLLECTION % self.path).encode(), Content_Type="application/xml; charset=utf-8", DAV="1, 2")
        if self.command in ("GET", "HEAD", "PROPFIND"):
            return self.answer(404)
        status = 201 if self.command in ("PUT", "MKCOL") else 200
        return self.answer(status, b"{}", Content_Type="application/json", ETag='"0"', DAV="1, 2")

    def lfs(self, body):
        if not self.path.endswith("/objects/batch"):
            return self.answer(200 if self.command == "PUT" else 404)
        upload = {"href": self.url("/lfs/object"), "header": {}}
        objects = [{**wanted, "actions": {"upload": upload}} for wanted in json.loads(body)["objects"]]
        return self.answer(200, json.dumps({"transfer": "basic", "objects": objects}).encode(),
                           Content_Type="application/vnd.git-lfs+json")

    def image(self, body):
        if self.command == "POST":
            return self.answer(202, Location=self.url(f"{self.path}1"), Docker_Upload_UUID="1", Range="0-0")
        if self.command == "PATCH":
            return self.answer(202, Location=self.url(self.path), Range=f"0-{len(body) - 1}")
        if self.command == "PUT":
            digest = urllib.parse.parse_qs(self.path.partition("?")[2]).get("digest", [""])[0]
            return self.answer(201, Docker_Content_Digest=digest)
        return self.answer(200 if self.path == "/v2/" else 404, Docker_Distribution_Api_Version="registry/2.0")

    def index(self, body):
        if not self.path.endswith("/config.json"):
            return self.answer(404)
        registry = {"dl": self.url("/crates"), "api": self.url("")}
        return self.answer(200, json.dumps(registry).encode(), Content_Type="application/json")

    def tus(self, body):
        if self.command == "POST":
            return self.answer(201, Location="/files/1", Tus_Resumable="1.0.0")
        return self.answer(204, Upload_Offset=str(int(self.headers["Upload-Offset"]) + len(body)), Tus_Resumable="1.0.0")

    def restic(self, body):
        path, backup = self.path.partition("?")[0], self.server.backup
        if path.endswith("/"):
            found = [{"name": name.removeprefix(path), "size": len(content)} for name, content in list(backup.items())
                     if name.startswith(path) and self.command == "GET"]
            return self.answer(200, json.dumps(found).encode(), Content_Type="application/vnd.x.restic.rest.v2")
        if self.command == "POST":
            backup[path] = body
        return self.answer(200, backup[path]) if path in backup else self.answer(404)

    def nextcloud(self, body):
        name = self.path.partition("?")[0].rpartition("/")[2]
        content = NEXTCLOUD.get(name, {})
        if name != "status.php":
            content = {"ocs": {"meta": {"status": "ok", "statuscode": 200, "message": "OK"}, "data": content}}
        return self.answer(200, json.dumps(content).encode(), Content_Type="application/json")

    def git(self, body):
        path, _, query = self.path.removeprefix("/git").partition("?")
        done = subprocess.run(["git", "http-backend"], input=body, stdout=subprocess.PIPE, check=True, env={
            **os.environ, "GIT_PROJECT_ROOT": str(self.server.repositories), "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "somebody", "REQUEST_METHOD": self.command, "PATH_INFO": path, "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body))})
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(fields.pop("Status", "200").split()[0])
        return self.answer(status, content, **{name.replace("-", "_"): value for name, value in fields.items()})
