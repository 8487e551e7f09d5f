"""Backends that close connections: no request is lost by it, and no TIME_WAIT is ours.

All over a cable between two networks. The short form runs with the others; the long one, five
minutes with a limit of 5 s and 50,000 requests, is HOLDFAST_LONG=1.
"""

import json
import os
import random
import socket
import subprocess
import threading
import time

import pytest

from harness.binary import holdfast_binary
from harness.cable import Cable
from harness.client import Client, fetch
from harness.holdfast import bare_environment
from harness.limited import Limited
from harness.load import h2load
from harness.messages import Ended, Truncated
from harness.scripts import close_after, idle_limit, keep_alive
from harness.waiting import PATIENCE, wait_until

LONG = bool(os.environ.get("HOLDFAST_LONG"))
IDLE = 5.0 if LONG else 1.0  # The backend's idle limit.
RUN = 300.0 if LONG else 20.0
REQUESTS = 50_000 if LONG else 3000
PARALLEL = 4  # Pairs of a server and a proxy are tried at a time.
BETWEEN = (0.98, 1.02)  # Of the limit: the moment at which naive pools fail.

pytestmark = pytest.mark.timeout(RUN + 60)


@pytest.fixture
def cable(stage):
    return stage.adopt(Cable())


class Run:
    """One client that asks at about the moment at which the backend closes, and what it costs."""

    def __init__(self, cable: Cable, name: str, proxy: tuple[str, int], port: int) -> None:
        self.cable, self.name, self.proxy, self.port = cable, name, proxy, port
        self.requests = self.failed = self.time_wait = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        dice = random.Random(self.name)
        until = time.monotonic() + RUN
        while time.monotonic() < until:
            self.requests += 1
            self.failed += not self._ask()
            self.time_wait = max(self.time_wait, self.cable.our_time_wait(self.port))
            threading.Event().wait(IDLE * dice.uniform(*BETWEEN))

    def _ask(self) -> bool:
        try:
            with Client(self.proxy, make_socket=self.cable.near.socket) as client:
                return client.exchange("POST", "/", [("Connection", "close")], b"x").status in (200, 405)
        except (OSError, Ended, Truncated):
            return False

    def end(self) -> str:
        self._thread.join(RUN + 30)
        self.time_wait = max(self.time_wait, self.cable.our_time_wait(self.port))
        return (f"{self.name:28} {self.requests:5} requests {self.failed:4} failed "
                f"{self.time_wait:4} TIME_WAIT of the proxy")


def servers_with_idle_limit(stage, cable, folder) -> dict[str, tuple[str, int]]:
    far = (cable.far, cable.far_address)
    scripted = cable.backend(stage, idle_limit(IDLE))
    found = {"scripted": scripted.address}
    for kind in ("nginx", "apache"):
        limit = {"idle": int(IDLE), "requests": 0 if kind == "apache" else 100_000}
        found[kind] = stage.adopt(Limited(kind, folder / kind, far, **limit)).address
    return found


def advised_pool(cable, address: tuple[str, int]) -> dict:
    """The pool that `holdfast doctor` prints for a server. It asks from the far side: what its own
    connections cost is not to be counted here."""
    result = subprocess.run(
        [*cable.far.prefix, holdfast_binary(), "doctor", "%s:%d" % address, "--limit",
         f"{2 * IDLE:g}s", "--requests", "5", "--json"],
        capture_output=True, text=True, timeout=4 * IDLE + PATIENCE, check=False,
        env=bare_environment())
    return json.loads(result.stdout)["pool"]


@pytest.mark.long
@pytest.mark.parametrize("pool", ["learned", "advised"])
def test_requests_at_the_backends_idle_limit(stage, cable, tmp_path, pool):
    """POSTs, which nobody may send twice: one that met a closed connection would be lost."""
    runs = []
    for name, address in servers_with_idle_limit(stage, cable, tmp_path).items():
        advised = {"pool": advised_pool(cable, address)} if pool == "advised" else {}
        print(f"{name}: {advised}")
        proxy = stage.proxy("%s:%d" % address, upstream=advised, **cable.where())
        runs.append(Run(cable, f"holdfast before {name}", proxy.address, address[1]))
    report = [run.end() for run in runs]
    print("\n".join(report))
    assert all(run.failed == 0 and run.time_wait == 0 for run in runs)


@pytest.mark.skipif(not LONG, reason="for the comparison only: HOLDFAST_LONG=1")
def test_what_other_proxies_make_of_the_same(stage, tmp_path):
    runs = []
    for kind in ("nginx as proxy", "haproxy"):
        cable = stage.adopt(Cable())
        folder = tmp_path / kind.replace(" ", "-")
        for name, address in servers_with_idle_limit(stage, cable, folder).items():
            place = (cable.near, cable.near_address)
            proxy = stage.adopt(Limited(kind, folder / f"before-{name}", place,
                                        to="%s:%d" % address))
            runs.append(Run(cable, f"{kind} before {name}", proxy.address, address[1]))
    print("\n".join(run.end() for run in runs))


def test_a_backend_that_closes_after_a_hundred_requests_without_a_word(stage, cable):
    backend = cable.backend(stage, close_after(100, announced=False))
    backend.records = False
    proxy = stage.proxy(backend, **cable.where())
    url = "http://%s:%d/" % proxy.address
    learning = h2load(url, 200, 1, prefix=cable.near.prefix)  # One connection after the other.
    learning.check(200)
    h2load(url, REQUESTS, 4, prefix=cable.near.prefix, within=RUN + 40).check(REQUESTS)
    ours = cable.our_time_wait(backend.address[1])
    ended = proxy.retirements()
    print(f"{REQUESTS} requests: {ended}; {ours} TIME_WAIT of ours")
    assert ours == 0
    assert ended.get("stale", 0) <= 2  # While it learned.
    assert ended["request_limit"] > REQUESTS // 200
    backend.executions.clear()


def test_a_limit_of_ours_lets_the_backend_close_first(stage, cable):
    """`max_requests`: the last request says so."""
    backend = cable.backend(stage, closes_as_asked)
    proxy = stage.proxy(backend, upstream={"pool": {"max_requests": 3}}, **cable.where())
    with Client(proxy.address, make_socket=cable.near.socket) as client:
        for number in range(9):
            assert client.get(f"/{number}").status == 200
    words = [request.fields.tokens("Connection") for request in backend.requests]
    assert [("close" in word) for word in words] == [False, False, True] * 3
    wait_until(lambda: backend.open == 0, "the backend has closed them")
    cable.settle(backend.address[1])
    assert cable.our_time_wait(backend.address[1]) == 0
    assert proxy.retirements()["max_requests"] == 3


def closes_as_asked(connection):
    """HTTP/1.1 as it should be, but without chunks in its last answer: up to the end."""
    while True:
        request = connection.read_request()
        if "close" in request.fields.tokens("Connection"):
            connection.reply(b"the last", framing="close")
            return
        connection.reply(b"one of many", framing="chunked")
