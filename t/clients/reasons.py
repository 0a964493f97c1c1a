"""Why users get no answer, as far as it is known: found in the sources of client and server, or in captured packets."""

import re

# Server, client, protocol, case, length and the user's words, each an expression; the first that fits. Then why.
REASONS = [
]


def reason(client, protocol, server, case, mode, error):
    for *patterns, why in REASONS:
        if all(re.search(pattern, value) for pattern, value in zip(patterns, (server, client, protocol, case, mode, error))):
            return why
    return None
