"""Uploads with commands: commands.py curl|curl-expect|wget|nghttp VERSION DIR; see uploads.py for what it reads and prints.

"curl" is told to send no Expect, "curl-expect" is left to it. VERSION: h1, h2, h2c. Bodies are files in DIR, or come
through a pipe, where they may pause in the middle.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time

command, version, directory = sys.argv[1:]


def file_of(length):
    name = f"{directory}/{length}"
    if not os.path.exists(name):
        with open(f"{name}.{os.getpid()}", "wb") as file:
            file.truncate(length)
        os.rename(file.name, name)
    return name


def feed(pipe, length, pause):
    with pipe:
        try:
            for start in range(0, length, 65536):
                if pause and start >= length / 2:
                    time.sleep(pause)
                    pause = 0
                pipe.write(bytes(min(65536, length - start)))
        except BrokenPipeError:
            pass


def run(arguments, length=None, pause=0):
    process = subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL if length is None else subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    if length is not None:
        threading.Thread(target=feed, args=(process.stdin, length, pause), daemon=True).start()
        process.stdin = None
    out, err = process.communicate()
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace").strip()


def curl(url, length, declared, pause, timeout):
    versions = {"h1": "--http1.1", "h2": "--http2", "h2c": "--http2-prior-knowledge"}
    arguments = ["curl", "-sSk", "-m", timeout, versions[version], "-X", "POST", "-w", "%{stderr}\n%{http_code}"]
    arguments += [] if command == "curl-expect" else ["-H", "Expect:"]
    if declared:
        code, out, err = run([*arguments, "-T", file_of(length), url])
    else:
        code, out, err = run([*arguments, "-T", "-", url], length, pause)
    errors, _, status = err.rpartition("\n")
    return {"error": errors} if code else {"status": int(status), "body": out}


def wget(url, length, declared, pause, timeout):
    # Its exit status says no more than that the status is an error.
    code, out, err = run([
        "wget", "-nv", "-S", "-O", "-", "--tries=1", f"--timeout={timeout}", "--no-check-certificate", "--content-on-error",
        f"--post-file={file_of(length)}", url,
    ])
    status = re.search(r"^ *HTTP/\S+ (\d+)", err, re.M)
    if status and out:
        return {"status": int(status[1]), "body": out}
    return {"error": " ".join(line for line in err.splitlines() if not line.startswith(" ") and "WARNING" not in line)}


def nghttp(url, length, declared, pause, timeout):
    more = [] if declared else ["--no-content-length"]
    code, out, err = run(["nghttp", "--stat", "-t", timeout, *more, "-d", file_of(length), url])
    body, _, table = out.partition("***** Statistics *****")
    status = re.search(r"^ .* (\d{3}) +\S+ /", table, re.M)
    return {"status": int(status[1]), "body": body} if status else {"error": err or out}


curl_expect = curl
shown = "nghttp" if command == "nghttp" else command.split("-")[0]
print(json.dumps({"version": re.search(r"\d+\.\d+(\.\d+)?", subprocess.getoutput(f"{shown} --version"))[0]}), flush=True)
for line in sys.stdin:
    url, length, mode, pause, timeout = line.split()
    answer = globals()[command.replace("-", "_")](url, int(length), mode == "declared", float(pause), timeout)
    print(json.dumps(answer), flush=True)
