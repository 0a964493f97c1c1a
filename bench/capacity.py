"""What a fleet needs that refuses uploads, on paper: rewrites the tables of docs/capacity.md.

    capacity.py NGINX MODULE CERTIFICATE COURSE

What things cost is measured: docs/benchmarks.json, and bench/played.py here and now. What that comes to is formulas, and a
simulation (bench/drains.py; COURSE is crates/policy/examples/course.rs) that knows none of them. Ends with 1, and leaves the page
alone, if formula and simulation, or simulation and what was measured, are farther apart than CHECKS says. The same seed
gives the same simulation.
"""

import collections
import json
import math
import pathlib
import random
import sys

import drains
import played
from limit_body.pages import fill, table

TOP = pathlib.Path(__file__).resolve().parent.parent
SEED = 8413

# How far apart two figures may be, as a share of the second.
FORMULA, RARE, MEASURED = 0.04, 0.1, 0.25
# Over HTTP/2 thousands of streams share what nginx reads at a time, and are cheaper than the 64 that costs are taken from.
MEASURED_STREAMS = 0.6
# How busy a core may be on average, so that nothing waits for long.
BUSY = 0.6
# How seldom more drain than expected: 1 in 1,000.
SELDOM = 0.001
GB, MB, MIB = 1e9, 1e6, 1 << 20

PROTOCOLS = {
    # Title: CPU of a refusal, of a GB, memory of a connection; by their names in docs/benchmarks.json.
    "HTTP/1.1, declared": ("http1", "http1", "http1"),
    "HTTP/1.1, chunked": ("http1", "http1_chunked", "http1"),
    "TLS 1.3, declared": ("http1_tls", "http1_tls", "http1_tls"),
    "TLS 1.3, chunked": ("http1_tls", "http1_tls_chunked", "http1_tls"),
    "HTTP/2, TLS 1.3": ("http2_tls", "http2_tls", "http2_tls"),
}

# Who uploads too much: the example's assumption.
MIX = drains.Mix((
    (0.20, drains.Client("reads while it sends, and hangs up", 2e6, 100, stops=200, closes=True)),
    (0.30, drains.Client("80 Mbit/s", 10e6)),
    (0.30, drains.Client("16 Mbit/s", 2e6)),
    (0.15, drains.Client("2 Mbit/s", 250e3, 4000)),
    (0.04, drains.Client("64 kbit/s", 8e3)),
    (0.01, drains.Client("vanishes after a second", 2e6, stops=1000)),
), mean=50e6, sigma=1.0)

NODE_RATE = 20
NODES, FLEET_RATE = 10_000, 5_000
# Milliseconds: until as many drain as ever will, and how long is counted.
WARM, COUNTED = 620_000, 2_400_000

DEFAULT = drains.Budget()
TIGHT = drains.Budget(idle=10_000, grace=10_000, time=120_000, rate=64 << 10, bytes=16 << 20, conns=1000)


# What is compared of the clients that are played to nginx.
PLAYED = {"same": "clients with the simulated outcome", "seconds": "seconds held, in all", "bytes": "bytes drained, in all"}

# Formulas. Times are in seconds, sizes in bytes.


def normal(x):
    return (1 + math.erf(x / math.sqrt(2))) / 2


def capped(mix, cap):
    """The mean of min(size, cap)."""
    mu = math.log(mix.median())
    at = (math.log(cap) - mu) / mix.sigma if cap else -math.inf
    return mix.mean * normal(at - mix.sigma) + cap * (1 - normal(at))


def most(client, budget):
    """How much is drained of a client at most, and how long it is held after that."""
    seconds = (budget.time if client.rate >= budget.rate else min(budget.grace, budget.time)) / 1000
    after = 0.0
    if client.stops is not None and client.stops / 1000 < seconds:
        after = 0.0 if client.closes else min(budget.idle / 1000, seconds - client.stops / 1000)
        seconds = client.stops / 1000
    cap = seconds * client.rate
    if budget.bytes is not None and budget.bytes < cap:
        cap, after = budget.bytes, 0.0
    return cap, after


