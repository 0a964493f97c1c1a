"""Plays random clients to nginx with random configurations, and looks for what must not be whatever they are.

    python -m fuzz_conf NGINX MODULE CERTIFICATE [--configs N] [--seconds N] [--seed SEED]
    python -m fuzz_conf NGINX MODULE CERTIFICATE --case FILE                plays one that was found

With "none" in the place of MODULE nginx is alone, and what is found is its own. grammar.py makes the configurations, clients.py the clients; arena.py plays
them, and upstream.py is their upstream. What is wrong by itself: a worker that dies, a report of AddressSanitizer, an alert;
an upstream that sees what no client has sent as a request, is promised what does not come, or is sent what was not promised;
a kept connection to it on which the next request fails; an answer to another request; connections, drains or timers that are
left when all clients are gone.

What shows is played again by itself, and to nginx alone: what shows there, too, is nginx's own. With --compare all of it is played to nginx alone, with client_max_body_size in
the place of limit_body, and what clients are answered has to be the same but for what differences.py says.

What is found is made smaller, configuration and scripts, as long as it shows. The smallest are in objs/fuzz-conf/, to be
played again.
"""

import argparse
import asyncio
import collections
import functools
import json
import pathlib
import random
import re
import sys
import time
import typing

from fuzz_conf import arena, differences, grammar, plain, shrink

DIFFERS = "an answer differs"

# Configurations in one nginx, and how many nginx run at the same time.
BATCH = 10
LANES = 8
# How many suspicions are looked into at the same time.
LOOKS = 3
# How often what was found is tried again before it is given up.
TRIES = 3


# What comes of a body that an upstream was promised and that does not come, whoever is the first to see it.
UNKEPT = {
    "upstream: a promise that is not kept",
    "upstream: kept with a request that is not whole",
    "upstream: a body that the client has not sent",
    "an innocent request",
}


def is_same(kind, other):
    return kind == other or {kind, other} <= UNKEPT


class Find(typing.NamedTuple):
    kind: str
    case: arena.Case
    # After how many configurations, and seconds.
    done: int
    seconds: float


async def shown(setting, case, kind, tries=TRIES):
    """The violation of this kind that a case shows, if it does, in as many tries at most."""
    for _ in range(tries):
        try:
            if kind == DIFFERS:
                if found := await always_differs(setting, case):
                    return found
                continue
            violations, _ = await arena.run(setting, [case] * arena.COPIES)
        except arena.Invalid:
            return None
        for violation in violations:
            if is_same(violation.kind, kind):
                return violation
    return None


def compared(cases, plain, limited, names=None):
    """The answers that differ for no reason."""
    for n, case in enumerate(cases):
        text = "\n".join(grammar.text(case.configuration.nodes))
        for script, one, other in zip(case.scripts, plain[n], limited[n]):
            if "close" in script["end"] or "silence" in script["end"]:
                continue
            left, why = differences.unexplained(text, one.answers, other.answers)
            if names is not None:
                names.update(why)
            if left:
                what = f"client_max_body_size: {left[0]}\nlimit_body: {left[1]}\nof {json.dumps(script, ensure_ascii=False)[:1500]}"
                yield arena.Violation(DIFFERS, what, n)


async def always_differs(setting, case):
    """What differs in each of the copies of a case."""
    copies = [case] * arena.COPIES
    (_, plain), (_, limited) = await asyncio.gather(arena.run(setting._replace(module=None), copies), arena.run(setting, copies))
    found = list(compared(copies, plain, limited))
    return found[0] if len({violation.number for violation in found}) == len(copies) else None


