"""A network namespace with a link to this one, and programs in it: peers that vanish. Needs root, and leaves nothing behind."""

import contextlib
import os
import subprocess
import sys
import typing

HERE, THERE = "10.213.77.1", "10.213.77.2"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Namespace(typing.NamedTuple):
    """Its name, and the two ends of the link."""

    name: str
    here: str
    there: str

    @contextlib.contextmanager
    def run(self, source, *words):
        """A program in Python that says something once it is ready, and ends with its standard input."""
        ip("-n", self.name, "link", "set", self.there, "up")
        command = ["ip", "netns", "exec", self.name, sys.executable, "-c", source, *map(str, words)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            if not process.stdout.readline():
                raise RuntimeError(f"a program in {self.name} has ended before its time")
            yield process

    def cut(self):
        """Nothing comes from there any more, and nothing arrives."""
        ip("-n", self.name, "link", "set", self.there, "down")

    def lose(self):
        """What comes from there still does, but nothing arrives: it is sent to somebody who is not there."""
        ip("neighbour", "replace", THERE, "lladdr", "02:00:00:00:00:99", "dev", self.here, "nud", "permanent")


@contextlib.contextmanager
def namespace():
    """Makes one, for as long as it is used."""
    made = Namespace(f"limit-body-{os.getpid()}", f"lb{os.getpid()}", f"lc{os.getpid()}")
    with contextlib.ExitStack() as undo:
        ip("netns", "add", made.name)
        undo.callback(ip, "netns", "delete", made.name)
        ip("link", "add", made.here, "type", "veth", "peer", "name", made.there, "netns", made.name)
        undo.callback(ip, "link", "delete", made.here)
        ip("address", "add", f"{HERE}/30", "dev", made.here)
        ip("link", "set", made.here, "up")
        ip("-n", made.name, "address", "add", f"{THERE}/30", "dev", made.there)
        yield made
