"""Signals: what drains, what ends at once, and what is not worth dying for."""

import signal

import pytest

from harness.binary import sanitized
from harness.client import Client, fetch
from harness.scripts import Gate, keep_alive
from harness.waiting import PATIENCE, WATCH, Stopwatch, wait_until

SOON = 1.0 if not sanitized() else 3.0
DRAINING = [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT]


def held(stage, **shutdown):
    gate = Gate()
    backend = stage.backend(gate.script)
    proxy = stage.proxy(backend, shutdown={"timeout": "30s", **shutdown})
    client = Client(proxy.address)
    client.ask("GET", "/held")
    backend.wait_for_begun(1)
    return gate, proxy, client


def refuses(proxy) -> bool:
    try:
        Client(proxy.address).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # met the listener as it closed; the next one will tell
    return False


@pytest.mark.parametrize("number", DRAINING)
def test_an_idle_holdfast_ends_at_once_and_clean(stage, number):
    proxy = stage.proxy(stage.backend(keep_alive()), shutdown={"timeout": "30s"})
    with Client(proxy.address) as idle:
        assert idle.get("/").status == 200
        watch = Stopwatch()
        proxy.send_signal(number)
        assert idle.ends()
        idle.close()  # As a client does when it finds that its connection has ended.
        assert proxy.wait() == 0
        assert watch.seconds < SOON


def test_a_client_that_ignores_the_end_of_its_connection_is_not_waited_for_long(stage):
    proxy = stage.proxy(stage.backend(keep_alive()), shutdown={"timeout": "30s"})
    with Client(proxy.address) as idle:
        assert idle.get("/").status == 200
        proxy.send_signal(signal.SIGTERM)
        assert proxy.wait(PATIENCE) == 0


@pytest.mark.parametrize("number", DRAINING)
def test_a_drain_finishes_what_is_under_way_and_takes_nothing_new(stage, number):
    gate, proxy, client = held(stage)
    proxy.send_signal(number)
    wait_until(lambda: refuses(proxy), "new clients are refused")
    gate.open()
    reply = client.answer()
    assert (reply.status, reply.fields.tokens("Connection")) == (200, ["close"])
    assert client.ends()
    client.close()
    assert proxy.wait() == 0


def test_a_drain_ends_at_its_deadline(stage):
    _, proxy, client = held(stage, timeout="300ms")
    watch = Stopwatch()
    proxy.send_signal(signal.SIGTERM)
    assert proxy.wait() in (0, 1)
    assert 0.25 < watch.seconds < PATIENCE
    client.close()


@pytest.mark.parametrize("first, second", [(signal.SIGTERM, signal.SIGTERM),
                                           (signal.SIGINT, signal.SIGINT),
                                           (signal.SIGTERM, signal.SIGINT)])
def test_a_second_signal_ends_at_once(stage, first, second):
    _, proxy, client = held(stage)
    proxy.send_signal(first)
    wait_until(lambda: refuses(proxy), "it drains")
    assert proxy.running
    watch = Stopwatch()
    proxy.send_signal(second)
    assert proxy.wait() in (0, 1)
    assert watch.seconds < PATIENCE
    client.close()


def test_a_delay_goes_on_accepting_before_the_drain(stage):
    proxy = stage.proxy(stage.backend(keep_alive()), shutdown={"delay": "400ms", "timeout": "1s"})
    watch = Stopwatch()
    proxy.send_signal(signal.SIGTERM)
    while watch.seconds < 0.25:
        assert fetch(proxy.address, "/").status == 200
    assert proxy.wait() == 0
    assert watch.seconds > 0.35


def test_idle_clients_are_closed_by_a_drain(stage):
    gate, proxy, client = held(stage)
    with Client(proxy.address) as idle:
        assert idle.get("/free").status == 200
        proxy.send_signal(signal.SIGTERM)
        assert idle.ends()
        assert client.silent(WATCH)  # The one under way is not.
        gate.open()
        assert client.answer().status == 200
    client.close()
    assert proxy.wait() == 0


def test_a_broken_pipe_kills_nobody(stage):
    proxy = stage.proxy(stage.backend(keep_alive()))
    proxy.send_signal(signal.SIGPIPE)
    assert fetch(proxy.address, "/").status == 200


def test_a_stopped_and_continued_holdfast_goes_on(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend)
    fetch(proxy.address, "/1")
    proxy.send_signal(signal.SIGSTOP)
    backend.drop_connections("fin")
    proxy.send_signal(signal.SIGCONT)
    assert fetch(proxy.address, "/2", method="POST", body=b"x").text == "POST /2 1 2.1\n"
