"""Marks: how far a script has got, for another one that waits for it. They are files, as the scripts may be those of clients and
of upstreams, in the directory that TEST_MARKS names; without that, in one of this process alone."""

import os
import pathlib
import tempfile
import time

NAMED = os.environ.get("TEST_MARKS")
# It goes with the process.
OWN = None if NAMED else tempfile.TemporaryDirectory()
DIRECTORY = pathlib.Path(NAMED or OWN.name)


def mark(name):
    (DIRECTORY / f"mark.{name}").touch()


def await_mark(name, patience):
    until = time.monotonic() + patience
    while not (DIRECTORY / f"mark.{name}").exists():
        if time.monotonic() > until:
            raise TimeoutError(name)
        time.sleep(0.002)


def clear():
    """Forgets all marks, for scripts that are run next."""
    for file in DIRECTORY.glob("mark.*"):
        file.unlink()
