"""Faults under load: nothing that may be asked again is lost, and all else is reported; counted at
the backend, whose book of executions is held against the clients' book of outcomes."""

import random

import pytest

from harness.client import fetch
from harness.load import TaggedLoad
from harness.scripts import answer, keep_alive, keep_alive_10
from harness.waiting import scaled, wait_until

CLIENTS = 12
SCRIPTS = pytest.mark.parametrize("script", [keep_alive(), keep_alive_10], ids=["1.1", "1.0"])
WAYS = pytest.mark.parametrize("how", ["fin", "reset"])


def check_reports(load: TaggedLoad, executions, allowed: set[str]) -> None:
    """Every request has one outcome, as allowed, and the backend's book agrees with it."""
    assert set(load.outcomes.values()) <= allowed, load.summary()
    for name, outcome in load.outcomes.items():
        if outcome == "200":
            assert 1 <= executions[name] <= 2, (name, executions[name])
        if name.startswith("POST"):
            assert executions[name] <= 1, f"{name} was executed {executions[name]} times"


@SCRIPTS
@WAYS
def test_connections_dropped_under_load_lose_nothing_replayable(stage, dice, script, how):
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    load = TaggedLoad(proxy.address, CLIENTS, seed=dice.randrange(1 << 20))
    victims = []
    for _ in range(4):
        load.wait_for(scaled(300))
        victims += backend.drop_connections(how)
    load.wait_for(scaled(300))
    load.stop()
    check_reports(load, backend.executions, {"200", "502"})
    lost = [name for name, outcome in load.of("GET").items() if outcome != "200"]
    assert len(lost) <= new_ones(victims), load.summary()
    assert len(load.outcomes) - load.count("200") <= len(victims)


def new_ones(connections) -> int:
    """How many have never answered: a request that dies with a new one is not asked again."""
    return sum(connection.answered == 0 for connection in connections)


@WAYS
def test_a_backend_killed_under_load_is_reported_and_found_again(stage, dice, how):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend)
    load = TaggedLoad(proxy.address, CLIENTS, seed=dice.randrange(1 << 20))
    for _ in range(3):
        load.wait_for(scaled(200))
        backend.kill(how)
        load.wait_for(scaled(50), "503")
        backend.listen(backend.address)
        load.wait_for(scaled(200), "200")
    load.stop()
    check_reports(load, backend.executions, {"200", "502", "503"})
    assert fetch(proxy.address, "/after").status == 200


def test_one_of_two_servers_killed_under_load_loses_no_get(stage, dice):
    victim, survivor = stage.backend(keep_alive()), stage.backend(keep_alive())
    proxy = stage.proxy(victim, survivor)
    load = TaggedLoad(proxy.address, CLIENTS, methods=("GET",), seed=dice.randrange(1 << 20))
    load.wait_for(scaled(400))
    victim.kill("reset")
    load.wait_for(scaled(400))
    load.stop()
    assert set(load.outcomes.values()) <= {"200", "502"}, load.summary()
    assert load.count("502") <= new_ones(victim.connections), load.summary()


def test_a_backend_that_closes_at_any_moment_executes_no_post_twice(stage, dice):
    moods = random.Random(dice.randrange(1 << 20))

    def script(connection):
        while True:
            request = connection.read_request()
            mood = moods.random()
            if mood < 0.05:
                return connection.reset()
            if mood < 0.10:
                return connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
            answer(connection, request)
            if mood < 0.15:
                return None
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    load = TaggedLoad(proxy.address, CLIENTS, limit=scaled(100), seed=dice.randrange(1 << 20))
    load.join()
    check_reports(load, backend.executions, {"200", "502"})


def test_a_request_that_breaks_its_connection_costs_only_itself(stage, dice):
    def script(connection):
        while True:
            request = connection.read_request()
            if request.id.endswith("-7"):
                return
            answer(connection, request)
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    load = TaggedLoad(proxy.address, CLIENTS, limit=20, seed=dice.randrange(1 << 20))
    load.join()
    check_reports(load, backend.executions, {"200", "502"})
    for name, outcome in load.outcomes.items():
        assert (outcome == "502") == name.endswith("-7"), (name, outcome)


def test_nothing_is_left_when_the_load_has_gone(stage, dice):
    backend = stage.backend(keep_alive())
    # What this backend is left to close first would stay open for a while.
    proxy = stage.proxy(backend, upstream={"retire": "fin", "pool": {"idle_timeout": "100ms"}})
    fetch(proxy.address, "/")
    backend.wait_for_open(0)
    before = proxy.descriptors()
    load = TaggedLoad(proxy.address, CLIENTS, limit=scaled(100), seed=dice.randrange(1 << 20))
    load.join()
    backend.wait_for_open(0)
    wait_until(lambda: proxy.descriptors() <= before, f"{before} descriptors again")
