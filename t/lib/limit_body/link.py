"""Links between servers, in the network namespace of this process, and clients, each in one of its own (link.c). Needs root."""

import ctypes
import os
import subprocess
import sys

# Of the servers.
ADDRESS = "192.0.2.1"


def move_to_own_network():
    """Moves this process to a network namespace of its own, with the servers' address; what it starts is in it too."""
    if os.geteuid() != 0:
        sys.exit("error: the networks between clients and servers are namespaces: run this as root")
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
        sys.exit(f"error: no network namespace: {os.strerror(ctypes.get_errno())}")
    ip("link", "set", "dev", "lo", "up")
    ip("addr", "add", f"{ADDRESS}/32", "dev", "lo")
    # The one that every kernel has, and that takes lost packets to heart.
    subprocess.run(["sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno"], check=True)


class Link:
    """A network namespace of a client's, and the way to it."""

    number = 0

    def __init__(self, program, delay, rate, lost):
        Link.number += 1
        name, address = f"link{Link.number}", f"198.18.{Link.number // 250}.{Link.number % 250 + 1}"
        command = [program, name, str(delay), str(rate), str(lost), str(Link.number)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not self.process.stdout.readline():
            sys.exit("error: no network could be made: this needs /dev/net/tun")
        self.pid = self.process.pid
        ip("link", "set", "dev", name, "up")
        ip("route", "add", address, "dev", name)
        inside = ["nsenter", f"--net=/proc/{self.pid}/ns/net"]
        ip("link", "set", "dev", "lo", "up", inside=inside)
        ip("link", "set", "dev", "link", "up", inside=inside)
        ip("addr", "add", address, "dev", "link", inside=inside)
        ip("route", "add", "default", "dev", "link", inside=inside)
        subprocess.run([*inside, "sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno"], check=True)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def ip(*arguments, inside=()):
    subprocess.run([*inside, "ip", *arguments], check=True)