def held(client, size, budget):
    """How long one upload is held, and how much of it is drained."""
    cap, after = most(client, budget)
    return (size / client.rate, size) if size <= cap else (cap / client.rate + after, cap)


def expected(mix, budget):
    """The means over all clients and sizes: seconds held, bytes drained, and bytes times rate."""
    seconds = count = squares = 0.0
    for share, client in mix.clients:
        cap, after = most(client, budget)
        drained = capped(mix, cap)
        beyond = 1 - normal((math.log(cap) - math.log(mix.median())) / mix.sigma)
        seconds += share * (drained / client.rate + beyond * after)
        count += share * drained
        squares += share * drained * client.rate
    return seconds, count, squares


def erlang_b(slots, load):
    """The share that finds all slots taken."""
    blocked = 1.0
    for number in range(1, slots + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


def poisson_quantile(mean, exceeded):
    """The number that is exceeded no more often than that."""
    number, total = 0, 0.0
    while (total := total + math.exp(number * math.log(mean) - mean - math.lgamma(number + 1))) < 1 - exceeded:
        number += 1
    return number


def slots_for(load, refused):
    """How many slots are enough for all but that share."""
    number, blocked = 0, 1.0
    while blocked > refused:
        number += 1
        blocked = load * blocked / (number + load * blocked)
    return number


class Need:
    """What refused uploads take, PER_SECOND of them."""

    def __init__(self, per_second, mix, budget):
        self.per_second = per_second
        self.seconds, self.bytes, squares = expected(mix, budget)
        self.draining = per_second * self.seconds
        self.bandwidth = per_second * self.bytes
        self.spread = math.sqrt(per_second * squares)

    def peak(self):
        return poisson_quantile(self.draining, SELDOM)

    def peak_bandwidth(self):
        return self.bandwidth + 3.09 * self.spread

    def cores(self, costs, title):
        return busy(costs, title, self.per_second, self.bandwidth) / BUSY


def busy(costs, title, per_second, bandwidth):
    """CPU seconds a second."""
    refusal, gb, _ = PROTOCOLS[title]
    return (per_second * costs["cpu_us_per_refusal"][refusal] / 1e6
            + bandwidth / GB * costs["cpu_seconds_per_drained_gb"][gb])


def lasts_for(costs, title, size):
    """Refused uploads of a size a second that a core is enough for."""
    return BUSY / busy(costs, title, 1, size)


# Checks.


class Checks:
    def __init__(self):
        self.rows, self.failed = [], []

    def add(self, what, found, wanted, tolerance):
        off = abs(found / wanted - 1) if wanted else abs(found)
        self.rows.append([what, shown(found), shown(wanted), f"{off:.1%}", f"{tolerance:.0%}"])
        print(f"  {what}: {shown(found)} and {shown(wanted)}, {off:.1%} apart", flush=True)
        if off > tolerance:
            self.failed.append(f"{what}: {shown(found)}, not {shown(wanted)} (more than {tolerance:.0%} apart)")


def node(checks, name, budget, per_second):
    """One node: formula and simulation."""
    print(f"==> {name}", flush=True)
    one = drains.Node(budget, is_stream=True)
    until = WARM + COUNTED
    begun, looks = drains.run([one], drains.poisson(MIX, per_second, 1, until, SEED), until, 1000)
    # Those that begin at the end would be missing from a mean of those that have ended.
    begun = [it for it in begun if WARM <= it.began <= until - WARM]
    need = Need(per_second, MIX, budget)
    if budget.conns:
        checks.add(f"{name}: share without a slot", sum(it.outcome == "refused" for it in begun) / len(begun),
                   erlang_b(budget.conns, need.draining), RARE)
        return
    for it in begun:
        # A piece may be cut off as a whole.
        seconds, count = held(it.client, it.size, budget)
        late, missing = abs(it.ended - it.began - seconds * 1000), abs(it.bytes - count)
        if late > it.client.every or missing > it.client.rate * it.client.every / 1000 + 1:
            sys.exit(f"error: {it.client}, {it.size} bytes: drained {it.bytes} in {it.ended - it.began} ms, "
                     f"by formula {count:.0f} in {seconds * 1000:.0f}")
    draining = sorted(look[0][0] for look in looks[WARM // 1000:])
    read = sorted(one.read[second] / MB for second in range(WARM // 1000, until // 1000))
    for what, found, wanted, tolerance in (
        ("seconds that a drain lasts", sum(it.ended - it.began for it in begun) / 1000 / len(begun), need.seconds,
         FORMULA),
        ("MB drained of an upload", sum(it.bytes for it in begun) / MB / len(begun), need.bytes / MB, FORMULA),
        ("draining, on average", sum(draining) / len(draining), need.draining, FORMULA),
        ("draining, exceeded 0.1% of the time", seldom(draining), need.peak(), RARE),
        ("MB/s in, on average", sum(read) / len(read), need.bandwidth / MB, FORMULA),
        ("MB/s in, exceeded 0.1% of the time", seldom(read), need.peak_bandwidth() / MB, RARE),
    ):
        checks.add(f"{name}: {what}", found, wanted, tolerance)


def seldom(ordered):
    return ordered[int(len(ordered) * (1 - SELDOM))]


def fleet(checks):
    """What all nodes hold at one moment: who has begun before, and is not done yet. Each upload is sent to a node drawn by
    lot; how long one is held has been checked."""
    print(f"==> {NODES:,} nodes", flush=True)
    dice = random.Random(SEED)
    nodes = collections.Counter()
    for share, client in MIX.clients:
        most_seconds, per_second = DEFAULT.time / 1000, FLEET_RATE * share
        if client.rate < DEFAULT.rate or client.stops is not None:
            most_seconds = DEFAULT.grace / 1000 + (client.stops or 0) / 1000
        age = 0.0
        while (age := age + dice.expovariate(per_second)) < most_seconds:
            if held(client, MIX.size(dice), DEFAULT)[0] > age:
                nodes[dice.randrange(NODES)] += 1
    need = Need(FLEET_RATE, MIX, DEFAULT)
    checks.add(f"{NODES:,} nodes: draining, all together", sum(nodes.values()), need.draining, FORMULA)
    each = sorted(nodes[number] for number in range(NODES))
    mean = need.draining / NODES
    checks.add(f"{NODES:,} nodes: draining, on all but 0.1% of them", seldom(each), poisson_quantile(mean, SELDOM), RARE)
    checks.add(f"{NODES:,} nodes: draining, on the busiest", each[-1], poisson_quantile(mean, 0.5 / NODES), RARE)


ATTACKERS = {
    "is silent": lambda budget: drains.Client("", 1, stops=0),
    "sends a byte a second": lambda budget: drains.Client("", 1),
    "keeps just to `rate`": lambda budget: drains.Client("", budget.rate * 1.05, 100),
    "sends 10 Gbit/s": lambda budget: drains.Client("", 1.25e9, 1),
}


def attack(checks, budget, name):
    """How long each kind of attacker is held, and what it has sent; by the simulation."""
    rows = []
    for title, client in ATTACKERS.items():
        client = client(budget)
        [drain], _ = drains.run([drains.Node(budget)], [(0, 0, client, 1 << 50)], 1 << 40)
        seconds, count = held(client, 1 << 50, budget)
        # What comes in pieces comes late.
        checks.add(f"{name}, {title}: seconds held", drain.ended / 1000, seconds, RARE)
        if count > 100:
            checks.add(f"{name}, {title}: MB drained", drain.bytes / MB, count / MB, FORMULA)
        rows.append((title, seconds, count, drain.outcome))
    return rows


def pressure(checks):
    """Attackers that keep to the rate, more than there are connections: the oldest drains give way to new requests."""
    print("==> more attackers than worker_connections", flush=True)
    connections, per_second = 1024, 50
    one = drains.Node(DEFAULT, worker_connections=connections, is_stream=True)
    mix = drains.Mix(((1, drains.Client("", DEFAULT.rate + 1)),), 1e12, 0.1)
    begun, looks = drains.run([one], drains.poisson(mix, per_second, 1, 60_000, SEED), 60_000, 100)
    most = max(look[0][1] for look in looks)
    checks.add(f"{connections:,} worker_connections, more attackers: draining at most", most, connections * 15 / 16, FORMULA)
    if sum(it.outcome == "evicted" for it in begun) + most < len(begun) - connections / 16:
        sys.exit("error: a request found no connection, although others drained")


def points(checks, figures):
    """Simulates what was measured, with nothing but the costs of a refusal, a GB and a connection."""
    print("==> measured points", flush=True)
    costs = figures["capacity"]
    titles = {"h1": "HTTP/1.1, declared", "tls": "TLS 1.3, declared", "h2": "HTTP/2, TLS 1.3"}
    for row in figures["growth"]:
        if row["server"] != "module" or row["connections"] < 10 or row.get("errors"):
            continue
        # The body comes with the request.
        mix = drains.Mix(((1, drains.Client("", 1e9, 1)),), 2048, 1e-9)
        one = drains.Node(DEFAULT)
        begun, _ = drains.run([one], drains.poisson(mix, row["refusals_per_second"]["median"], 1, 2000, SEED), 2000)
        cpu = busy(costs, titles[row["protocol"]], len(begun), sum(one.read.values())) / len(begun)
        checks.add(f"µs of a refusal, {row['connections']:,} at a time, {titles[row['protocol']].split(',')[0]}", cpu * 1e6,
                   row["cpu_us_per_refusal"]["median"], MEASURED_STREAMS if row["protocol"] == "h2" else MEASURED)
    for row in figures["memory"]:
        if row["server"] == "module" and row["connections"] == 1000:
            each = costs["worker_bytes_per_draining_connection"][PROTOCOLS[titles[row["protocol"]]][2]]
            one = drains.Node(DEFAULT)
            silent = [(0, 0, drains.Client("", 1, stops=0), MIB)] * row["connections"]
            _, looks = drains.run([one], silent, 1000, 500)
            checks.add(f"KiB of 1,000 that drain, {titles[row['protocol']].split(',')[0]}", looks[0][0][1] * each / 1024,
                       row["worker_bytes"]["median"] / 1024, MEASURED)


# Tables.


def shown(number):
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def sized(count):
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{shown(count / unit)} {name}"
    return f"{count:.0f} B"


def costs_table(costs):
    rows = []
    for title, (refusal, gb, memory) in PROTOCOLS.items():
        cells = [shown(lasts_for(costs, title, size)) for size in (2048, MIB, 100 * MIB, 1024 * MIB)]
        rows.append([title, shown(costs["cpu_us_per_refusal"][refusal]), shown(costs["cpu_seconds_per_drained_gb"][gb]),
                     shown(costs["worker_bytes_per_draining_connection"][memory] / 1000), *cells])
    return table(["", "CPU of a refusal, µs", "of a GB, s", "memory of a drain, kB", "2 KiB", "1 MiB", "100 MiB", "1 GiB"], rows)


def example(costs):
    columns = [Need(NODE_RATE, MIX, DEFAULT), Need(FLEET_RATE / NODES, MIX, DEFAULT), Need(FLEET_RATE, MIX, DEFAULT)]
    memory = costs["worker_bytes_per_draining_connection"]["http1_tls"]
    title = "TLS 1.3, declared"
    peaks = [columns[0].peak(), poisson_quantile(columns[1].draining, 0.5 / NODES), columns[2].peak()]
    slots = [slots_for(it.draining, SELDOM) for it in columns[:2]]
    rows = [
        ["refused uploads a second", *(shown(it.per_second) for it in columns)],
        ["bandwidth in, on average, Gbit/s", *(shown(it.bandwidth * 8 / 1e9) for it in columns)],
        ["bandwidth in, exceeded 0.1% of the time", *(shown(it.peak_bandwidth() * 8 / 1e9) for it in columns)],
        ["draining, on average", *(shown(it.draining) for it in columns)],
        ["draining, peak", *(shown(it) for it in peaks)],
        ["`conns` for 1 in 1,000 without a slot", *(shown(it) for it in slots), f"{NODES:,} × {slots[1]:,}"],
        ["connections and file descriptors, 16/15 of the peak", *(shown(math.ceil(it * 16 / 15)) for it in peaks[:2]),
         f"{NODES:,} × {math.ceil(peaks[1] * 16 / 15):,}"],
        ["memory of the workers at the peak", *(sized(it * memory) for it in peaks)],
        *([f"cores, {it}", *(shown(column.cores(costs, it)) for column in columns)]
          for it in (title, "TLS 1.3, chunked", "HTTP/2, TLS 1.3")),
    ]
    return table(["", "one node", f"one of {NODES:,}", f"all {NODES:,}"], rows)


def mix_table():
    rows = []
    for share, client in MIX.clients:
        seconds, count, _ = expected(drains.Mix(((1, client),), MIX.mean, MIX.sigma), DEFAULT)
        rows.append([client.name, f"{share:.0%}", shown(seconds), shown(count / MB)])
    return table(["client", "share", "held, s", "drained, MB"], rows)


def attack_table(rows, tight):
    def cells(seconds, count):
        return [shown(seconds), sized(count), shown(1000 / seconds)]
    head = ["a client that", "default: held, s", "sends", "new a second", "tighter: held, s", "sends", "new a second"]
    return table(head, [[title, *cells(seconds, count), *cells(*tight[number][1:3])]
                        for number, (title, seconds, count, _) in enumerate(rows)])


def dearest_table(costs, dearest):
    """CPU of a GB on the wire, in large pieces and in the smallest."""
    measured = {
        "HTTP/1.1, chunks of 64 KiB": costs["cpu_seconds_per_drained_gb"]["http1_chunked"],
        "HTTP/1.1, chunks of 1 byte": dearest["http1_chunked"],
        "TLS 1.3, chunks of 64 KiB": costs["cpu_seconds_per_drained_gb"]["http1_tls_chunked"],
        "TLS 1.3, chunks of 1 byte, a record each": dearest["http1_tls_chunked"],
        "HTTP/2, cleartext, large frames": costs["cpu_seconds_per_drained_gb"]["http2"],
        "HTTP/2, cleartext, frames of 2 bytes": dearest["http2"],
    }
    return table(["", "CPU of a GB on the wire, s", "one core is full at"],
                 [[title, shown(cpu), f"{shown(8 / cpu)} Gbit/s"] for title, cpu in measured.items()])


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    nginx, module, certificate, drains.COURSE = sys.argv[1:]
    file = TOP / "docs" / "benchmarks.json"
    if not file.exists():
        sys.exit("error: docs/benchmarks.json is missing; make bench writes it")
    figures = json.loads(file.read_text())
    costs = figures["capacity"]

    checks = Checks()
    rules, slots, linger, dearest = played.measure(nginx, module, certificate)
    for row in rules:
        for what in ("same", "seconds", "bytes"):
            found, wanted = row[what]
            checks.add(f"{row['title']}, nginx: {PLAYED[what]}", found, wanted, FORMULA)
    for title, (found, wanted) in slots.items():
        checks.add(f"{title}, nginx with conns={played.CONNS}: without a slot", found, wanted, RARE)
    [stays], _ = drains.run([drains.Node(played.BUDGET)], [(0, 0, drains.Client("", 1e9, 1, stays=True), 2000)], 60_000)
    checks.add("HTTP/1.1, nginx: seconds that a client is kept that has sent all", linger, stays.closed / 1000, MEASURED)
    points(checks, figures)
    attacks = attack(checks, DEFAULT, "default"), attack(checks, TIGHT, "tight")
    pressure(checks)
    node(checks, "one node", DEFAULT, NODE_RATE)
    node(checks, "one node, conns=600", drains.Budget(conns=600), NODE_RATE)
    fleet(checks)
    if checks.failed:
        sys.exit("error: docs/capacity.md is left as it is:\n  " + "\n  ".join(checks.failed))

    fill(TOP / "docs" / "capacity.md", {
        "costs": costs_table(costs),
        "example": example(costs),
        "mix": mix_table(),
        "attackers": attack_table(*attacks),
        "dearest": dearest_table(costs, dearest),
        "checks": table(["", "found", "expected", "apart", "may be"], checks.rows),
    })
    print("==> docs/capacity.md")


if __name__ == "__main__":
    main()
