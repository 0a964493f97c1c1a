"""Marks: how far a script has got, for another one that waits for it. They are files, as the scripts may be those of clients and
of upstreams, in the directory that TEST_MARKS names; without that, in one of this process alone."""

import functools
import os
import pathlib
import tempfile
import time


@functools.cache
def directory():
    if named := os.environ.get("TEST_MARKS"):
        return pathlib.Path(named)
    own = tempfile.TemporaryDirectory()
    directory.own = own
    return pathlib.Path(own.name)


def mark(name):
    (directory() / f"mark.{name}").touch()


def await_mark(name, patience):
    until = time.monotonic() + patience
    while not (directory() / f"mark.{name}").exists():
        if time.monotonic() > until:
            raise TimeoutError(name)
        time.sleep(0.002)
