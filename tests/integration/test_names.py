"""Servers that are given as names: looked up at the start and again, and what follows from it."""

import re

import pytest

from harness.client import Client
from harness.load import TaggedLoad
from harness.name_server import NXDOMAIN, SERVFAIL, NamedNetwork
from harness.scripts import keep_alive
from harness.waiting import Stopwatch, wait_until

PORT = 8000
OFTEN = {"interval": "200ms", "timeout": "3s"}


@pytest.fixture
def network(stage):
    """Closed by the stage, after the programs in it."""
    return stage.adopt(NamedNetwork())


@pytest.fixture
def place(stage, network):
    """Backends at addresses of one port, and holdfast before a name, all in one network."""
    class Place:
        def __init__(self) -> None:
            self.names = network.server.names

        @staticmethod
        def backend(address: str):
            return stage.backend(keep_alive(), address=(address, PORT), make_socket=network.socket)

        @staticmethod
        def proxy(*servers, workers=2, upstream=None, **how):
            return stage.proxy(*servers, prefix=network.prefix, workers=workers,
                               upstream={"resolve": OFTEN, **(upstream or {})}, **how)

        @staticmethod
        def client(proxy) -> Client:
            return Client(proxy.address, make_socket=network.socket)

        def status(self, proxy) -> int:
            with self.client(proxy) as client:
                return client.get("/").status

        @staticmethod
        def load(proxy, clients: int = 8) -> TaggedLoad:
            return TaggedLoad(proxy.address, clients, methods=("GET", "POST"), pause=0.002,
                              make_socket=network.socket)
    return Place()


def test_all_addresses_of_a_name_get_requests(place):
    backends = [place.backend(f"127.0.1.{i}") for i in range(1, 5)]
    place.names["app.test"] = [f"127.0.1.{i}" for i in range(1, 5)]
    proxy = place.proxy(f"app.test:{PORT}", workers=1)
    for _ in range(40):
        assert place.status(proxy) == 200
    assert all(len(backend.requests) > 0 for backend in backends)
    proxy.wait_for_line("the name 'app.test' is 127.0.1.1:8000, 127.0.1.2:8000, ")


@pytest.mark.parametrize("workers", [1, 2])
def test_traffic_moves_with_the_answers_and_no_request_fails(place, network, workers):
    first, second = place.backend("127.0.1.1"), place.backend("127.0.1.2")
    place.names["app.test"] = ["127.0.1.1"]
    proxy = place.proxy(f"app.test:{PORT}", workers=workers,
                        upstream={"pool": {"max_connections": 4}})
    load = place.load(proxy)
    load.wait_for(100)
    for now, then in ((first, second), (second, first), (first, second)):
        place.names["app.test"] = ["127.0.1.2" if then is second else "127.0.1.1"]
        then_before = len(then.requests)
        wait_until(lambda: now.open == 0, "the removed address is left")
        now_before = len(now.requests)
        load.wait_for(200)
        assert len(now.requests) == now_before
        assert len(then.requests) > then_before
    load.stop()
    assert set(load.outcomes.values()) == {"200"}, load.summary()
    assert proxy.retirements()["address_removed"] > 0


def test_an_address_that_comes_and_goes_all_the_time_costs_no_request(place):
    for address in ("127.0.1.1", "127.0.1.2", "127.0.1.3"):
        place.backend(address)
    place.names["app.test"] = ["127.0.1.1"]
    proxy = place.proxy(f"app.test:{PORT}",
                        upstream={"resolve": {"interval": "100ms"},
                                  "pool": {"max_connections": 3}})
    load = place.load(proxy)
    for turn in range(30):
        place.names["app.test"] = [f"127.0.1.{1 + turn % 3}", f"127.0.1.{1 + turn * 7 % 3}"]
        load.wait_for(40)
    load.stop()
    assert set(load.outcomes.values()) == {"200"}, load.summary()


@pytest.mark.parametrize("failure", [NXDOMAIN, SERVFAIL, [], None],
                         ids=["no-such-name", "failure", "no-address", "silence"])
