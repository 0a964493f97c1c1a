"""Refused uploads, simulated: what nginx nodes hold, read and refuse.

A discrete-event simulation of nodes that drain what they have refused, each by the rules of the module: `Ledger` is
crates/policy/src/drain.rs line by line, and `Node` does what src/drain.rs and nginx do with it. Times are whole milliseconds.
Nothing here knows the formulas that bench/capacity.py holds it against.
"""

import collections
import dataclasses
import heapq
import math
import random

ANY = (1 << 64) - 1


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a drain may cost (`limit_body_drain`); grace is nginx's `lingering_time`."""

    idle: int = 30_000
    grace: int = 30_000
    time: int = 600_000
    rate: int = 16 << 10
    bytes: int | None = None
    conns: int | None = None


class Ledger:
    """What has been drained, and when. What the Rust one returns as an error is returned as an outcome, a string."""

    __slots__ = ("began", "last", "bytes")

    def __init__(self, now):
        self.began = self.last = now
        self.bytes = 0

    def add(self, count, now):
        self.bytes += count
        self.last = now

    def left(self, budget, now):
        kept_up = self.bytes * 1000 // budget.rate if budget.rate else ANY
        allowed = min(max(kept_up, budget.grace), budget.time)
        return max(allowed - (now - self.began), 0)

    def may_drain(self, budget, now):
        if self.left(budget, now) == 0:
            return self.overdue(budget, now)
        if budget.bytes is None:
            return ANY
        return max(budget.bytes - self.bytes, 0) or "bytes"

    def patience(self, budget, now):
        may = self.may_drain(budget, now)
        if isinstance(may, str):
            return may
        idle = max(budget.idle - (now - self.last), 0)
        return min(idle, self.left(budget, now)) if idle else "timeout"

    def overdue(self, budget, now):
        is_silent = self.left(budget, now) > 0 or now - self.last >= budget.idle
        return "timeout" if is_silent or now - self.began >= budget.time else "slow"


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


class Drain:
    """A connection, or stream, whose body is refused."""

    __slots__ = ("id", "node", "client", "size", "pieces", "next", "ledger", "due", "outcome", "ended", "closed", "slot")


class Node:
    """An nginx: all of its workers together."""

    def __init__(self, budget, worker_connections=None, is_stream=False):
        self.budget, self.worker_connections, self.is_stream = budget, worker_connections, is_stream
        self.slots = 0
        self.read = collections.Counter()
        self.open = collections.OrderedDict()

    def begin(self, drain, now):
        """A request is refused: what src/drain.rs does in begin()."""
        if self.worker_connections:
            self.make_room(now)
        self.open[drain.id] = drain
        drain.ledger, drain.due, drain.outcome, drain.ended, drain.closed = Ledger(now), None, None, None, None
        drain.slot = self.budget.conns is None or self.slots < self.budget.conns
        if not drain.slot:
            return self.end(drain, "refused", now)
        self.slots += 1
        self.wait(drain, now)

    def make_room(self, now):
        """ngx_drain_connections(): the oldest go first."""
        if self.worker_connections - len(self.open) > self.worker_connections // 16:
            return
        for oldest in list(self.open.values())[:max(min(32, len(self.open) // 8), 1)]:
            self.end(oldest, "evicted", now)

    def wait(self, drain, now):
        """How long for more: patience(). Over HTTP/1.x nginx waits whole seconds (nginx_bits_set_lingering), and so up to
        two longer for a client that is silent."""
        left = drain.ledger.patience(self.budget, now)
        if isinstance(left, str):
            return self.end(drain, left, now)
        if not self.is_stream:
            rest = drain.ledger.left(self.budget, now)
            left = min(self.budget.idle - (now - drain.ledger.last), (rest + now % 1000 + 999) // 1000 * 1000)
        # nginx does not move a timer by less (NGX_TIMER_LAZY_DELAY).
        if drain.due is None or abs(now + left - drain.due) >= 300:
            drain.due = now + left

    def came(self, drain, what, now):
        """Bytes have come, or the client hangs up."""
        if what == "close":
            return self.end(drain, "closed", now)
        may = drain.ledger.may_drain(self.budget, now)
        if isinstance(may, str):
            return self.end(drain, may, now)
        # A stream's bytes are all dropped, then counted.
        drain.ledger.add(what if self.is_stream else min(what, may), now)
        self.read[now // 1000] += what
        if drain.ledger.bytes >= drain.size:
            return self.end(drain, "complete", now)
        self.wait(drain, now)

    def expire(self, drain, now):
        """A time is up."""
        if drain.outcome is not None:
            self.close(drain, now)
        elif self.is_stream:
            # A timer that was not moved may be early: the module asks again.
            drain.due = None
            self.wait(drain, now)
        else:
            self.end(drain, drain.ledger.overdue(self.budget, now), now)

    def end(self, drain, outcome, now):
        """The drain is over, and with it the connection; but over HTTP/1.x one whose body was read lingers until the client
        closes, without a slot."""
        if drain.outcome is None:
            self.slots -= drain.slot
            drain.outcome, drain.ended = outcome, now
        if outcome == "complete" and drain.client.stays and not self.is_stream:
            drain.due = now + self.budget.idle
        else:
            self.close(drain, now)

    def close(self, drain, now):
        drain.closed = now
        del self.open[drain.id]


def run(nodes, arrivals, until, look_every=0):
    """Plays ARRIVALS, (when, node, client, size) in order, on NODES until that time. Returns the drains that have begun, and
    what a look at each node each LOOK_EVERY milliseconds saw: how many slots were taken, and how many connections open."""
    drains, looks = [], []
    queue, number = [], 0
    next_look = look_every or ANY
    arrivals = iter(arrivals)
    arrival = next(arrivals, None)

    def schedule(drain):
        nonlocal number
        if drain.closed is not None:
            return
        number += 1
        at, what = drain.next
        if what != "silence" and at <= drain.due:
            heapq.heappush(queue, (at, number, drain, what))
        else:
            heapq.heappush(queue, (drain.due, number, drain, None))

    def advance(drain, began):
        at, what = next(drain.pieces, (ANY, "silence"))
        drain.next = (began + at, what)

    while True:
        at = min(arrival[0] if arrival else ANY, queue[0][0] if queue else ANY)
        while next_look <= min(at, until):
            looks.append([(node.slots, len(node.open)) for node in nodes])
            next_look += look_every
        if at > until or at == ANY:
            return drains, looks
        if arrival and arrival[0] <= at:
            drain = Drain()
            drain.id, (_, node, drain.client, drain.size) = len(drains), arrival
            drain.node, drain.pieces = nodes[node], drain.client.pieces(drain.size)
            drains.append(drain)
            drain.node.begin(drain, at)
            advance(drain, at)
            schedule(drain)
            arrival = next(arrivals, None)
            continue
        _, _, drain, what = heapq.heappop(queue)
        if drain.closed is not None:
            continue
        if what is None:
            drain.node.expire(drain, at)
        else:
            drain.node.came(drain, what, at)
            advance(drain, drain.ledger.began)
        schedule(drain)


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
