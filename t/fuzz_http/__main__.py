"""Holds limit_body against client_max_body_size: the same scripts, made at random, are played to an nginx without the module
and to one with it, and what the client and the upstream get to see has to be the same.

    python -m fuzz_http NGINX MODULE [--scripts N] [--seconds N] [--seed SEED]  makes scripts until so many are played, or
                                                                                so much time has passed
    python -m fuzz_http NGINX MODULE --script FILE                              plays one
    python -m fuzz_http NGINX MODULE --alerts-only [...]                        compares nothing: for an nginx with the
                                                                                module so much slower than the one without
                                                                                that questions of time are answered otherwise

With "none" in the place of MODULE neither nginx has it: that shows what the machine itself adds.

A script is one connection, over HTTP/1.x or HTTP/2, as play.py says; generate.py makes them, pair.py has the two
nginx, and differences.py what differs on purpose. Held against each other: the answers, status, fields and body, but for the
date; how the connection ended, and what a following request was answered; what the upstream has seen, with the bodies.

What differs three times in a row, with others played at the same time, is played again by itself, with more time for
everything. It counts if it differs there too: then it is no question of how fast the machine is. It is made shorter as long
as it shows. With differences, or with an alert in the error log of the nginx with the module, it ends with 1; the
shortest scripts are in objs/fuzz-http/, to be played again.
"""

import argparse
import asyncio
import collections
import contextlib
import json
import pathlib
import random
import sys
import time

from fuzz_http import differences, generate, pair, play, record, shrink

QUICK = play.Pace(pause=0.003, breath=0, silence=0.5, patience=5)
SLOW = play.Pace(pause=0.05, breath=0.05, silence=3, patience=30)
# Scripts played at the same time.
WORKERS = 48
# How often a difference has to show.
TIMES = 3
# So many are enough.
ENOUGH = 5


class Arena:
    """The two nginx, and what plays scripts to them at a pace."""

    def __init__(self, both, pace):
        self.both, self.pace = both, pace
        self.upstreams = [record.Upstream(nginx.upstream) for nginx in both]
        self.plays = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, options, pace):
        """Starts the two; they are stopped in the end."""
        module = None if options.module == "none" else options.module
        with pair.running(options.nginx, module, pace.silence) as both:
            arena = cls(both, pace)
            for upstream in arena.upstreams:
                await upstream.start()
            yield arena

    async def play(self, script):
        """What both made of a script, what of the difference cannot be explained, None if nothing; and what can be, by name."""
        self.plays += 1
        sides = zip(self.both, self.upstreams)
        both = await asyncio.gather(*(play.play(script, *side, self.plays, self.pace) for side in sides))
        return both, *differences.unexplained(script, *both)

    async def differs(self, script, times):
        """Whether there is a difference, so many times in a row."""
        for _ in range(times):
            _, left, _ = await self.play(script)
            if not left:
                return False
        return True

    def alerts(self):
        """Prints what the two have complained about; how much that is, of the one with the module."""
        plain, limited = (nginx.serious() for nginx in self.both)
        if plain:
            print(f"alerts of nginx without the module: {len(plain)}")
        if limited:
            print("\n".join([f"alerts of nginx with the module: {len(limited)}", *limited[:5]]))
        return len(limited)


