"""Makes a case shorter, its configuration and its scripts, as long as what it shows remains."""

import asyncio
import itertools
import re
import time

from fuzz_http import shrink

from . import clients

# How long smaller cases are tried, in seconds.
PATIENCE = 120
# So many are tried at the same time.
AT_ONCE = 4


async def smallest(case, shows):
    """The smallest case that shows the same, found by leaving out what there is."""
    until = time.monotonic() + PATIENCE
    is_smaller = True
    while is_smaller:
        is_smaller = False
        left = (one for one in candidates(case) if all(clients.requests(script) for script in one.scripts))
        while not is_smaller and time.monotonic() < until and (tried := list(itertools.islice(left, AT_ONCE))):
            for candidate, does_show in zip(tried, await asyncio.gather(*map(shows, tried))):
                if does_show and not is_smaller:
                    case, is_smaller = candidate, True
    return case


def candidates(case):
    scripts = case.scripts
    if len(scripts) > 1:
        for script in scripts:
            yield case._replace(scripts=[script])
        for i in range(len(scripts)):
            yield case._replace(scripts=scripts[:i] + scripts[i + 1 :])
    for nodes in smaller_nodes(case.configuration.nodes):
        yield case._replace(configuration=case.configuration._replace(nodes=nodes))
    for i, script in enumerate(scripts):
        for smaller in shrink.candidates(script):
            if smaller["atoms"]:
                yield case._replace(scripts=[*scripts[:i], smaller, *scripts[i + 1 :]])


def smaller_nodes(nodes):
    """The tree with something left out: whole blocks first."""
    for i, node in sorted(enumerate(nodes), key=lambda pair: -len(str(pair[1]))):
        yield nodes[:i] + nodes[i + 1 :]
    for i, node in enumerate(nodes):
        if isinstance(node, list):
            for inner in smaller_nodes(node[1]):
                yield [*nodes[:i], [node[0], inner], *nodes[i + 1 :]]
        else:
            for shorter in shorter_text(node):
                yield [*nodes[:i], shorter, *nodes[i + 1 :]]


def shorter_text(text):
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
