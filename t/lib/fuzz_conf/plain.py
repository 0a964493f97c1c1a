"""The same configuration for nginx alone: client_max_body_size in the place of limit_body."""

import re


def words(nodes, directive):
    """The arguments of a directive in a block, None if it is not there."""
    for node in nodes:
        if isinstance(node, str) and (found := re.fullmatch(rf"{directive}((?: [^;]*)?);", node)):
            return found[1].split()
    return None


def translated(nodes, outer="1m"):
    """Each block says its limit: that of the innermost block with one of the two directives, limit_body before the other."""
    own, limit = words(nodes, "limit_body"), words(nodes, "client_max_body_size")
    here = outer
    if limit:
        here = limit[0]
    if own and own[0] != "off":
        here = own[0].removeprefix("$limit_")
    left = [f"client_max_body_size {here};"]
    for node in nodes:
        if isinstance(node, list):
            is_block_of_its_own = node[0].startswith("location")
            left.append([node[0], translated(node[1], here)] if is_block_of_its_own else node)
        elif node == "limit_body_metrics;":
            left.append('return 200 "metrics\\n";')
        elif not node.startswith(("limit_body", "client_max_body_size ")):
            left.append(node)
    return left
