"""Holds limit_body against client_max_body_size: the same scripts, made at random, are played to an nginx without the module
and to one with it, and what the client and the upstream get to see has to be the same.

    fuzz-http.py NGINX MODULE [--scripts N] [--seconds N] [--seed SEED]     makes scripts until so many are played, or so
                                                                            much time has passed
    fuzz-http.py NGINX MODULE --script FILE                                 plays one
    fuzz-http.py NGINX MODULE --alerts-only [...]                           compares nothing: for an nginx with the module so
                                                                            much slower than the one without that questions of
                                                                            time are answered otherwise

With "none" in the place of MODULE neither nginx has it: that shows what the machine itself adds.

A script is one connection, over HTTP/1.x or HTTP/2, as fuzz_http/play.py says; generate.py makes them, pair.py has the two
nginx, and differences.py what differs on purpose. Held against each other: the answers, status, fields and body, but for the
date; how the connection ended, and what a following request was answered; what the upstream has seen, with the bodies.

A difference counts when it shows three times, and in the end once more by itself; it is made shorter as long as it shows.
With differences, or with an alert in the error log of the nginx with the module, it ends with 1; the shortest scripts are in
objs/fuzz-http/, to be played again.
"""

import argparse
import asyncio
import collections
import json
import pathlib
import random
import sys
import time

from fuzz_http import differences, generate, pair, play, record, shrink

# What a client does not send is waited for so long.
SILENCE = "500ms"
# Scripts played at the same time.
WORKERS = 48
# How often a difference has to show.
TIMES = 3
# So many are enough.
ENOUGH = 5


class Fuzzer:
    def __init__(self, nginx, upstreams, are_compared):
        self.nginx, self.upstreams, self.are_compared = nginx, upstreams, are_compared
        self.plays = 0
        self.done = self.unstable = 0
        self.explained = collections.Counter()
        self.statuses = collections.Counter()
        self.found = []

    async def play(self, script):
        """What both made of a script, and what of the difference cannot be explained; None if nothing, or not compared."""
        self.plays += 1
        both = await asyncio.gather(*(play.play(script, *side, self.plays) for side in zip(self.nginx, self.upstreams)))
        left, names = differences.unexplained(script, *both)
        return both, left if self.are_compared else None, names

    async def differs(self, script, times=TIMES):
        """What differs, so many times in a row; None if it does not."""
        for attempt in range(times):
            both, left, names = await self.play(script)
            if attempt == 0:
                self.explained.update(names)
                self.statuses.update(answer.status for answer in both[1].answers)
            if not left:
                self.unstable += attempt > 0
                return None
        return left

    async def work(self, seeds, until):
        for seed in seeds:
            if time.monotonic() > until or len(self.found) >= ENOUGH:
                return
            script = generate.script(seed)
            if await self.differs(script):
                print(f"a difference: {seed}", flush=True)
                self.found.append((seed, script))
            self.done += 1

    async def report(self, seed, script):
        async def shows(candidate):
            return await self.differs(candidate, 2) is not None

        script = await shrink.shrink(script, shows)
        for _ in range(TIMES):
            (plain, limited), left, _ = await self.play(script)
            if left:
                break
        else:
            print(f"{seed} does not differ any more, with nothing else played at the time")
            return False
        text = json.dumps(script, ensure_ascii=False)
        path = pathlib.Path("objs/fuzz-http", f"{seed}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
        show(text, plain, limited)
        print(f"Play it again: make fuzz-http SCRIPT={path}\n")
        return True


def show(text, plain, limited):
    print(f"\n{text}")
    for name, one, other in [("client_max_body_size", plain, limited), ("limit_body", limited, plain)]:
        print(f"  {name}:")
        for line in one.lines():
            print(f"  {' ' if line in other.lines() else '>'} {line}")


async def ticking(fuzzer, started):
    while True:
        await asyncio.sleep(20)
        print(f"{fuzzer.done} scripts, {fuzzer.done / (time.monotonic() - started):.0f} a second", flush=True)


async def fuzz(fuzzer, options):
    seed = options.seed or str(random.randrange(10**9))
    print(f"seed {seed}", flush=True)
    started = time.monotonic()
    until = started + options.seconds if options.seconds else float("inf")
    seeds = (f"{seed}-{i}" for i in range(options.scripts or sys.maxsize))
    ticks = asyncio.create_task(ticking(fuzzer, started))
    await asyncio.gather(*(fuzzer.work(seeds, until) for _ in range(WORKERS)))
    ticks.cancel()
    took = time.monotonic() - started
    counts = ", ".join(f"{name} {count}" for name, count in sorted(fuzzer.explained.items()))
    statuses = ", ".join(f"{status} {count}" for status, count in sorted(fuzzer.statuses.items()) if status)
    # Before more is played.
    unstable = fuzzer.unstable
    found = sum([await fuzzer.report(*found) for found in fuzzer.found[:ENOUGH]])
    unstable += len(fuzzer.found[:ENOUGH]) - found
    print(f"answers: {statuses}")
    print(f"differences on purpose: {counts or 'none'}")
    result = f"{found} differences, {unstable} that did not show again" if fuzzer.are_compared else "not compared"
    print(f"{fuzzer.done} scripts in {took:.0f} s, {result}")
    return found > 0


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

    module = None if options.module == "none" else options.module
    with pair.running(options.nginx, module, SILENCE) as both:
        upstreams = [record.Upstream(nginx.upstream) for nginx in both]
        for upstream in upstreams:
            await upstream.start()
        fuzzer = Fuzzer(both, upstreams, not options.alerts_only)
        if options.script:
            text = options.script.read_text()
            (plain, limited), left, names = await fuzzer.play(json.loads(text))
            show(text.strip(), plain, limited)
            print("A difference." if left else f"As it should be{': ' if names else ''}{', '.join(names)}.")
            failed = bool(left)
        else:
            failed = await fuzz(fuzzer, options)
        plain, limited = (nginx.alerts() for nginx in both)
        if plain:
            print(f"alerts of nginx without the module: {len(plain)}")
        print("\n".join(limited[:5]))
        sys.exit(1 if failed or limited else 0)


asyncio.run(main())
