"""The life of a backend connection, as the backend sees it: which is used next, when one ends."""

import time

import pytest

from harness.client import Client, fetch
from harness.load import ab
from harness.moves import overlap
from harness.scripts import Gate, answer, keep_alive, keep_alive_10, one_by_one
from harness.waiting import PATIENCE, WATCH, Stopwatch, scaled


@pytest.mark.parametrize("script", [keep_alive(), keep_alive_10], ids=["1.1", "1.0"])
def test_sequential_short_clients_need_one_connection(stage, script):
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    for number in range(scaled(200)):
        assert fetch(proxy.address, f"/{number}").status == 200
    assert backend.accepted == 1


@pytest.mark.parametrize("script", [keep_alive(), keep_alive_10], ids=["1.1", "1.0"])
def test_ten_thousand_short_clients_need_no_more_connections_than_they_are_at_once(stage, script):
    count = scaled(10_000)
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    ab(f"{proxy.url}/", count, 50).check(count)
    assert backend.accepted <= 50
    assert sum(backend.executions.values()) == count


def test_max_requests_ends_a_connection_after_so_many(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, upstream={"pool": {"max_requests": 3}})
    for _ in range(9):
        assert fetch(proxy.address, "/").status == 200
    assert [len(connection.requests) for connection in backend.connections] == [3, 3, 3]
    assert all(connection.ended_by != "backend" for connection in backend.connections)


def test_max_idle_is_what_stays_after_a_burst(stage):
    gate = Gate()
    backend = stage.backend(gate.script)
    proxy = stage.proxy(backend, upstream={"pool": {"max_idle": 2}})
    overlap(proxy, gate, backend, [f"/{n}" for n in range(6)])
    backend.wait_for_open(2)
    assert backend.max_open == 6
    assert {c.ended_by for c in backend.connections} == {"holdfast", None}


def test_an_idle_connection_ends_after_idle_timeout(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, upstream={"pool": {"idle_timeout": "250ms"}})
    watch = Stopwatch()
    assert fetch(proxy.address, "/1").text == "GET /1 0 1.1\n"
    backend.wait_for_open(0)
    assert backend.connections[0].ended_by == "holdfast"
    assert watch.seconds > 0.2
    assert fetch(proxy.address, "/2").text == "GET /2 0 2.1\n"


def test_a_connection_in_use_is_not_idle(stage):
    gate = Gate()
    backend = stage.backend(gate.script)
    proxy = stage.proxy(backend, upstream={"pool": {"idle_timeout": "50ms"}})
    with Client(proxy.address) as client:
        client.ask("GET", "/held")
        backend.wait_for_begun(1)
        assert client.silent(0.2)
        gate.open()
        assert client.answer().text == "GET /held 0 1.1\n"


def test_a_connection_ends_at_max_age(stage):
    backend = stage.backend(keep_alive())
    # One that gets too old between two requests would be left to the backend to close.
    proxy = stage.proxy(backend, upstream={"retire": "fin",
                                           "pool": {"max_age": "200ms", "idle_timeout": "1h"}})
    watch = Stopwatch()
    with Client(proxy.address) as client:
        while backend.accepted < 4:
            assert client.get("/").status == 200  # Busy all the time: age alone ends a connection.
            assert watch.seconds < PATIENCE
    assert watch.seconds > 3 * 0.2 * 0.9 * 0.9  # Three lives, with jitter and some grace.
    backend.wait(lambda b: not any(c.open for c in b.connections[:3]), "they are closed")
    assert [c.ended_by for c in backend.connections[:3]] == ["holdfast"] * 3


def test_the_most_recently_used_connection_is_used_first(stage):
    gate = Gate()
    backend = stage.backend(gate.script)
    proxy = stage.proxy(backend)
    overlap(proxy, gate, backend, ["/a", "/b", "/c"])  # On connections 1, 2, 3, in this order.
    for ordinal in range(2, 7):
        assert fetch(proxy.address, "/free").text == f"GET /free 0 3.{ordinal}\n"
    overlap(proxy, gate, backend, ["/d", "/e"])
    assert [(r.target, r.connection) for r in backend.requests[-2:]] == [("/d", 3), ("/e", 2)]


def test_a_busy_connection_lets_the_older_ones_expire(stage):
    gate = Gate()
    backend = stage.backend(gate.script)
    proxy = stage.proxy(backend, upstream={"pool": {"idle_timeout": "300ms"}})
    overlap(proxy, gate, backend, ["/a", "/b", "/c"])
    watch = Stopwatch()
    while backend.open > 1:
        assert fetch(proxy.address, "/free").status == 200
        assert watch.seconds < PATIENCE
    assert [c.ended_by for c in backend.connections] == ["holdfast", "holdfast", None]


@pytest.mark.parametrize("stray", [b"\n", b"x" * 12,
                                   b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"],
                         ids=["one-byte", "twelve-bytes", "a-whole-answer"])
def test_a_connection_that_speaks_while_idle_is_retired(stage, stray):
    def talkative(connection):
        answer(connection, connection.read_request())
        connection.holdfast_waits(WATCH)  # The answer has gone by; now it is idle.
        connection.send(stray)
        connection.wait_for_end()
    backend = stage.backend(one_by_one(talkative, keep_alive()))
    proxy = stage.proxy(backend)
    assert fetch(proxy.address, "/1").text == "GET /1 0 1.1\n"
    backend.wait(lambda b: b.connections[0].ended_by == "holdfast", "the connection retired")
    assert fetch(proxy.address, "/2").text == "GET /2 0 2.1\n"


def test_an_idle_connection_that_the_backend_closes_is_forgotten_at_once(stage):
    def script(connection):
        answer(connection, connection.read_request())
        connection.holdfast_waits(WATCH)
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    descriptors = proxy.descriptors()
    for number in range(1, 4):
        assert fetch(proxy.address, "/").text == f"GET / 0 {number}.1\n"
        backend.wait(lambda b: b.open == 0, "closed")
    deadline = time.monotonic() + PATIENCE
    while proxy.descriptors() > descriptors:
        assert time.monotonic() < deadline, "descriptors are left"


def test_several_servers_take_turns(stage):
    backends = [stage.backend(keep_alive()) for _ in range(3)]
    proxy = stage.proxy(*backends)
    for _ in range(30):
        assert fetch(proxy.address, "/").status == 200
    assert [len(backend.requests) for backend in backends] == [10, 10, 10]
    assert [backend.accepted for backend in backends] == [1, 1, 1]


def test_several_listeners_have_their_own_upstreams(stage):
    first, second = stage.backend(keep_alive()), stage.backend(keep_alive())
    proxy = stage.proxy(
        listeners={"one": {"address": "127.0.0.1:0", "upstream": "first"},
                   "two": {"address": "127.0.0.2:0", "upstream": "second"}},
        upstreams={"first": {"servers": [first.server]}, "second": {"servers": [second.server]}})
    for host, port in proxy.addresses:
        fetch((host, port), f"/{host}")
    assert first.executions == {"/127.0.0.1": 1}
    assert second.executions == {"/127.0.0.2": 1}


def test_a_connection_over_which_a_client_logs_in_is_its_own(stage):
    # NTLM and Negotiate log a connection in, not a request.
    def script(connection):
        while True:
            request = connection.read_request()
            answer(connection, request, status=401, fields=[("WWW-Authenticate", "NTLM TlRMTVNT")])
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    for number in (1, 2, 3):
        assert fetch(proxy.address, "/").text == f"GET / 0 {number}.1\n"
