#!/usr/bin/env python3
"""Runs a command beside a mail server that takes any mail, and throws it away:

    smtp.py PORT COMMAND [ARGUMENT ...]
"""

import subprocess
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

server = Controller(Sink(), hostname="127.0.0.1", port=int(sys.argv[1]), data_size_limit=0)
server.start()
ended = subprocess.run(sys.argv[2:])
server.stop()
sys.exit(ended.returncode)
