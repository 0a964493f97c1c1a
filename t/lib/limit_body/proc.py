"""What /proc knows of processes, and where they run."""

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
