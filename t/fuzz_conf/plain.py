"""The same configuration for nginx alone: client_max_body_size in the place of limit_body, or no limit at all."""

import re

# What nginx does by itself in configurations with such a word, though not with each limit: kinds of violations.
OWN = [
    # The file of a body is closed when it has been passed on, and post_action passes it on again.
    (r"(pread|chmod|unlink)\(\) +failed", "post_action"),
]


def is_own(kind, nodes):
    """Whether this is nginx's own, whatever its limit makes of it."""
    return any(re.search(what, kind) and word in str(nodes) for what, word in OWN)


def words(nodes, directive):
    """The arguments of a directive in a block, None if it is not there."""
    for node in nodes:
        if isinstance(node, str) and (found := re.fullmatch(rf"{directive}((?: [^;]*)?);", node)):
            return found[1].split()
    return None


def translated(nodes, is_open=False, nginx="1m", limit=None, is_dry=False):
    """Each block says its limit: that of the innermost block with one of the two directives, limit_body before the other. Where
    limit_body is off, or a dry run, it is nginx's own. With is_open there is none."""
    if size := words(nodes, "client_max_body_size"):
        nginx = size[0]
        limit = limit and size[0]
    if own := words(nodes, "limit_body"):
        limit = None if own[0] == "off" else own[0].removeprefix("$limit_")
    if dry := words(nodes, "limit_body_dry_run"):
        is_dry = dry[0] == "on"
    here = "0" if is_open else limit if limit and not is_dry else nginx
    left = [f"client_max_body_size {here};"]
    for node in nodes:
        if isinstance(node, list):
            is_block_of_its_own = node[0].startswith("location")
            inner = translated(node[1], is_open, nginx, limit, is_dry) if is_block_of_its_own else node[1]
            left.append([node[0], inner])
        elif node == "limit_body_metrics;":
            left.append("stub_status;")
        elif not node.startswith(("limit_body", "client_max_body_size ")):
            left.append(node)
    return left
