"""What is tried with what."""

import dataclasses

from apps.applications import ANSWERS, APPLICATIONS
from apps.fronts import KINDS

MEGABYTE = 1_000_000

# How large the uploads are that get an answer, in megabytes. What is answered without reading differs in nothing that a front
# sees but the status; the largest take the most time and tell the least.
SIZES = {"401": (2, 20, 200), "limit": (2, 20), "413": (20,), "302": (20,)}

# The ways from nginx to an application; "keepalive" is TCP with HTTP/1.1, after which nginx closes the connection itself.
WAYS = {"tcp": "TCP", "keepalive": "TCP, HTTP/1.1", "tls": "TLS", "unix": "Unix socket"}

# No front: the client has a connection to the application.
DIRECT = "direct"
NGINX = ("module", "nginx")
FRONTS = (*KINDS, DIRECT)

# What other people's servers are tried with, over TCP and HTTP only: an answer without reading, and one after a part has been read.
PEERS_ANSWERS = ("401", "limit")


@dataclasses.dataclass(frozen=True)
class Cell:
    front: str
    application: str
    way: str
    # Whether nginx reads the body before it connects: on, off; others are left to themselves.
    buffering: str
    answer: str
    megabytes: int

    def path(self):
        return f"/{self.application}/{self.way}/{self.buffering}/{self.answer}"

    def __str__(self):
        return " ".join(str(value) for value in dataclasses.astuple(self))


def ways_of(name):
    application = APPLICATIONS[name]
    return [*application.transports, *(["keepalive"] if application.protocol == "http" else [])]


def all_cells():
    for name, application in APPLICATIONS.items():
        for answer in ANSWERS:
            for megabytes in SIZES[answer]:
                for front in FRONTS:
                    if front in NGINX:
                        for way in ways_of(name):
                            for buffering in ("on", "off"):
                                yield Cell(front, name, way, buffering, answer, megabytes)
                    elif application.protocol == "http" and front == DIRECT:
                        for way in application.transports:
                            yield Cell(front, name, way, "", answer, megabytes)
                    elif application.protocol == "http" and answer in PEERS_ANSWERS:
                        yield Cell(front, name, "tcp", "", answer, megabytes)
