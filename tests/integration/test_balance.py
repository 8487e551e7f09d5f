"""Several servers per upstream: who gets a request, and what becomes of one that fails."""

import collections
import re
import threading

import pytest

from harness.client import Client
from harness.load import TaggedLoad, outcome_of
from harness.namespace import Wire
from harness.scripts import Gate, answer, keep_alive
from harness.waiting import Stopwatch, scaled, wait_until

CLIENTS = 12
RETURN = 5.0  # seconds within which a server that is back gets its share
WORKERS = pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.workers)])


def slow(seconds: float):
    """Answers each request after so long, as many at a time as there are connections."""
    never = threading.Event()

    def script(connection) -> None:
        while True:
            request = connection.read_request()
            never.wait(seconds)
            answer(connection, request)
    return script


def three(stage, script=None):
    return [stage.backend(script or keep_alive()) for _ in range(3)]


def load_on(proxy, dice, **how) -> TaggedLoad:
    return TaggedLoad(proxy.address, how.pop("clients", CLIENTS), methods=("GET",), short=0.2,
                      seed=dice.randrange(1 << 20), **how)


def counts(backends) -> list[int]:
    return [len(backend.begun) for backend in backends]


def set_aside(proxy) -> int:
    return len(re.findall("It is set aside", proxy.stderr))


# Shares.

@WORKERS
def test_round_robin_gives_equal_shares(stage, dice, workers):
    backends = three(stage)
    proxy = stage.proxy(*backends, workers=workers, upstream={"balance": "round_robin"})
    load = load_on(proxy, dice, limit=scaled(200))
    load.join()
    got = counts(backends)
    print(f"{workers} workers: {got}")
    assert load.count("200") == CLIENTS * scaled(200), load.summary()
    assert max(got) <= 1.05 * sum(got) / 3 and min(got) >= 0.95 * sum(got) / 3


@pytest.mark.parametrize("balance", ["least_connections", "random_two"])
def test_idle_servers_share_with_one_connection_each(stage, balance):
    backends = three(stage)
    proxy = stage.proxy(*backends, upstream={"balance": balance})
    with Client(proxy.address) as client:
        for number in range(300):
            assert client.get(f"/{number}").status == 200
    got = counts(backends)
    print(f"{balance}: {got}")
    assert min(got) >= (100 if balance == "least_connections" else 70)
    assert [backend.accepted for backend in backends] == [1, 1, 1]


@WORKERS
def test_least_connections_keeps_the_queues_of_unequal_servers_even(stage, dice, workers):
    quick, lame = 0.2, 1.0
    backends = [stage.backend(slow(quick)), stage.backend(slow(quick)), stage.backend(slow(lame))]
    proxy = stage.proxy(*backends, workers=workers)
    load = load_on(proxy, dice, clients=24)
    load.wait_for(100)
    queues, watch = collections.Counter(), Stopwatch()

    def sampled() -> bool:
        for number, backend in enumerate(backends):
            queues[number] += sum(len(c.requests) - c.answered for c in backend.connections if c.open)
        queues["samples"] += 1
        return watch.seconds > 4
    wait_until(sampled, "four seconds are over")
    load.stop()
    means = [queues[number] / queues["samples"] for number in range(3)]
    got = counts(backends)
    print(f"{workers} workers: requests {got}, queues " + " ".join(f"{mean:.2f}" for mean in means))
    assert set(load.outcomes.values()) == {"200"}, load.summary()
    assert max(means) - min(means) <= 0.5 + workers
    assert got[2] < min(got[:2])


@WORKERS
def test_least_connections_counts_what_waits_for_a_connection(stage, workers):
    gate = Gate()
    backends = three(stage, gate.script)
    proxy = stage.proxy(*backends, workers=workers, upstream={"pool": {"max_connections": 2}})
    clients = [Client(proxy.address) for _ in range(30)]
    for number, client in enumerate(clients):
        client.ask("GET", "/", [("X-Id", f"/held-{number}")])
    for backend in backends:
        backend.wait_for_begun(2)
    gate.open()
    for client in clients:
        assert client.answer("GET").status == 200
        client.close()
    got = counts(backends)
    print(f"{workers} workers: {got}")
    # Each worker shares its own requests equally.
    assert max(got) - min(got) <= workers


# Servers that fail.

def kill(backend) -> None:
    """It dies once each of its connections has served. A request that dies with one that never has
    is not sent again: nobody knows whether it was the one that killed the server."""
    listener = backend.listener
    listener.shutdown(2)
    backend._acceptor.join(5)  # pylint: disable=protected-access
    backend.wait(lambda b: all(c.answered for c in b.connections if c.open), "all have served")
    backend.drop_connections("reset")