class Fuzzer:
    def __init__(self, options, setting):
        self.options, self.setting = options, setting
        self.alone = setting._replace(module=None)
        # What nginx refuses with the limit of the module it may do without one, as the module does where it lets it through.
        self.alones = [self.alone, self.alone._replace(is_open=True)]
        self.seed = options.seed or str(random.randrange(10**9))
        self.seeds = (f"{self.seed}-{i}" for i in range(options.configs or sys.maxsize))
        self.started = time.monotonic()
        self.until = self.started + (options.seconds or float("inf"))
        self.done = self.invalid = self.scripts = 0
        self.statuses, self.explained = collections.Counter(), collections.Counter()
        # What is to be looked into: cases, and what they have shown.
        self.suspicions = asyncio.PriorityQueue()
        self.found = []
        # By kind: how much was found, is nginx's own, did not show again.
        self.kinds, self.own, self.unstable = collections.Counter(), collections.Counter(), collections.Counter()

    def is_over(self):
        return time.monotonic() > self.until or len(self.found) >= self.options.enough

    async def lane(self):
        while not self.is_over():
            cases = [arena.Case.make(seed) for _, seed in zip(range(BATCH), self.seeds)]
            if not cases:
                return
            await self.batch(cases)

    async def batch(self, cases):
        try:
            sides = [self.setting, *([self.alone] if self.options.compare else [])]
            (violations, plays), *alone = await asyncio.gather(*(arena.run(side, cases) for side in sides))
        except arena.Invalid as error:
            if len(cases) > 1:
                for case in cases:
                    await self.batch([case])
                return
            self.invalid += 1
            if self.options.verbose:
                print(f"{cases[0].seed}: {error}")
            return
        self.done += len(cases)
        for play in (play for each in plays for play in each):
            self.scripts += 1
            self.statuses.update(answer.status for answer in play.answers if answer.status)
        for _, others in alone:
            violations = [*violations, *compared(cases, others, plays, self.explained)]
        if violations:
            # What takes long to look into comes last.
            last = all(violation.kind.startswith("left") for violation in violations)
            self.suspicions.put_nowait((last, self.done, cases, violations, time.monotonic() - self.started))

    async def looking(self):
        """Looks into what is suspected, one after the other, for as long as there is something to be found."""
        while True:
            _, done, cases, violations, seconds = await self.suspicions.get()
            if len(self.found) < self.options.enough:
                new = [one for one in violations if self.kinds[one.kind] < self.options.each]
                await self.sift(cases, new, (done, seconds))
            self.suspicions.task_done()

    async def sift(self, cases, violations, when):
        """Keeps what shows again, with the module only."""
        found = {}
        for violation in violations:
            for n in range(len(cases)) if violation.number is None else [violation.number]:
                if not plain.is_own(violation.kind, cases[n].configuration.nodes):
                    found.setdefault((n, violation.kind), violation)
        suspects = sorted({n for n, _ in found})
        if not suspects:
            return
        own = []
        if self.setting.module:
            for alone in self.alones:
                own += (await arena.run(alone, [cases[n] for n in suspects for _ in range(2)]))[0]
        own = {(suspects[violation.number // 2], violation.kind) for violation in own if violation.number is not None}
        for kind in {kind: None for _, kind in found}:
            which = [n for n in suspects if (n, kind) in found]
            mine = [n for n in which if any(n == other and is_same(kind, shown) for other, shown in own)]
            self.own[kind] += len(mine)
            if mine and self.own[kind] <= self.options.own:
                self.report(kind, found[mine[0], kind], cases[mine[0]], "own")
            if mine and found[mine[0], kind].number is None:
                continue
            which = [n for n in which if n not in mine]
            if self.kinds[kind] >= self.options.each:
                continue
            again = await asyncio.gather(*(shown(self.setting, cases[n], kind) for n in which))
            if which and not any(again):
                self.unstable[kind] += 1
                print(f"{kind}: it did not show again ({cases[which[0]].seed}): {found[which[0], kind].what[:600]}", flush=True)
            for n, violation in zip(which, again):
                if not violation or self.kinds[kind] >= self.options.each:
                    continue
                if kind != DIFFERS and await self.is_own(kind, cases[n], 3 * TRIES):
                    self.own[kind] += 1
                elif not (await shown(self.setting, cases[n], kind, 2) and await shown(self.setting, cases[n], kind, 2)):
                    # What shows now and then may be nginx's own, and not have shown there.
                    self.unstable[kind] += 1
                    print(f"{kind}: it shows too seldom ({cases[n].seed}): {violation.what[:600]}", flush=True)
                elif not kind.startswith("left") or await shown(self.setting._replace(patience=arena.LONG), cases[n], kind):
                    self.kinds[kind] += 1
                    self.found.append(Find(kind, cases[n], *when))
                    self.report(kind, violation, cases[n], "found", when)

    async def is_ours(self, kind, case):
        """Whether a case shows this, and not with nginx alone."""
        return await shown(self.setting, case, kind, 1) and (kind == DIFFERS or not await self.is_own(kind, case, 1))

    async def is_own(self, kind, case, tries):
        """Whether a case shows this with nginx alone, too, if that is not all that is played to."""
        for alone in self.alones if self.setting.module else []:
            if await shown(alone, case, kind, tries):
                return True
        return False

    async def shorten(self):
        """Reports what was found once more, as small as it can be."""
        left = iter(self.found)

        async def shorten_some():
            for find in left:
                smallest = await shrink.smallest(find.case, functools.partial(self.is_ours, find.kind))
                violation = await shown(self.setting, smallest, find.kind) or arena.Violation(find.kind, "(not this time)")
                self.report(find.kind, violation, smallest, "smallest", (find.done, find.seconds))

        await asyncio.gather(*(shorten_some() for _ in range(LOOKS)))

    def report(self, kind, violation, case, what, when=()):
        path = pathlib.Path("objs/fuzz-conf", f"{case.seed}-{re.sub('[^a-z]+', '-', kind)[:40]}-{what}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(case.saved(), ensure_ascii=False) + "\n")
        print(f"\n{what.upper()}: {kind}\n{violation.what[:2500]}")
        if what == "smallest":
            print("\n".join(grammar.text(case.configuration.nodes, 1)))
            for script in case.scripts:
                print(json.dumps(script, ensure_ascii=False)[:3000])
        if when:
            print(f"seed {case.seed}, after {when[0]} configurations and {when[1]:.0f} s")
        print(f"Play it again: make fuzz-conf CASE={path}\n", flush=True)

    async def ticking(self):
        while True:
            await asyncio.sleep(20)
            rate = self.done / (time.monotonic() - self.started)
            print(f"{self.done} configurations, {rate:.1f} a second, {self.scripts} scripts, "
                  f"{self.suspicions.qsize()} to be looked into", flush=True)

    async def run(self):
        print(f"seed {self.seed}", flush=True)
        tasks = [asyncio.create_task(one) for one in (self.ticking(), *(self.looking() for _ in range(LOOKS)))]
        await asyncio.gather(*(self.lane() for _ in range(LANES)))
        took = time.monotonic() - self.started
        await self.suspicions.join()
        for task in tasks:
            task.cancel()
        if not self.options.keep:
            await self.shorten()
        print("answers: " + ", ".join(f"{status} {count}" for status, count in sorted(self.statuses.items())))
        for name, kinds in [("differences on purpose", self.explained), ("nginx's own", self.own), ("did not show again", self.unstable)]:
            if kinds := +kinds:
                print(f"{name}: " + ", ".join(f"{kind} {count}" for kind, count in kinds.items()))
        print(f"{self.done} configurations in {took:.0f} s, {self.invalid} that nginx does not take, {self.scripts} scripts, "
              f"{len(self.found)} violations: {', '.join(self.kinds) or 'none'}")
        return 1 if self.found else 0


async def again(options, setting):
    case = arena.Case.read(json.loads(options.case.read_text()))
    print("\n".join(grammar.text(case.configuration.nodes, 1)))
    violations, plays = await arena.run(setting, [case] * arena.COPIES)
    if options.compare and (differs := await always_differs(setting, case)):
        violations.append(differs)
    for script, play in zip(case.scripts, plays[0]):
        print(json.dumps(script, ensure_ascii=False)[:3000])
        print("   ", [(answer.status, answer.body[:80]) for answer in play.answers], play.end)
    for violation in violations:
        print(f"{violation.kind}: {violation.what}")
    return 1 if violations else 0


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nginx")
    parser.add_argument("module")
    parser.add_argument("certificate")
    parser.add_argument("--configs", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--seed")
    parser.add_argument("--case", type=pathlib.Path)
    parser.add_argument("--asan", action="store_true", help="nginx and the module were built with AddressSanitizer")
    parser.add_argument("--enough", type=int, default=5, help="how many violations are enough")
    parser.add_argument("--each", type=int, default=1, help="how many of each kind")
    parser.add_argument("--own", type=int, default=0, help="how many of nginx's own of each kind are reported")
    parser.add_argument("--compare", action="store_true", help="with client_max_body_size on nginx alone")
    parser.add_argument("--keep", action="store_true", help="makes nothing smaller")
    parser.add_argument("--verbose", action="store_true", help="reports what nginx does not take")
    options = parser.parse_args()
    certificate = str(pathlib.Path(options.certificate).resolve())
    setting = arena.Setting(options.nginx, None if options.module == "none" else options.module, certificate, options.asan)
    sys.exit(await (again(options, setting) if options.case else Fuzzer(options, setting).run()))


asyncio.run(main())
