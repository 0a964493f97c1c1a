"""What /proc knows of processes, and where they run."""

import collections
import contextlib
import os
import pathlib
import re
import subprocess


def family(process):
    """A process and its descendants."""
    members = [process]
    for member in members:
        with contextlib.suppress(OSError):
            children = pathlib.Path(f"/proc/{member}/task/{member}/children").read_text()
            members += map(int, children.split())
    return members


def pin(process, core):
    """Has a process and its descendants run on one core, with all their threads."""
    for member in family(process):
        subprocess.run(["taskset", "-acp", str(core), str(member)], check=True, capture_output=True)


def cpu_seconds(processes):
    """User and system time of processes."""
    ticks = 0
    for process in processes:
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident(process):
    """The memory of a process, in KiB."""
    return int(re.search(r"^VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{process}/status").read_text(), re.M)[1])


LISTENING = "0A"
# PEER is the port of the other end. UNREAD is in bytes; for one that listens, in connections.
Socket = collections.namedtuple("Socket", "port peer state unsent unread inode")


def tcp_sockets(process="self"):
    """The TCP sockets where a process is."""
    found = []
    for line in pathlib.Path(f"/proc/{process}/net/tcp").read_text().splitlines()[1:]:
        _, here, there, state, queues, *_, inode = line.split()[:10]
        port, peer, unsent, unread = (int(number, 16) for number in (here[9:], there[9:], *queues.split(":")))
        found.append(Socket(port, peer, state, unsent, unread, inode))
    return found
