"""max_connections and the queue before it: how many connections the backend really gets to see."""

import os
import threading

import pytest

from harness.backlog import stuff
from harness.client import Client, fence, fetch
from harness.kernel import established
from harness.load import TaggedLoad, ab, wrk
from harness.paced import served_each
from harness.servers import Nginx, RealServer
from harness.scripts import Gate, keep_alive, keep_alive_10
from harness.waiting import PATIENCE, Stopwatch, scaled
from test_metrics import scrape
from test_status import ON

EIGHT = {"pool": {"max_connections": 8, "queue": {"timeout": "30s"}}}


def held(stage, **pool):
    """A backend that holds answers, and holdfast with one connection to it."""
    gate = Gate()
    backend = stage.backend(gate.script)
    proxy = stage.proxy(backend, upstream={"pool": {"max_connections": 1, **pool}})
    return gate, backend, proxy


@pytest.mark.workers
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("script", [keep_alive(), keep_alive_10], ids=["1.1", "1.0"])
def test_five_hundred_short_clients_share_eight_connections(stage, workers, script):
    count = scaled(4000)
    backend = stage.backend(script)
    proxy = stage.proxy(backend, workers=workers, upstream=EIGHT)
    ab(f"{proxy.url}/", count, min(500, count)).check(count)
    assert backend.max_open <= 8
    assert backend.accepted <= 8  # None was closed and opened again because of the cap.
    assert sum(backend.executions.values()) == count


@pytest.mark.workers
@pytest.mark.parametrize("workers", [1, 2])
def test_five_hundred_kept_alive_clients_share_eight_connections(stage, workers):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, workers=workers, upstream=EIGHT)
    wrk(f"{proxy.url}/", 1, 500).check(scaled(500))
    # wrk leaves in the middle of its last requests, and their connections are retired with them:
    # what counts here is how many there were at once.
    assert backend.max_open <= 8


@pytest.mark.workers
@pytest.mark.parametrize("workers", [1, 2])
def test_each_of_many_clients_gets_its_own_answer_through_the_cap(stage, dice, workers):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, workers=workers, upstream={"pool": {"max_connections": 2}})
    load = TaggedLoad(proxy.address, 16, limit=scaled(60), seed=dice.randrange(1 << 20))
    load.join()
    assert set(load.outcomes.values()) == {"200"}, load.summary()
    assert set(backend.executions.values()) == {1}
    assert (backend.max_open, backend.accepted) == (2, 2)


@pytest.mark.workers
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_limit_is_exact_under_load_with_any_number_of_workers(stage, tmp_path, workers):
    nginx = stage.adopt(Nginx(tmp_path / "nginx", 'return 200 "fine";'))
    proxy = stage.proxy(nginx.server, workers=workers, upstream=EIGHT)
    most, looks, watch, never = 0, 0, Stopwatch(), threading.Event()
    # The kernel's table is no snapshot: what closes and what opens while it is read both show. So
    # nobody looks any more when the clients leave.
    def look() -> None:
        nonlocal most, looks
        while watch.seconds < 1.6 and not never.wait(0.01):
            most, looks = max(most, established(nginx.port)), looks + 1
    looking = threading.Thread(target=look)
    looking.start()
    wrk(f"{proxy.url}/", 4, 64).check(scaled(200))
    looking.join()
    print(f"{workers} workers: at most {most} connections in {looks} looks")
    assert most == 8


# The whole of it takes a minute: HOLDFAST_LONG=1. The throughputs say something only of a
# release build on a machine that is otherwise idle.
@pytest.mark.timeout(150)
def test_a_thousand_clients_open_as_many_connections_as_they_may(stage, tmp_path):
    seconds = 30 if os.environ.get("HOLDFAST_LONG") else 3
    backend = stage.adopt(Nginx(tmp_path / "backend", 'return 200 "fine";'))
    proxy = stage.proxy(backend.server, **ON, upstream={
        "pool": {"max_connections": 64, "queue": {"timeout": "30s"}}})
    counted: list[float] = []
    def count() -> None:
        counted.append(scrape(proxy).sum("upstream_connections_opened_total"))
    # Before the clients leave in the middle of their last requests.
    late = threading.Timer(0.8 * seconds, count)
    late.start()
    ours = wrk(f"{proxy.url}/", seconds, 1000)
    late.join()
    ours.check(scaled(1000))
    proxy.stop()
    theirs = wrk(f"http://{stage.adopt(Nginx.proxy(tmp_path / 'proxy', backend.server)).server}/",
                 seconds, 1000)
    print(f"1000 clients, {seconds} s: holdfast with max_connections 64 {ours.complete / seconds:.0f} "
          f"requests a second, {ours.failed} failed, {counted[0]:.0f} connections opened; nginx with "
          f"keepalive 512 {theirs.complete / seconds:.0f}, {theirs.failed} failed: "
          f"{ours.complete / max(1, theirs.complete):.2f} of it")
    assert counted == [64]


@pytest.mark.workers
def test_clients_of_all_workers_get_equal_service_over_one_connection(stage, tmp_path):
    nginx = stage.adopt(RealServer("nginx", tmp_path / "nginx"))
    proxy = stage.proxy(nginx.server, workers=4, upstream={"pool": {"max_connections": 1}})
    served = served_each(proxy.address, 64, scaled(64 * 100))
    mean = sum(served) / len(served)
    print(f"64 clients, 4 workers, 1 connection: {min(served)} to {max(served)} requests, "
          f"{mean:.0f} in the mean")
    assert min(served) > 0.8 * mean and max(served) < 1.2 * mean, sorted(served)


