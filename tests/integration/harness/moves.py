"""Moves that several tests make."""

from harness.client import Client


def overlap(proxy, gate, backend, names) -> None:
    """Lets requests overlap, so that each has a connection; they are answered in this order."""
    clients = [Client(proxy.address) for _ in names]
    for count, (client, name) in enumerate(zip(clients, names), 1 + len(backend.begun)):
        client.ask("GET", name)
        backend.wait_for_begun(count)
    for client, name in zip(clients, names):
        gate.open(name)
        assert client.answer().text.startswith(f"GET {name} ")
        client.close()