@pytest.mark.long
@WORKERS
@pytest.mark.parametrize("balance", ["least_connections", "round_robin", "random_two"])
def test_one_of_three_servers_is_killed_and_comes_back_under_load(stage, dice, workers, balance):
    backends = three(stage)
    victim = backends[1]
    # A connection that was opened for nothing is not kept: see kill().
    proxy = stage.proxy(*backends, workers=workers,
                        upstream={"balance": balance, "retire": "fin",
                                  "pool": {"idle_timeout": "200ms"}})
    load = load_on(proxy, dice)
    load.wait_for(scaled(1000), "200")
    figures = []
    for away in (0.2, 4.0):
        kill(victim)
        watch = Stopwatch()
        wait_until(lambda: watch.seconds > away, "it was away for a while")
        before = counts(backends)
        victim.listen(victim.address)
        watch = Stopwatch()
        wait_until(lambda: counts(backends)[1] > before[1] + workers, "it is asked again", RETURN)
        first = watch.seconds

        def shares(before: list[int]) -> list[float]:
            got = [now - then for now, then in zip(counts(backends), before)]
            return [part / max(1, sum(got)) for part in got]
        start = counts(backends)
        wait_until(lambda: sum(counts(backends)) - sum(start) > 150 and shares(start)[1] > 0.2,
                   "it has its share", RETURN)
        figures.append(f"away {away:g} s: back after {first:.2f} s, "
                       f"its share after {watch.seconds:.2f} s")
        load.wait_for(scaled(300), "200")
    wait_until(lambda: len(re.findall("answers again, after", proxy.stderr)) == set_aside(proxy),
               "each worker has noticed", RETURN)
    load.stop()
    proxy.stop()
    print(f"{workers} workers, {balance}: {load.summary()}; " + "; ".join(figures)
          + f"; told {set_aside(proxy)} times")
    assert set(load.outcomes.values()) == {"200"}, load.summary()
    assert 1 <= set_aside(proxy) <= 2 * workers
    assert len(re.findall("answers again, after", proxy.stderr)) == set_aside(proxy)


def test_every_server_refuses_until_one_is_back(stage):
    backends = three(stage)
    for backend in backends:
        backend.kill()
    proxy = stage.proxy(*backends)
    with Client(proxy.address) as client:
        watch = Stopwatch()
        for number in range(scaled(200)):
            assert outcome_of(client, "GET", f"GET-{number}") == ("503", True)
        took = watch.seconds / scaled(200)
        backends[2].listen(backends[2].address)
        watch, asked = Stopwatch(), []

        def back() -> bool:
            asked.append(outcome_of(client, "GET", f"GET-back-{len(asked)}")[0])
            return asked[-1] == "200"
        wait_until(back, "the one that is back is found", RETURN)
        returned = watch.seconds
        for number in range(20):
            assert outcome_of(client, "GET", f"GET-after-{number}") == ("200", True)
    proxy.stop()
    print(f"each refusal took {took * 1000:.1f} ms; back after {returned:.2f} s")
    assert set(asked[:-1]) <= {"503"} and returned < 2
    assert set_aside(proxy) == 3
    assert "cannot be reached: The backend refused the connection. Check that it runs" in proxy.stderr
    assert "Connection refused" not in proxy.stderr  # said once is enough
    assert f"connection_refused={scaled(200) + len(asked) - 1}" in proxy.stderr


@WORKERS
def test_a_server_that_answers_no_syn_costs_nobody_but_the_first_their_time(stage, dice, workers):
    wire = stage.adopt(Wire(dice.randrange(1 << 20)))
    near = {"make_socket": wire.near.socket, "address": (wire.near_address, 0)}
    backends = [stage.backend(keep_alive(), **near), stage.backend(keep_alive(), **near),
                stage.backend(keep_alive(), make_socket=wire.far.socket,
                              address=(wire.far_address, 0))]
    wire.cut = True
    proxy = stage.proxy(*backends, workers=workers, prefix=wire.near.prefix,
                        listener={"address": f"{wire.near_address}:0"},
                        upstream={"timeouts": {"connect": "300ms"}})

    def ask() -> float:
        watch = Stopwatch()
        with Client(proxy.address, make_socket=wire.near.socket) as client:
            assert client.get("/").status == 200
        return watch.seconds

    def all_know() -> bool:
        waits.append(ask())
        return set_aside(proxy) == workers
    waits: list[float] = []
    wait_until(all_know, "it is set aside by all workers")
    later, watch = [], Stopwatch()

    def some_trials_are_over() -> bool:
        later.append(ask())
        return watch.seconds > 4
    wait_until(some_trials_are_over, "trials have failed")
    wire.cut = False
    watch = Stopwatch()

    def back() -> bool:
        ask()
        return counts(backends)[2] > 0
    wait_until(back, "it is found again", RETURN)
    returned = watch.seconds
    waited = sum(wait > 0.25 for wait in waits)
    print(f"{workers} workers: {waited} requests waited, {max(waits):.2f} s at most; of {len(later)} "
          f"later ones none more than {max(later):.3f} s; back after {returned:.2f} s")
    assert waited == workers
    assert max(later) < 0.25
    assert "did not accept the connection in time" in proxy.stderr


def test_a_server_that_takes_requests_and_says_nothing_is_set_aside(stage):
    backends = three(stage)
    sound = backends[0].script
    backends[0].script = lambda connection: connection.read_request() and connection.close()
    proxy = stage.proxy(*backends, upstream={"balance": "round_robin"})
    with Client(proxy.address) as client:
        outcomes = collections.Counter(
            outcome_of(client, "GET", f"GET-{number}")[0] for number in range(100))
        assert outcomes == {"200": 95, "502": 5}
        proxy.wait_for_line("does not answer: The backend closed the connection without an answer.")
        backends[0].script = sound
        before, watch = counts(backends)[0], Stopwatch()

        def back() -> bool:
            assert outcome_of(client, "GET", "GET-more")[0] == "200"
            return counts(backends)[0] > before + 1
        wait_until(back, "it is back", RETURN)
    print(f"{dict(outcomes)}; back after {watch.seconds:.2f} s")
    proxy.wait_for_line("answers again")
