"""Connections that turn out to be dead: what is asked again, and what must never be."""

import pytest

from harness.backlog import stuff
from harness.client import Client, fence, fetch
from harness.moves import overlap
from harness.scripts import Gate, answer, keep_alive, one_by_one
from harness.waiting import WATCH, scaled

SAFE = ["GET", "HEAD", "OPTIONS"]
UNSAFE = ["POST", "PATCH"]


def stale(how: str, said: bytes = b""):
    """Serves one request, reads the next one, and ends instead of answering."""
    def script(connection):
        answer(connection, connection.read_request())
        connection.read_request()
        connection.send(said)
        connection.reset() if how == "reset" else connection.close()
    return script


def dead(how: str):
    """Reads a request and ends."""
    def script(connection):
        connection.read_request()
        connection.reset() if how == "reset" else connection.close()
    return script


def body_of(method: str) -> bytes | None:
    return b"hello" if method in UNSAFE else None


@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("method", SAFE)
def test_a_safe_request_that_met_a_stale_connection_is_asked_again_once(stage, method, how):
    backend = stage.backend(one_by_one(stale(how), keep_alive()))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        client.get("/first")
        assert client.exchange(method, "/again").status == 200
        assert client.get("/next").text.startswith("GET /next ")
    assert [r.connection for r in backend.requests if r.target == "/again"] == [1, 2]


@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("method", UNSAFE)
def test_an_unsafe_request_is_never_asked_again(stage, method, how):
    backend = stage.backend(one_by_one(stale(how), keep_alive()))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        client.get("/first")
        assert client.exchange(method, "/once", body=b"hello").status == 502
        assert client.get("/next").text.startswith("GET /next ")
    assert backend.executions["/once"] == 1


@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_fresh_connection_that_dies_is_not_tried_again(stage, method, how):
    backend = stage.backend(dead(how))
    proxy = stage.proxy(backend)
    assert fetch(proxy.address, "/", method=method, body=body_of(method)).status == 502
    assert (backend.accepted, backend.executions["/"]) == (1, 1)


def test_the_second_attempt_is_the_last(stage):
    backend = stage.backend(one_by_one(stale("fin"), dead("fin")))
    proxy = stage.proxy(backend)
    fetch(proxy.address, "/first")
    assert fetch(proxy.address, "/twice").status == 502
    assert (backend.accepted, backend.executions["/twice"]) == (2, 2)


@pytest.mark.parametrize("said", [b"H", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"],
                         ids=["one-byte", "half-a-head"])
def test_after_a_byte_of_an_answer_nothing_is_asked_again(stage, said):
    backend = stage.backend(one_by_one(stale("fin", said), keep_alive()))
    proxy = stage.proxy(backend)
    fetch(proxy.address, "/first")
    assert fetch(proxy.address, "/once").status == 502
    assert backend.executions["/once"] == 1


def test_a_replay_waits_for_the_cap_like_everyone(stage):
    backend = stage.backend(one_by_one(stale("fin"), keep_alive()))
    proxy = stage.proxy(backend, upstream={"pool": {"max_connections": 1}})
    fetch(proxy.address, "/first")
    assert fetch(proxy.address, "/again").text == "GET /again 0 2.1\n"
    assert backend.max_open == 1


def test_a_replay_goes_to_a_fresh_connection_only(stage):
    # While the fresh one is not there yet, another old one comes back to the pool; it would die too.
    gate = Gate()

    def script(connection):
        if connection.number > 2:
            keep_alive()(connection)
        gate.serve(connection)
        if connection.number == 2:
            gate.serve(connection)
        connection.read_request()
    backend = stage.backend(script, backlog=0)
    proxy = stage.proxy(backend)
    overlap(proxy, gate, backend, ["/a", "/b"])
    with Client(proxy.address) as client, Client(proxy.address) as other:
        other.ask("GET", "/other")  # On connection 2, the one used last.
        backend.wait_for_begun(3)
        backend.accepting.clear()
        stuffing = stuff(backend.address)
        backend.strangers.update(sock.getsockname() for sock in stuffing)
        client.ask("GET", "/again")
        backend.wait(lambda b: not b.connections[0].open, "connection 1 gone")
        fence(proxy.address)
        gate.open("/other")
        assert other.answer().text == "GET /other 0 2.2\n"
        fence(proxy.address)
        backend.accepting.set()
        assert client.answer().text == "GET /again 0 3.1\n"


def test_a_stale_connection_takes_the_older_idle_ones_with_it(stage):
    # They sleep behind the same restart or firewall; no other request shall meet the next of them.
    gate = Gate()

    def script(connection):
        if connection.number != 3:
            gate.script(connection)
        gate.serve(connection)
        connection.read_request()
        connection.close()
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    overlap(proxy, gate, backend, ["/a", "/b", "/c"])  # On connections 1, 2, 3; 3 is used first.
    assert fetch(proxy.address, "/free").text == "GET /free 0 4.1\n"
    backend.wait(lambda b: all(c.ended_by == "holdfast" for c in b.connections[:2]), "1, 2 gone")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_the_backend_has_closed_is_not_used(stage, method):
    # The backend closes right after its answer, without a word about it. The end of stream is at
    # holdfast before the next request is, so even a POST loses nothing.
    def script(connection):
        answer(connection, connection.read_request())
        connection.close()
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    for number in range(scaled(100)):
        backend.wait_for_open(0)
        target = f"/{number}"
        assert fetch(proxy.address, target, method=method, body=body_of(method)).status == 200
    assert set(backend.executions.values()) == {1}


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_an_idle_connection_that_ends_costs_nothing(stage, how):
    def script(connection):
        answer(connection, connection.read_request())
        connection.holdfast_waits(WATCH)
        connection.reset() if how == "reset" else connection.close()
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    for number in range(1, 4):
        reply = fetch(proxy.address, "/", method="POST", body=b"hello")
        assert reply.text == f"POST / 5 {number}.1\n"
        backend.wait_for_open(0)


def test_a_refused_connection_does_not_cost_a_request_that_another_server_can_take(stage):
    gone = stage.backend(keep_alive())
    there = stage.backend(keep_alive())
    proxy = stage.proxy(gone, there)
    gone.kill()
    for number in range(10):
        assert fetch(proxy.address, f"/{number}", method="POST", body=b"hello").status == 200
    assert set(there.executions.values()) == {1}


def test_a_backend_that_answers_and_closes_has_answered(stage):
    # An answer that is whole is delivered, whatever becomes of its connection.
    def script(connection):
        answer(connection, connection.read_request())
        connection.close()
    proxy = stage.proxy(stage.backend(script))
    for _ in range(20):
        assert fetch(proxy.address, "/").status == 200
