"""Load: the well-known generators, and one of our own that knows which answer is whose."""

import collections
import random
import re
import socket
import subprocess
import threading
from dataclasses import dataclass

from harness.client import Client
from harness.messages import Ended, Malformed, Truncated


@dataclass
class Report:
    """What a load generator says it has seen."""

    complete: int
    failed: int
    output: str

    def check(self, at_least: int) -> None:
        assert self.failed == 0 and self.complete >= at_least, self.output


def _run(command: list[str], within: float) -> str:
    result = subprocess.run(command, capture_output=True, text=True, errors="replace",
                            timeout=within, check=False)
    output = f"$ {' '.join(command)}\n{result.stdout}\n{result.stderr}"
    assert result.returncode == 0, output
    return output


def _number(pattern: str, output: str) -> int:
    match = re.search(pattern, output)
    return int(match[1]) if match else 0


def ab(url: str, requests: int, concurrency: int, *options: str, within: float = 50,
       prefix=()) -> Report:
    """ApacheBench: HTTP/1.0; short connections, unless -k is among the options."""
    output = _run([*prefix, "ab", "-q", "-r", "-l", "-s", "20", "-n", str(requests), "-c", str(concurrency),
                   *options, url], within)
    failed = sum(_number(rf"{what}:\s+(\d+)", output)
                 for what in ("Failed requests", "Non-2xx responses", "Write errors"))
    return Report(_number(r"Complete requests:\s+(\d+)", output), failed, output)


def wrk(url: str, seconds: int, connections: int, *options: str) -> Report:
    """wrk: HTTP/1.1, kept-alive connections, one thread."""
    output = _run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", *options,
                   url], seconds + 50)
    failed = sum(_number(pattern, output) for pattern in (
        r"Non-2xx or 3xx responses: (\d+)", r"Socket errors: connect (\d+)",
        r"Socket errors: .* read (\d+)", r"Socket errors: .* write (\d+)",
        r"Socket errors: .* timeout (\d+)"))
    return Report(_number(r"(\d+) requests in", output), failed, output)


def h2load(url: str, requests: int, clients: int, *options: str, within: float = 50,
           prefix=()) -> Report:
    """h2load --h1: HTTP/1.1, and -m of them pipelined on each connection."""
    output = _run([*prefix, "h2load", "--h1", "-t1", "-n", str(requests), "-c", str(clients),
                   *options, url], within)
    failed = sum(_number(rf"(\d+) {what}\b", output)
                 for what in ("failed", "errored", "timeout", "3xx", "4xx", "5xx"))
    return Report(_number(r"(\d+) succeeded", output), failed, output)


def outcome_of(client: Client, method: str, name: str, fields=(), *, target: str = "/",
               body: bytes | None = None) -> tuple[str, bool]:
    """Asks for what is `name`'s alone. Gives what came of it, and whether the connection stays."""
    if body is None and method == "POST":
        body = b"x" * 20
    try:
        client.ask(method, target, [("X-Id", name), *fields], body)
        reply = client.answer(method)
    except (Ended, ConnectionError) as error:
        # Ended is raised before a byte of the answer only; so is what sending raises.
        return "closed" if isinstance(error, (Ended, BrokenPipeError)) else "cut", False
    except (Truncated, Malformed, OSError) as error:
        return f"cut: {error!r}", False
    keep = "close" not in reply.fields.tokens("Connection")
    if reply.status == 200 and method != "HEAD" and reply.text.split()[1:2] != [name]:
        return "foreign", keep
    return str(reply.status), keep


class TaggedLoad:
    """Clients that ask for what only they may get, and keep a book of what came of every request.

    A client ends when it is stopped, has reached its limit, or is refused a connection.
    outcomes: id -> "200", another status, "refused" (no connection), "closed" (the connection
    ended before a byte of the answer), "cut" (in the middle of it), "foreign" (another's answer).
    """

    def __init__(self, address, clients: int, *, methods=("GET", "POST"), short: float = 0.5,
                 seed: int = 0, limit: int | None = None, pause: float = 0,
                 make_socket=socket.socket) -> None:
        self.address = address
        self._pause = pause  # between two requests of a client: the more of them, the less each asks
        self._make_socket = make_socket
        self.outcomes: dict[str, str] = {}
        self._methods = methods
        self._short = short
        self._limit = limit
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._client, args=(n, random.Random(seed * 1000 + n)),
                             daemon=True) for n in range(clients)]
        for thread in self._threads:
            thread.start()

    def _client(self, number: int, dice: random.Random) -> None:
        ordinal = 0
        while not self._stop.is_set() and (self._limit is None or ordinal < self._limit):
            try:
                with Client(self.address, patience=15, make_socket=self._make_socket) as client:
                    keep = True
                    while keep and not self._stop.is_set() and (
                            self._limit is None or ordinal < self._limit):
                        keep = self._exchange(client, f"{number}-{ordinal}", dice)
                        ordinal += 1
                        self._stop.wait(self._pause)
            except ConnectionError:
                self._note(f"{number}-{ordinal}", "refused")
                return

    def _exchange(self, client: Client, name: str, dice: random.Random) -> bool:
        """One request; False if its connection is spent."""
        method, short = dice.choice(self._methods), dice.random() < self._short
        fields = [("Connection", "close")] * short
        outcome, keep = outcome_of(client, method, f"{method}-{name}", fields)
        self._note(f"{method}-{name}", outcome)
        return keep

    def _note(self, name: str, outcome: str) -> None:
        with self._changed:
            self.outcomes[name] = outcome
            self._changed.notify_all()

    def wait_for(self, count: int, outcome: str | None = None) -> None:
        """Returns once so many more requests have come to an end (to this end, if one is named)."""
        def reached() -> int:
            ends = self.outcomes.values()
            return sum(o == outcome for o in ends) if outcome else len(ends)
        with self._changed:
            wanted = reached() + count
            assert self._changed.wait_for(lambda: reached() >= wanted, 20), self.summary()

    def join(self) -> None:
        """Waits for clients that have a limit."""
        for thread in self._threads:
            thread.join(45)
        assert not any(thread.is_alive() for thread in self._threads), "a client hangs"

    def stop(self) -> None:
        self._stop.set()
        self.join()

    def summary(self) -> str:
        return str(collections.Counter(self.outcomes.values()))

    def count(self, outcome: str) -> int:
        return sum(o == outcome for o in self.outcomes.values())

    def of(self, method: str) -> dict[str, str]:
        return {name: o for name, o in self.outcomes.items() if name.startswith(method)}
