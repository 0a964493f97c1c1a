"""Uses the demo's page as a visitor does, with Chromium and Firefox, and takes its pictures:

    demo.py NGINX WORK DIR

WORK is where the modules for this nginx are, DIR is for the demo's files. One line for each check; ends with 1 if one has
failed. The pictures, docs/demo.png and docs/demo-dark.png, are taken where none has.
"""

import contextlib
import http.client
import pathlib
import re
import signal
import subprocess
import sys
import time

from limit_body import browsers
from limit_body.ports import free_ports

NGINX, WORK, DIR = sys.argv[1:]
PATIENCE = 20
MIB = 1 << 20
# Other uploads, so that there is something to be drawn.
UPLOADS = [700, 900, 3000, 9000, 12000, 15000, 40000, 50000, 200000, 300000, 400000, 900000, MIB, MIB + 1, 3 * MIB, 9 * MIB]

failures = 0


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for name, visit in {"Chromium": visit_with_chromium, "Firefox": visit_with_firefox}.items():
        print(f"{name}:")
        # TLS and nginx without the module have those above it.
        port = free_ports(4)[0]
        with contextlib.ExitStack() as ending:
            ending.callback(stop_demo)
            start_demo(port)
            browser = ending.enter_context(getattr(browsers, name)())
            browser.open(f"http://127.0.0.1:{port}/")
            visit(browser, port)
    sys.exit(failures > 0)


def visit_with_chromium(browser, port):
    send_small_file(browser)

    browser.send_slowly(10 * MIB)
    send_64_mib(browser)
    check("progress is seen and drawn", lambda: progress(browser), r"(?!64 )[\d.]+ MiB of 64 MiB sent, 0\.\d+")
    browser.send_slowly(-1)
    see_refusal(browser)
    # It looks for an answer after a reset, and finds it or not.
    check("the control's refusal is read or lost", lambda: browser.text("#close .status"), "413 .*|No answer")
    see_counters(browser)

    check("light", lambda: background(browser), r"rgb\(255, 255, 255\)")
    browser.be_dark(True)
    check("dark", lambda: background(browser), r"rgb\(21, 24, 28\)")
    browser.be_phone()
    check("a phone's width is enough", lambda: browser.run("return document.documentElement.scrollWidth"), "390")

    stop_demo()
    check("it says so when there are no counters", lambda: browser.text("#source"), "No news: .*")
    send_64_mib(browser)
    check("... and goes on working", lambda: browser.text("#upload .status"), "No answer")
    start_demo(port)
    check("... until there are counters again", lambda: counters(browser), "0 accepted, 0 refused")


def visit_with_firefox(browser, port):
    send_small_file(browser)
    send_64_mib(browser)
    see_refusal(browser)
    check("the control's is lost", lambda: browser.text("#close .status"), "No answer")
    check("... which is said in plain words", lambda: browser.text("#close .answer"), r"The connection broke\. .*")
    see_counters(browser)

    for size in UPLOADS:
        upload(port, size)
    check("uploads from elsewhere are counted", lambda: counters(browser), "14 accepted, 4 refused")
    if not failures:
        for file, dark in {"docs/demo.png": False, "docs/demo-dark.png": True}.items():
            browser.be_dark(dark)
            check(f"{file} is taken", lambda: background(browser), r"rgb\(21, 24, 28\)" if dark else r"rgb\(255, 255, 255\)")
            browser.take_picture(file, 960)


def send_small_file(browser):
    file = pathlib.Path(DIR, "small")
    file.write_bytes(bytes(2048))
    browser.type("#file", str(file))
    check("a small file is accepted", lambda: browser.text("#upload .status"), "200 OK")
    check("... and stored", lambda: browser.text("#upload .answer"), "stored 2048 bytes\n")
    check("... and counted", lambda: counters(browser), "1 accepted, 0 refused")
    check("... and drawn", lambda: histogram(browser), "4 KiB: 1")


def send_64_mib(browser):
    browsers.wait(lambda: browser.run("return document.querySelector('fieldset:enabled') != null"))
    browser.click("#big")


def see_refusal(browser):
    check("64 MiB are refused", lambda: browser.text("#upload .status"), "413 Request Entity Too Large")
    check("... with the site's page", lambda: browser.text("#upload .answer"), "too large: at most 1048576 bytes\n")
    check("... after all was sent", lambda: browser.text("#upload .sent"), "64 MiB of 64 MiB sent")
    check("nginx alone delivers that, too", lambda: browser.text("#alone .status"), "413 Request Entity Too Large")


def see_counters(browser):
    check("the refusal is counted", lambda: counters(browser), "1 accepted, 1 refused")
    check("... and drawn", lambda: histogram(browser), "4 KiB: 1, 64 MiB: 1")
    check("... and what was dropped", lambda: browser.text("#drained"), "64 MiB")
    check("... to the end", lambda: browser.text("#complete"), "1 of 1")


def counters(browser):
    return f"{browser.text('#accepted')} accepted, {browser.text('#refused')} refused"


def progress(browser):
    return browser.run("""
        const part = (name) => document.querySelector(`#upload ${name}`);
        return `${part(".sent").textContent}, ${part("progress").position}`;
    """)


def histogram(browser):
    """The bars that can be seen, with what they say."""
    bars = browser.run("""
        return Array.from(document.querySelectorAll("#sizes li"), (bar) => [bar.querySelector(".bar").offsetHeight, bar.title])
    """)
    return ", ".join(title for height, title in bars if height > 0)


def background(browser):
    return browser.run("return getComputedStyle(document.body).backgroundColor")


def check(what, look, pattern):
    """Waits until what there is to be seen is as it should be, and prints whether it came to that."""
    global failures
    until = time.monotonic() + PATIENCE
    while not (as_expected := re.fullmatch(pattern, str(seen := look()))) and time.monotonic() < until:
        time.sleep(0.02)
    failures += not as_expected
    print(f"  ok    {what}" if as_expected else f"  FAIL  {what}: not {pattern!r}, but {seen!r}", flush=True)


def start_demo(port):
    subprocess.run(["build/demo/start.sh", NGINX, WORK, str(port), DIR], check=True)


def stop_demo():
    subprocess.run(["build/demo/stop.sh", DIR], check=True)


def upload(port, size):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/upload", bytes(size))
    connection.getresponse().read()


main()
