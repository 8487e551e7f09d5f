"""Bounded waits. Nothing here sleeps to let something happen: each wait names what it waits for."""

import time

from harness.binary import sanitized

# How long anything that must happen may take before a test gives up on it.
PATIENCE = 20.0
# How long we watch that something does not happen.
WATCH = 0.12


def scaled(count: int) -> int:
    """The size of a load: a fifth of it for an instrumented build."""
    return max(1, count // 5) if sanitized() else count


def wait_until(claim, what: str, within: float = PATIENCE) -> None:
    """Returns once claim() is true; for what no condition variable tells us (/proc, sockets)."""
    deadline = time.monotonic() + within
    while not claim():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what}")
        time.sleep(0.004)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start
