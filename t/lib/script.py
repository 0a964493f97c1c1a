"""Runs scripts: script.py [in-turn]

Reads them from standard input, one a line, runs them all at the same time, or one after the other, and prints what each has
seen, line by line. Their language is that of limit_body/script.py.
"""

import sys
import threading

from limit_body.script import script

scripts = [script(line) for line in sys.stdin if line.strip()]
threads = [threading.Thread(target=client.run, args=[steps]) for client, steps in scripts]
for thread in threads:
    thread.start()
    if "in-turn" in sys.argv:
        thread.join()
for thread in threads:
    thread.join()
for client, _ in scripts:
    print(" | ".join(client.seen))
