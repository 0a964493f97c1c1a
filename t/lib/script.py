"""Runs scripts: script.py [in-turn]

Reads them from standard input, one a line, runs them all at the same time, or one after the other, and prints what each has
seen, line by line. Their language is that of limit_body/script.py.
"""

import sys

from limit_body.script import play

for seen in play([line for line in sys.stdin if line.strip()], in_turn="in-turn" in sys.argv):
    print(" | ".join(seen))