class Fuzzer:
    """Plays scripts made at random, many at a time, and finds what differs in a hurry."""

    def __init__(self, arena, seed, options):
        self.arena = arena
        self.seeds = (f"{seed}-{i}" for i in range(options.scripts or sys.maxsize))
        self.started = time.monotonic()
        self.until = self.started + (options.seconds or float("inf"))
        self.are_compared = not options.alerts_only
        self.suspects = []
        # Differences that did not show again.
        self.unstable = 0
        self.done = 0
        self.explained = collections.Counter()
        self.statuses = collections.Counter()

    async def look(self):
        """Goes on until there is something to look into, or nothing more to play; whether there is."""
        await asyncio.gather(*(self.work() for _ in range(WORKERS)))
        return bool(self.suspects)

    async def work(self):
        while len(self.suspects) < ENOUGH and time.monotonic() < self.until and (seed := next(self.seeds, None)):
            script = generate.script(seed)
            (_, limited), left, names = await self.arena.play(script)
            self.explained.update(names)
            self.statuses.update(answer.status for answer in limited.answers)
            if left and self.are_compared:
                if await self.arena.differs(script, TIMES - 1):
                    self.suspects.append((seed, script))
                else:
                    self.unstable += 1
            self.done += 1

    async def ticking(self):
        while True:
            await asyncio.sleep(20)
            print(f"{self.done} scripts, {self.done / (time.monotonic() - self.started):.0f} a second", flush=True)


async def look_into(seed, script, quick, slow):
    """Reports a difference, as short as it can be; whether there is one."""
    if not await slow.differs(script, TIMES):
        print(f"{seed} is no difference: with more time for everything there is none", flush=True)
        return False
    shorter = await shrink.shrink(script, lambda candidate: quick.differs(candidate, TIMES - 1))
    shortest = shorter if await slow.differs(shorter, TIMES) else script
    path = pathlib.Path("objs/fuzz-http", f"{seed}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(shortest, ensure_ascii=False) + "\n")
    both, _, _ = await slow.play(shortest)
    show(shortest, *both)
    print(f"A difference: {seed}. Play it again: make fuzz-http SCRIPT={path}\n", flush=True)
    return True


def show(script, plain, limited):
    print(f"\n{json.dumps(script, ensure_ascii=False)}")
    for name, one, other in [("client_max_body_size", plain, limited), ("limit_body", limited, plain)]:
        print(f"  {name}:")
        for line in one.lines():
            print(f"  {' ' if line in other.lines() else '>'} {line}")


async def fuzz(quick, options):
    """Plays scripts made at random; the number of differences, and of alerts."""
    seed = options.seed or str(random.randrange(10**9))
    print(f"seed {seed}", flush=True)
    fuzzer = Fuzzer(quick, seed, options)
    ticks = asyncio.create_task(fuzzer.ticking())
    found = alerts = 0
    while found < ENOUGH and await fuzzer.look():
        async with Arena.open(options, SLOW) as slow:
            while fuzzer.suspects:
                if await look_into(*fuzzer.suspects.pop(), quick, slow):
                    found += 1
                else:
                    fuzzer.unstable += 1
            alerts += slow.alerts()
    ticks.cancel()
    took = time.monotonic() - fuzzer.started
    counts = ", ".join(f"{name} {count}" for name, count in sorted(fuzzer.explained.items()))
    statuses = ", ".join(f"{status} {count}" for status, count in sorted(fuzzer.statuses.items()) if status)
    print(f"answers: {statuses}")
    print(f"differences on purpose: {counts or 'none'}")
    result = f"{found} differences, {fuzzer.unstable} that did not show again" if fuzzer.are_compared else "not compared"
    print(f"{fuzzer.done} scripts in {took:.0f} s, {result}")
    return found + alerts + quick.alerts()


async def again(script, options):
    """Plays a script that was found; whether it still shows something."""
    async with Arena.open(options, SLOW) as slow:
        both, left, names = await slow.play(script)
        show(script, *both)
        print("A difference." if left else f"As it should be{': ' if names else ''}{', '.join(names)}.")
        return bool(left or slow.alerts())


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nginx")
    parser.add_argument("module")
    parser.add_argument("--scripts", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--seed")
    parser.add_argument("--script", type=pathlib.Path)
    parser.add_argument("--alerts-only", action="store_true")
    options = parser.parse_args()

    if options.script:
        sys.exit(await again(json.loads(options.script.read_text()), options))
    async with Arena.open(options, QUICK) as quick:
        sys.exit(1 if await fuzz(quick, options) else 0)


asyncio.run(main())