def test_the_last_answer_is_kept_when_a_lookup_fails(place, network, failure):
    backend = place.backend("127.0.1.1")
    place.names["app.test"] = ["127.0.1.1"]
    proxy = place.proxy(f"app.test:{PORT}", upstream={"resolve": {"interval": "100ms",
                                                                  "timeout": "500ms"}})
    assert place.status(proxy) == 200
    place.names["app.test"] = failure
    network.server.wait_until_asked("app.test", 3)
    line = proxy.wait_for_line("the name 'app.test' cannot be resolved now: ")
    assert "Its last answer is kept: 127.0.1.1:8000" in line
    assert place.status(proxy) == 200
    place.names["app.test"] = ["127.0.1.1"]
    proxy.wait_for_line("the name 'app.test' can be resolved again: 127.0.1.1:8000")
    # Told once, not at every try; silence may be told in two ways.
    assert len(re.findall("cannot be resolved now", proxy.stderr)) <= 2
    assert len(backend.requests) == 2


def test_a_name_that_does_not_resolve_stops_nothing_and_is_loud(place):
    place.backend("127.0.1.1")
    proxy = place.proxy(f"app.test:{PORT}", upstream={"resolve": {"interval": "30s"}})
    line = proxy.wait_for_line("upstream legacy: the name 'app.test' cannot be resolved: ")
    assert "requests for legacy get a 503 (dns_error)" in line
    with place.client(proxy) as client:
        answer = client.get("/")
        assert answer.status == 503
        assert b"The backend's name cannot be resolved." in answer.body
    place.names["app.test"] = ["127.0.1.1"]
    watch = Stopwatch()
    wait_until(lambda: place.status(proxy) == 200, "it serves")
    assert watch.seconds < 2.5
    assert "dns_error=" in _ended(proxy)


def test_a_request_waits_for_the_first_lookup(place, network):
    place.backend("127.0.1.1")
    place.names["app.test"] = None
    proxy = place.proxy(f"app.test:{PORT}", upstream={"resolve": {"timeout": "700ms"},
                                                      "pool": {"queue": {"timeout": "10s"}}})
    with place.client(proxy) as client:
        client.ask("GET", "/")
        answer = client.answer()
        assert answer.status == 504
        assert b"The backend's name was not resolved in time." in answer.body
        place.names["app.test"] = ["127.0.1.1"]
        wait_until(lambda: place.status(proxy) == 200, "it serves")
    proxy.wait_for_line("cannot be resolved: no answer within 0.7 s")


def test_lookups_that_hang_hold_up_nobody(place):
    place.backend("127.0.1.1")
    place.names.update({"app.test": ["127.0.1.1"], "silent.test": None})
    proxy = place.proxy(f"app.test:{PORT}", f"silent.test:{PORT}", workers=1,
                        upstream={"resolve": {"interval": "100ms", "timeout": "100ms"}})
    wait_until(lambda: place.status(proxy) == 200, "it serves")
    proxy.wait_for_line("the name 'silent.test' cannot be resolved")
    slowest = 0.0
    with place.client(proxy) as client:
        for _ in range(200):
            watch = Stopwatch()
            assert client.get("/").status == 200
            slowest = max(slowest, watch.seconds)
    assert slowest < 1
    watch = Stopwatch()
    proxy.stop()
    assert watch.seconds < 4


def test_a_server_beside_a_name_that_does_not_resolve_serves_alone(place):
    place.backend("127.0.1.1")
    proxy = place.proxy(f"127.0.1.1:{PORT}", f"app.test:{PORT}")
    assert place.status(proxy) == 200
    proxy.wait_for_line("cannot be resolved: there is no such name. The upstream's other servers")


def test_a_stop_in_the_middle_of_lookups_is_clean(place):
    place.names["app.test"] = None
    proxy = place.proxy(f"app.test:{PORT}", f"b.test:{PORT}",
                        upstream={"resolve": {"interval": "100ms", "timeout": "100ms"}})
    proxy.wait_for_line("cannot be resolved")
    assert proxy.stop() == 0


def _ended(proxy) -> str:
    proxy.stop()
    return proxy.wait_for_line("ended: ", 5)
