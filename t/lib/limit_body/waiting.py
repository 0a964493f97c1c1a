"""Waiting for something, and not for longer than is sensible."""

import time

PATIENCE = 30


def await_condition(condition, what, patience=PATIENCE):
    """Waits until something holds, and returns it."""
    until = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > until:
            raise TimeoutError(what)
        time.sleep(0.01)
    return value
