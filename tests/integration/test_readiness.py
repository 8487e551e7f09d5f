"""Connections that are ready before anybody asks, and backends that have fewer hands than we think."""

import json
import threading

from harness.client import Client, fetch
from harness.scripts import keep_alive
from harness.waiting import Stopwatch, wait_until
from test_status import ON, ask


def server_of(proxy) -> dict:
    return json.loads(ask(proxy, "/api/v1/status")[1])["upstreams"][0]["servers"][0]


def test_min_idle_keeps_connections_ready_also_after_a_restart(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, workers=2, upstream={"pool": {"min_idle": 4}}, **ON)
    wait_until(lambda: server_of(proxy)["idle"] == 4, "four connections are ready")
    assert backend.requests == []
    place = backend.address
    backend.kill()
    wait_until(lambda: server_of(proxy)["idle"] == 0, "they are gone")
    backend.listen(place)
    watch = Stopwatch()
    wait_until(lambda: server_of(proxy)["idle"] == 4, "they are back")
    print(f"four connections were ready again after {watch.seconds:.1f} s")
    assert watch.seconds < 4
    opened = server_of(proxy)["opened_total"]
    assert fetch(proxy.address, "/").status == 200
    assert server_of(proxy)["opened_total"] <= opened + 1  # one more is made in its place


def test_a_backend_that_serves_few_connections_at_a_time_is_noticed(stage):
    hands = threading.Semaphore(2)
    def prefork(connection) -> None:
        with hands:
            keep_alive()(connection)
    backend = stage.backend(prefork)
    proxy = stage.proxy(backend, **ON)
    clients = [Client(proxy.address) for _ in range(4)]
    try:
        assert server_of(proxy)["suggested_max_connections"] is None
        for client in clients:
            client.ask("GET", "/")
        wait_until(lambda: server_of(proxy)["idle"] == 2, "two of them are answered")
        def noticed() -> bool:
            assert fetch(proxy.address, "/").status == 200
            return server_of(proxy)["suggested_max_connections"] == 2
        wait_until(noticed, "it is noticed that the backend serves two at a time")
        line = proxy.wait_for_line("pool.max_connections to 2")
        assert "lets" in line
    finally:
        for client in clients:
            client.close()