@pytest.mark.workers
def test_two_workers_share_one_connection(stage):
    # Where a new client lands is the kernel's choice; the one connection has to follow.
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, workers=2, upstream={"pool": {"max_connections": 1}})
    for number in range(60):
        assert fetch(proxy.address, f"/{number}").status == 200
    assert (backend.max_open, backend.accepted) == (1, 1)


def test_a_queued_request_fails_at_its_deadline(stage):
    gate, backend, proxy = held(stage, queue={"timeout": "200ms"})
    with Client(proxy.address) as first, Client(proxy.address) as second:
        first.ask("GET", "/first")
        backend.wait_for_begun(1)
        watch = Stopwatch()
        reply = second.get("/late")
        assert (reply.status, 0.15 < watch.seconds < PATIENCE) == (503, True)
        assert int(reply.fields.get("Retry-After")) >= 1
        gate.open()
        assert first.answer().text == "GET /first 0 1.1\n"
        # The 503 did not cost the client its connection.
        assert second.get("/again").text == "GET /again 0 1.2\n"
    assert "/late" not in backend.executions


def test_a_full_queue_refuses_at_once(stage):
    gate, backend, proxy = held(stage, queue={"max": 2, "timeout": "30s"})
    clients = [Client(proxy.address) for _ in range(4)]
    clients[0].ask("GET", "/0")
    backend.wait_for_begun(1)
    for number in (1, 2, 3):
        clients[number].ask("GET", f"/{number}")
        fence(proxy.address)
    reply = clients[3].answer()
    assert reply.status == 503
    assert int(reply.fields.get("Retry-After")) >= 1
    gate.open()
    for number in (0, 1, 2):
        assert clients[number].answer().text == f"GET /{number} 0 1.{number + 1}\n"
    for client in clients:
        client.close()


def test_the_queue_is_first_come_first_served(stage):
    # On a busy machine it takes a while until all have asked.
    gate, backend, proxy = held(stage, queue={"timeout": "1m"})
    clients = [Client(proxy.address) for _ in range(8)]
    clients[0].ask("GET", "/0")
    backend.wait_for_begun(1)
    for number, client in enumerate(clients[1:], 1):
        client.ask("GET", f"/{number}")
        fence(proxy.address)
    gate.open()
    for number, client in enumerate(clients):
        assert client.answer().text == f"GET /{number} 0 1.{number + 1}\n"
        client.close()


def test_an_error_of_one_request_lets_the_next_in_the_queue_go(stage):
    # The only connection breaks under the first request; the permit must come back.
    gate = threading.Event()

    def script(connection):
        connection.read_request()
        if connection.number == 1:
            connection.pause_until(gate)
            connection.reset()
        else:
            connection.reply(b"fine")
            keep_alive()(connection)
    backend = stage.backend(script)
    proxy = stage.proxy(backend, upstream={"pool": {"max_connections": 1}})
    with Client(proxy.address) as first, Client(proxy.address) as second:
        first.ask("POST", "/first", body=b"x")
        backend.wait_for_begun(1)
        second.ask("GET", "/second")
        fence(proxy.address)
        gate.set()
        assert first.answer().status == 502
        assert second.answer().body == b"fine"
    assert backend.max_open == 1


def test_a_request_that_waits_for_a_connect_takes_what_comes_first(stage):
    # The backend stops taking connections; a connection that comes back serves who waits for a
    # new one, and the new one, when it is there at last, joins the pool.
    gate = Gate()
    backend = stage.backend(gate.script, backlog=0)
    proxy = stage.proxy(backend)
    with Client(proxy.address) as first, Client(proxy.address) as second:
        first.ask("GET", "/first")
        backend.wait_for_begun(1)
        backend.accepting.clear()
        stuffing = stuff(backend.address)
        backend.strangers.update(sock.getsockname() for sock in stuffing)
        second.ask("GET", "/second")
        fence(proxy.address)
        gate.open("/first", "/second")
        assert first.answer().text == "GET /first 0 1.1\n"
        assert second.answer().text == "GET /second 0 1.2\n"
        backend.accepting.set()
        backend.wait(lambda b: b.accepted == 2, "the late connection")
        for client, target in ((first, "/a"), (second, "/b")):
            client.ask("GET", target)
        backend.wait_for_begun(4)
        assert sorted(request.connection for request in backend.begun[2:]) == [1, 2]
        gate.open()
        assert {first.answer().status, second.answer().status} == {200}


def test_a_client_over_the_listeners_cap_waits_its_turn(stage):
    gate = Gate()
    backend = stage.backend(gate.script)
    proxy = stage.proxy(backend, listener={"max_connections": 2})
    with Client(proxy.address) as one, Client(proxy.address) as two, Client(proxy.address) as three:
        for count, client in enumerate((one, two), 1):
            client.ask("GET", f"/{count}")
            backend.wait_for_begun(count)
        three.ask("GET", "/3")
        assert three.silent(0.1)
        gate.open()
        assert one.answer().status == 200
        one.close()
        assert three.answer().status == 200
