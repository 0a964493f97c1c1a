"""Chromium and Firefox, without windows, driven by WebDriver commands: Chromium's come to it by HTTP through
chromedriver, Firefox takes them itself ("Marionette": JSON on a socket). Both end with their "with" block."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time

# What an element is called in an answer.
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
TIMEOUT = 30


class Browser:
    """INSECURE: takes any certificate."""

    def __init__(self, *options, insecure=False):
        self.ending = contextlib.ExitStack()
        with contextlib.ExitStack() as started:
            self.start(started, insecure, *options)
            self.ending = started.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ending.close()

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.textContent", selector)


class Chromium(Browser):
    def start(self, ending, insecure, *flags):
        driver = start(ending, ["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        self.port = next(int(line.rstrip(".\n").split()[-1]) for line in driver.stdout if "successfully on port" in line)
        # Chromium as root does without its sandbox; small containers have little shared memory.
        arguments = ["--headless", "--disable-dev-shm-usage", "--hide-scrollbars"]
        arguments += ["--no-sandbox"] if os.getuid() == 0 else []
        arguments += flags
        # Over QUIC it holds on to certificates more than elsewhere.
        arguments += ["--ignore-certificate-errors"] if insecure else []
        options = {"browserName": "chrome", "goog:chromeOptions": {"args": arguments}, "acceptInsecureCerts": insecure,
                   "goog:loggingPrefs": {"browser": "ALL"}, "timeouts": {"script": 1000 * TIMEOUT, "pageLoad": 1000 * TIMEOUT}}
        self.session = ""
        session = self.command("POST", "", {"capabilities": {"alwaysMatch": options}})
        self.session, self.version = "/" + session["sessionId"], session["capabilities"]["browserVersion"]
        ending.callback(self.command, "DELETE", "")

    def command(self, method, path, parameters={}):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        connection.request(method, f"/session{self.session}{path}", json.dumps(parameters) if method == "POST" else None)
        response = connection.getresponse()
        answer = json.load(response)["value"]
        if response.status != 200:
            raise RuntimeError(f"{path}: {answer['message']}")
        return answer

    def open(self, url):
        self.command("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self.command("POST", "/execute/sync", {"script": script, "args": arguments})

    def click(self, selector):
        self.command("POST", f"/element/{self.element(selector)}/click")

    def type(self, selector, text):
        self.command("POST", f"/element/{self.element(selector)}/value", {"text": text})

    def element(self, selector):
        return self.command("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def be_dark(self, dark):
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])

    def be_phone(self):
        self.devtools("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True)

    def send_slowly(self, bytes_per_second):
        """-1: as fast as it can."""
        self.devtools("Network.enable")
        conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second}
        self.devtools("Network.emulateNetworkConditions", offline=False, **conditions)

    def console(self):
        """What has been written to the console since it was asked last."""
        return [entry["message"] for entry in self.command("POST", "/se/log", {"type": "browser"})]

    def devtools(self, command, **parameters):
        self.command("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})


class Firefox(Browser):
    def start(self, ending, insecure, preferences={}):
        profile = pathlib.Path(ending.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        # Any port, which it then writes down; pixels as on a good screen.
        preferences = {"marionette.port": 0, "layout.css.devPixelsPerPx": "1.5", **preferences}
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
        (profile / "user.js").write_text("".join(lines))
        command = ["firefox-esr", "--headless", "--marionette", "--remote-allow-system-access", "--profile", profile]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        # As root it wants a home directory of its own.
        start(ending, command, env={**os.environ, "HOME": str(profile)}, **quiet)
        port = wait(lambda: (profile / "MarionetteActivePort").read_text())
        connection = ending.enter_context(socket.create_connection(("127.0.0.1", int(port)), TIMEOUT))
        self.stream = ending.enter_context(connection.makefile("rwb"))
        self.number = 0
        self.receive()
        options = {"acceptInsecureCerts": insecure, "timeouts": {"script": 1000 * TIMEOUT, "pageLoad": 1000 * TIMEOUT}}
        session = self.command("WebDriver:NewSession", **options)
        self.version = session["capabilities"]["browserVersion"]

    def command(self, name, **parameters):
        self.number += 1
        message = json.dumps([0, self.number, name, parameters]).encode()
        self.stream.write(b"%d:%s" % (len(message), message))
        self.stream.flush()
        _, _, error, answer = self.receive()
        if error:
            raise RuntimeError(f"{name}: {error['message']}")
        return answer.get("value", answer) if answer else None

    def receive(self):
        length = b"".join(iter(lambda: self.stream.read(1), b":"))
        return json.loads(self.stream.read(int(length)))

    def open(self, url):
        self.command("WebDriver:Navigate", url=url)

    def run(self, script, *arguments):
        return self.command("WebDriver:ExecuteScript", script=script, args=arguments)

    def click(self, selector):
        self.command("WebDriver:ElementClick", id=self.element(selector))

    def type(self, selector, text):
        self.command("WebDriver:ElementSendKeys", id=self.element(selector), text=text)

    def element(self, selector):
        return self.command("WebDriver:FindElement", using="css selector", value=selector)[ELEMENT]

    def be_dark(self, dark):
        self.command("Marionette:SetContext", value="chrome")
        self.run('Services.prefs.setIntPref("layout.css.prefers-color-scheme.content-override", arguments[0])', int(not dark))
        self.command("Marionette:SetContext", value="content")

    def take_picture(self, file, width):
        self.command("WebDriver:SetWindowRect", width=width, height=950)
        pathlib.Path(file).write_bytes(base64.b64decode(self.command("WebDriver:TakeScreenshot", full=True)))


def start(ending, command, **options):
    """Starts a process that is ended, and waited for, at the end of something."""
    process = subprocess.Popen(command, **options)

    def end():
        process.terminate()
        process.wait(TIMEOUT)

    ending.callback(end)
    return process


def wait(look):
    """What there is to be seen, as soon as there is something."""
    until = time.monotonic() + TIMEOUT
    while True:
        with contextlib.suppress(FileNotFoundError):
            if seen := look():
                return seen
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.05)
