"""Ports to listen on."""

import contextlib
import pathlib
import random
import socket

# Below those that the kernel gives to clients: a connection may have one of them when nginx is about to listen.
FIRST = 10_000
RANGE = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count, address="127.0.0.1"):
    """Ports that nobody listens on, each one above the one before."""
    end = int(RANGE.read_text().split()[0]) if RANGE.exists() else 32768
    if end < 2 * FIRST:
        end = 32768
    while True:
        ports = range(start := random.randrange(FIRST, end - count), start + count)
        with contextlib.suppress(OSError), contextlib.ExitStack() as bound:
            for port in ports:
                bound.enter_context(socket.socket()).bind((address, port))
            return list(ports)
