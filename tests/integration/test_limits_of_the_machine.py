"""Local shortages: descriptors and ports run out, and that is nobody else's fault."""

import ctypes
import os
import socket
import subprocess
import threading

import pytest

from harness.client import Client
from harness.scripts import Gate, keep_alive

CLONE_NEWNET = 0x40000000


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


class Namespace:
    """A network of its own, with few ports; sockets made by it live there."""

    def __init__(self, ports: str) -> None:
        self.name = f"holdfast-test-{os.getpid()}"
        self._run("ip", "netns", "add", self.name)
        self.prefix = ["ip", "netns", "exec", self.name]
        self._run("ip", "-n", self.name, "link", "set", "lo", "up")
        self._run(*self.prefix, "sysctl", "-qw", f"net.ipv4.ip_local_port_range={ports}")

    @staticmethod
    def _run(*command: str) -> None:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            pytest.skip(f"no network namespaces here: {result.stderr.strip()}")

    def socket(self, family: int, kind: int) -> socket.socket:
        """A socket in here, wherever the caller is: only a thread of its own goes in to make it."""
        made = []

        def make() -> None:
            with open(f"/run/netns/{self.name}", encoding="ascii") as entrance:
                if ctypes.CDLL(None, use_errno=True).setns(entrance.fileno(), CLONE_NEWNET) == 0:
                    made.append(socket.socket(family, kind))
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]

    def stop(self) -> None:
        subprocess.run(["ip", "netns", "del", self.name], check=False)


@pytest.fixture
def few_ports():
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    namespace = Namespace("40000 40003")
    yield namespace
    namespace.stop()


def test_no_free_port_is_reported_and_costs_no_connection(stage, few_ports):
    # Four ports make four connections; a fifth request has none, and the four go on.
    gate = Gate()
    backend = stage.backend(gate.script, make_socket=few_ports.socket, address=("127.0.0.1", 9000))
    proxy = stage.proxy(backend, prefix=few_ports.prefix,
                        listener={"address": "127.0.0.1:8080"},
                        upstream={"pool": {"queue": {"timeout": "300ms"}}})
    clients = [client_in(few_ports, proxy, port) for port in range(50001, 50006)]
    for count, client in enumerate(clients[:4], 1):
        client.ask("GET", f"/{count}")
        backend.wait_for_begun(count)
    clients[4].ask("GET", "/5")
    assert clients[4].answer().status == 503
    gate.open()
    assert {client.answer().status for client in clients[:4]} == {200}
    for client in clients:
        assert client.get("/again").status == 200
        client.close()
    assert backend.accepted == 4


def client_in(namespace: Namespace, proxy, port: int) -> Client:
    """A client in the namespace, from a port outside of the range that holdfast has."""
    def make(family: int, kind: int) -> socket.socket:
        sock = namespace.socket(family, kind)
        sock.bind(("127.0.0.1", port))
        return sock
    return Client(proxy.address, make_socket=make)
