"""Uploads with a browser: browser.py chromium|firefox fetch|xhr|form VERSION ORIGINS CERTIFICATE;
see uploads.py for what it reads and prints.

From a page of the server itself, as its users do. VERSION: h1, h2, h3; a browser picks one, so the others are turned off,
and HTTP/3 is forced for ORIGINS (host:port,...), which have CERTIFICATE.
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time

from limit_body import browsers

browser, how, version, origins, certificate = sys.argv[1:]

MAKE = """
const [url, length, declared] = arguments;
const piece = new Uint8Array(1 << 20), whole = () => new Uint8Array(length);
const over = (url) => performance.getEntriesByName(url).pop()?.nextHopProtocol;
"""

SCRIPTS = {
    "fetch": MAKE + """
let left = length;
const stream = () => new ReadableStream({ pull(controller) {
    if (left <= 0) return controller.close();
    controller.enqueue(piece);
    left -= piece.length;
} });
return (async () => {
    try {
        const answer = await fetch(url, { method: "POST", ...(declared ? { body: whole() } : { body: stream(), duplex: "half" }) });
        return { status: answer.status, body: await answer.text(), over: over(url) };
    } catch (error) {
        return { error: String(error) };
    }
})();
""",
    "xhr": MAKE + """
return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.onload = () => resolve({ status: request.status, body: request.responseText, over: over(url) });
    request.onerror = () => resolve({ error: "error event" });
    request.onabort = () => resolve({ error: "abort event" });
    request.send(whole());
});
""",
    "form": """
const form = document.body.appendChild(document.createElement("form"));
form.method = "post";
form.action = arguments[0];
form.enctype = "multipart/form-data";
const input = form.appendChild(document.createElement("input"));
input.type = "file";
input.name = "file";
""",
}

SUBMIT = "window.isUploading = true; document.querySelector('form').submit();"

# What a user sees when the page has changed.
SEEN = """
if (window.isUploading || document.readyState !== "complete") return null;
const { responseStatus, nextHopProtocol } = performance.getEntriesByType("navigation")[0] ?? {};
if (!document.body?.innerText) return null;
return location.protocol.startsWith("http") && responseStatus
    ? { status: responseStatus, body: document.documentElement.outerHTML,
        over: nextHopProtocol }
    : { error: document.body.innerText.split("\\n").filter((line) => line).slice(0, 3).join(" ") };
"""


def post(driver, url, length, declared, timeout):
    page = url.rsplit("/", 1)[0] + "/"
    driver.open(page)
    answer = driver.run(SCRIPTS[how], url, length, declared)
    if how == "form":
        # A file, as users have them: what a page makes itself the browser may run out of room for.
        file.truncate(length)
        driver.type("input", file.name)
        driver.run(SUBMIT)
    until = time.monotonic() + timeout
    while answer is None and time.monotonic() < until:
        time.sleep(0.05)
        try:
            answer = driver.run(SEEN)
        except RuntimeError as error:
            # While the page changes there is none.
            answer = None
    if answer and "error" in answer and browser == "chromium":
        # It tells pages less than it knows.
        answer["error"] += "".join(f" ({error})" for error in re.findall(r"net::\w+", " ".join(driver.console()))[-1:])
    # Only answers tell; those of errors need not.
    if answer and answer.get("over") not in (None, "", {"h1": "http/1.1"}.get(version, version)):
        return {"error": f"went over {answer['over']}"}
    return answer or {"error": "no answer"}


def key_hash():
    """What Chromium knows a certificate's key by; over QUIC it takes no other word for it."""
    with open(certificate) as file:
        text = file.read()
    key = subprocess.run(["openssl", "x509", "-pubkey", "-noout"], input=text, capture_output=True, text=True, check=True).stdout
    der = base64.b64decode("".join(key.splitlines()[1:-1]))
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


if browser == "chromium":
    flags = {"h1": ["--disable-http2", "--disable-quic"], "h2": ["--disable-quic"],
             "h3": ["--enable-quic", f"--origin-to-force-quic-on={origins}", f"--ignore-certificate-errors-spki-list={key_hash()}"]}
    start = lambda: browsers.Chromium(*flags[version], insecure=True)
else:
    preferences = {"h1": {"network.http.http2.enabled": False, "network.http.http3.enable": False},
                   "h2": {"network.http.http3.enable": False}}
    start = lambda: browsers.Firefox(preferences[version], insecure=True)

browsers.TIMEOUT = 120
with start() as driver, tempfile.NamedTemporaryFile() as file:
    print(json.dumps({"version": driver.version}), flush=True)
    for line in sys.stdin:
        url, length, mode, pause, timeout = line.split()
        try:
            print(json.dumps(post(driver, url, int(length), mode == "declared", float(timeout))), flush=True)
        except (OSError, RuntimeError) as error:
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
