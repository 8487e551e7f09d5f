"""Local shortages: descriptors run out, and that is nobody else's fault."""

from harness.client import Client
from harness.scripts import keep_alive


def test_few_descriptors_mean_few_clients_at_once_and_no_failure(stage):
    # More clients than descriptors: those without room wait in the backlog, and all are served.
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, prefix=["prlimit", "--nofile=160:160"],
                        upstream={"pool": {"max_connections": 16}})
    clients = [Client(proxy.address) for _ in range(400)]
    for number, client in enumerate(clients):
        client.ask("GET", f"/{number}", [("Connection", "close")])
    for number, client in enumerate(clients):
        assert client.answer().text.startswith(f"GET /{number} ")
        client.close()
    assert proxy.descriptors() < 160
