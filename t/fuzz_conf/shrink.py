"""Makes a case smaller, its configuration and its scripts, as long as what it shows remains."""

import asyncio
import itertools
import re
import time

from fuzz_http import shrink

from . import clients

# How long smaller cases are tried, in seconds.
PATIENCE = 150
# So many are tried at the same time.
AT_ONCE = 4


async def smallest(case, shows):
    """The smallest case that shows the same, found by leaving out what there is."""
    until = time.monotonic() + PATIENCE
    for candidates in (scripts, nodes, texts, atoms, scripts, nodes, texts):
        at = 0
        while time.monotonic() < until:
            left = ((i, one) for i, one in enumerate(candidates(case)) if i >= at and is_valid(one))
            tried = list(itertools.islice(left, AT_ONCE))
            if not tried:
                break
            at = tried[-1][0] + 1
            for (i, candidate), does_show in zip(tried, await asyncio.gather(*(shows(one) for _, one in tried))):
                if does_show:
                    # What comes next has moved up to its place.
                    case, at = candidate, i
                    break
    return case


def is_valid(case):
    return bool(case.scripts) and all(clients.requests(script) for script in case.scripts)


def scripts(case):
    if len(case.scripts) > 1:
        for i in range(len(case.scripts)):
            yield case._replace(scripts=case.scripts[:i] + case.scripts[i + 1 :])


def with_nodes(case, changed):
    return case._replace(configuration=case.configuration._replace(nodes=changed))


def nodes(case):
    for changed in without_one(case.configuration.nodes):
        yield with_nodes(case, changed)


def without_one(tree):
    """The tree without one of its nodes: whole blocks before what is in them."""
    for i, node in enumerate(tree):
        yield tree[:i] + tree[i + 1 :]
        if isinstance(node, list):
            for inner in without_one(node[1]):
                yield [*tree[:i], [node[0], inner], *tree[i + 1 :]]


def texts(case):
    for changed in with_shorter_text(case.configuration.nodes):
        yield with_nodes(case, changed)


def with_shorter_text(tree):
    for i, node in enumerate(tree):
        if isinstance(node, list):
            for inner in with_shorter_text(node[1]):
                yield [*tree[:i], [node[0], inner], *tree[i + 1 :]]
        else:
            for shorter in shorter_texts(node):
                yield [*tree[:i], shorter, *tree[i + 1 :]]


def shorter_texts(text):
    statements = re.findall(r"(?:[^;\"]|\"[^\"]*\")+;", text)
    if len(statements) > 1:
        for i in range(len(statements)):
            yield "".join(statements[:i] + statements[i + 1 :]).strip()
        return
    words = text[:-1].split(" ")
    if words[0] in ("error_page", "limit_body", "limit_body_drain") and len(words) > 2:
        for i in range(1, len(words)):
            yield " ".join(words[:i] + words[i + 1 :]) + ";"
    if re.match(r"limit_body \$limit_", text):
        yield text.replace("$limit_", "")


def atoms(case):
    for i, script in enumerate(case.scripts):
        for smaller in shrink.candidates(script):
            if smaller["atoms"]:
                yield case._replace(scripts=[*case.scripts[:i], smaller, *case.scripts[i + 1 :]])
        for j, atom in enumerate(script["atoms"]):
            if isinstance(atom, list) and atom[0] == "chunks":
                for less in (atom[2] // 2, atom[2] - 1):
                    if less:
                        changed = [*script["atoms"][:j], ["chunks", atom[1], less], *script["atoms"][j + 1 :]]
                        yield case._replace(scripts=[*case.scripts[:i], script | {"atoms": changed}, *case.scripts[i + 1 :]])
