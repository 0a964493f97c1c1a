"""Writes other zones into nginx's configuration and reloads it: reload.py ZONE [ZONE ...]

Each zone has a location of its own name, with a limit of 1 KiB. The file with the zones is html/zones.inc in the server's
root, which is the parent of the folder of PID_FILE's; returns when new workers serve. The port is in the environment: PORT.
"""

import os
import pathlib
import signal
import sys
import time
import urllib.request

root = pathlib.Path(os.environ["PID_FILE"]).parent.parent
LOCATION = "location = /{0} {{ limit_body 1k; limit_body_zone {0}; proxy_pass http://backend; }}\n"


def worker():
    return urllib.request.urlopen(f"http://127.0.0.1:{os.environ['PORT']}/pid").read()


before = worker()
(root / "html" / "zones.inc").write_text("".join(LOCATION.format(zone) for zone in sys.argv[1:]))
os.kill(int(open(os.environ["PID_FILE"]).read()), signal.SIGHUP)
until = time.monotonic() + float(os.environ.get("TEST_PATIENCE", 10))
while worker() == before:
    if time.monotonic() > until:
        sys.exit("no new worker")
    time.sleep(0.02)
