"""Refused uploads, simulated: what nginx nodes hold, read and refuse.

Each upload has the course that the module's own rules give it: crates/policy/examples/course.rs tells it, when nginx looks
included. `Node` has what one upload does to others: slots that are taken, and connections that are closed for others. Times
are whole milliseconds. Nothing here knows the formulas that bench/capacity.py holds it against.
"""

import bisect
import collections
import dataclasses
import heapq
import itertools
import math
import random
import subprocess

# What tells the course of drains; bench/capacity.py sets it.
COURSE = None


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a drain may cost (`limit_body_drain`); grace is nginx's `lingering_time`."""

    idle: int = 30_000
    grace: int = 30_000
    time: int = 600_000
    rate: int = 16 << 10
    bytes: int | None = None
    conns: int | None = None


@dataclasses.dataclass(frozen=True)
class Client:
    """How a client sends: RATE bytes a second, in a piece each EVERY milliseconds. It stops after STOPS milliseconds: falls
    silent or, if it CLOSES, hangs up. When all is sent it closes too, or STAYS."""

    name: str
    rate: float
    every: int = 1000
    stops: int | None = None
    closes: bool = False
    stays: bool = False

    def pieces(self, size):
        """(when, in milliseconds since the answer; bytes or, last, "silence" or "close")."""
        sent, at = 0, 0
        while sent < size:
            step = max(int(self.rate * self.every / 1000), 1)
            step = min(step, size - sent)
            at += max(round(step * 1000 / self.rate), 1)
            if self.stops is not None and at > self.stops:
                break
            sent += step
            yield at, step
        else:
            yield at, "silence" if self.stays else "close"
            return
        yield self.stops, "close" if self.closes else "silence"


@dataclasses.dataclass
class Drain:
    """A connection, or stream, whose body is refused: how its drain ends, after how many pieces and bytes, and when; and when
    the connection is closed."""

    node: "Node"
    client: Client
    size: int
    began: int
    outcome: str = ""
    pieces: int = 0
    bytes: int = 0
    ended: int = 0
    closed: int = 0

    def upload(self):
        """The upload, as course.rs reads it."""
        budget = self.node.budget
        words = [budget.idle, budget.grace, budget.time, budget.rate, "any" if budget.bytes is None else budget.bytes,
                 "stream" if self.node.is_stream else "http1", self.began, self.size]
        for at, what in self.client.pieces(self.size):
            if what != "silence":
                words += [at, what]
            # No drain lasts longer.
            if at >= budget.time:
                break
        return " ".join(map(str, words))

    def taken(self):
        """(when, bytes) of each piece that was taken."""
        return ((self.began + at, count) for at, count in itertools.islice(self.client.pieces(self.size), self.pieces))

    def cut(self, outcome, now):
        """Ends it before its time."""
        taken = [count for at, count in self.taken() if at < now]
        self.pieces, self.bytes = len(taken), sum(taken)
        self.outcome, self.ended, self.closed = outcome, now, now


class Node:
    """An nginx: all of its workers together."""

    def __init__(self, budget, worker_connections=None, is_stream=False):
        self.budget, self.worker_connections, self.is_stream = budget, worker_connections, is_stream
        # Bytes by second.
        self.read = collections.Counter()
        # Drains that have a slot, and connections that are open, by their number; and when they end.
        self.slots, self.open = {}, {}
        self.ends, self.closes = [], []

    def begin(self, number, drain):
        """A request is refused: what src/drain.rs does in begin()."""
        now = drain.began
        for left, ends in (self.slots, self.ends), (self.open, self.closes):
            while ends and ends[0][0] < now:
                left.pop(heapq.heappop(ends)[1], None)
        if self.worker_connections:
            self.make_room(now)
        if self.budget.conns is not None and len(self.slots) >= self.budget.conns:
            return drain.cut("refused", now)
        self.slots[number] = self.open[number] = drain
        heapq.heappush(self.ends, (drain.ended, number))
        heapq.heappush(self.closes, (drain.closed, number))

    def make_room(self, now):
        """ngx_drain_connections(): the oldest go first."""
        if self.worker_connections - len(self.open) > self.worker_connections // 16:
            return
        for number in list(self.open)[:max(min(32, len(self.open) // 8), 1)]:
            drain = self.open.pop(number)
            drain.closed = now
            if self.slots.pop(number, None):
                drain.cut("evicted", now)


def run(nodes, arrivals, until, look_every=0):
    """Plays ARRIVALS, (when, node, client, size) in order, on NODES until that time. Returns the drains that have begun, and
    what a look at each node each LOOK_EVERY milliseconds saw: how many slots were taken, and how many connections open."""
    drains = [Drain(nodes[node], client, size, at) for at, node, client, size in arrivals if at <= until]
    uploads = "".join(f"{drain.upload()}\n" for drain in drains)
    told = subprocess.run([COURSE], input=uploads, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    for number, (drain, course) in enumerate(zip(drains, told, strict=True)):
        drain.outcome, *numbers = course.split()
        drain.pieces, drain.bytes, drain.ended, drain.closed = map(int, numbers)
        drain.node.begin(number, drain)
    for drain in drains:
        for at, count in drain.taken():
            if at <= until:
                drain.node.read[at // 1000] += count
    looks = range(look_every, until + 1, look_every) if look_every else ()
    seen = [[*zip(there(mine, "ended", looks), there(mine, "closed", looks))]
            for mine in ([drain for drain in drains if drain.node is node] for node in nodes)]
    return drains, [*zip(*seen)]


def there(drains, end, looks):
    """How many have begun before each look, and not come to this end."""
    drains = [drain for drain in drains if drain.outcome != "refused"]
    ends = sorted(getattr(drain, end) for drain in drains)
    begins = [drain.began for drain in drains]
    return [bisect.bisect_left(begins, look) - bisect.bisect_left(ends, look) for look in looks]


@dataclasses.dataclass(frozen=True)
class Mix:
    """Who uploads: (share, client), and log-normal sizes of this MEAN, in bytes, and SIGMA."""

    clients: tuple
    mean: float
    sigma: float

    def median(self):
        return self.mean / math.exp(self.sigma ** 2 / 2)

    def draw(self, dice):
        [client] = dice.choices([client for _, client in self.clients], [share for share, _ in self.clients])
        return client, self.size(dice)

    def size(self, dice):
        return max(int(self.median() * math.exp(dice.gauss(0, self.sigma))), 1)


def poisson(mix, per_second, nodes, until, seed):
    """Arrivals at random, PER_SECOND in all, each at a node drawn by lot."""
    dice = random.Random(seed)
    at = 0.0
    while (at := at + dice.expovariate(per_second) * 1000) < until:
        client, size = mix.draw(dice)
        yield int(at), dice.randrange(nodes), client, size
