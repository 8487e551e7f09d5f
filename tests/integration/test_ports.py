"""Ports are few: what holdfast needs of them, and what becomes of requests when there are none.

Between two networks of their own, because over loopback the kernel gives out ports again that are in
TIME_WAIT, and nothing would be seen.
"""

import os
import socket
import subprocess
import threading

import pytest

from harness.binary import holdfast_binary
from harness.cable import Cable
from harness.paced import PacedClients
from harness.scripts import keep_alive
from harness.shortage import CpuMeter
from harness.waiting import Stopwatch, wait_until

RANGE = (40000, 40199)
PORTS = 200
# The whole of it takes half a minute: HOLDFAST_LONG=1.
COUNT = 20_000 if os.environ.get("HOLDFAST_LONG") else 3_000
RATE = 2_000
BACKEND_PORT = 8000

NGINX = """\
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen {address} backlog=4096; location / {{ {does}; }} }}
}}
"""


class Nginx:
    """In a network of its own: it answers a few bytes itself, or passes requests on."""

    def __init__(self, namespace, folder, address: tuple[str, int], does: str) -> None:
        folder.mkdir()
        conf = folder / "conf"
        conf.write_text(NGINX.format(folder=folder, address="%s:%d" % address, does=does))
        self._child = subprocess.Popen([*namespace.prefix, "nginx", "-c", str(conf), "-p", str(folder),
                                        "-e", str(folder / "log")])
        def ready() -> bool:
            with namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
                return sock.connect_ex(address) == 0
        wait_until(ready, "nginx listens")

    def stop(self) -> None:
        self._child.terminate()
        self._child.wait(10)



@pytest.fixture
def cable(stage):
    return stage.adopt(Cable(RANGE))


def load(namespace, address: tuple[str, int]) -> PacedClients:
    """Runs in a thread that lives in the namespace, so that its sockets do."""
    return namespace._inside.submit(lambda: PacedClients(address).run(COUNT, RATE)).result()


def left(cable: Cable) -> tuple[int, int]:
    """TIME_WAIT of connections to the backend: at our end, at its."""
    return cable.our_time_wait(BACKEND_PORT), cable.their_time_wait(BACKEND_PORT)


def accepted(cable: Cable) -> int:
    """Connections that the far end has ever accepted."""
    names, values = (line.split() for line in cable.far.read("/proc/thread-self/net/snmp")
                     .splitlines() if line.startswith("Tcp:"))
    return int(values[names.index("PassiveOpens")])


@pytest.mark.timeout(150)
def test_short_clients_cost_next_to_no_ports(stage, cable, tmp_path):
    backend = (cable.far_address, BACKEND_PORT)
    stage.adopt(Nginx(cable.far, tmp_path / "backend", backend, 'return 200 "fine"'))
    legacy = "%s:%d" % backend
    proxy = stage.proxy(legacy, upstream={"pool": {"max_connections": 16}}, **cable.where())
    ours = load(cable.far, proxy.address)
    connections = cable.count(cable.far, BACKEND_PORT, "ESTABLISHED")
    rows = [("holdfast", ours, *left(cable))]

    nginx = (cable.near_address, 8001)
    stage.adopt(Nginx(cable.near, tmp_path / "nginx", nginx, f"proxy_pass http://{legacy}"))
    before = accepted(cable)
    rows.append(("nginx, its defaults", load(cable.far, nginx), *left(cable)))
    theirs_opened = accepted(cable) - before
    rows.append(("directly", load(cable.near, backend), *left(cable)))
    print(f"\n{COUNT} short clients at {RATE} a second, {PORTS} ports; TIME_WAIT in all by then:")
    for name, clients, here, there in rows:
        print(f"  {name:20} {dict(clients.outcomes)}, slowest {clients.slowest * 1000:.0f} ms; "
              f"TIME_WAIT here {here}, at the backend {there}")
    print(f"  holdfast had {connections} connections to the backend, nginx {theirs_opened}")
    assert ours.outcomes == {"200": COUNT}
    assert connections <= 16
    _, _, here, there = rows[0]
    assert (here, there) <= (2, 2)
    # One connection for each request; what they leave is bounded by the ports there are, and how much
    # of that shows at the end depends on how fast the machine is.
    _, theirs, _, _ = rows[1]
    assert theirs.outcomes["200"] < COUNT or theirs_opened >= COUNT
    _, direct, here, _ = rows[2]
    assert direct.outcomes["EADDRNOTAVAIL"] > COUNT / 2 and here > 100


class Hog:
    """Another program, which holds ports towards the backend, all that there are or some."""

    def __init__(self, cable: Cable, address: tuple[str, int]) -> None:
        self._cable, self._address = cable, address
        self._held: list[socket.socket] = []

    def take_all(self) -> int:
        while True:
            sock = self._cable.near.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.settimeout(10)
            failed = sock.connect_ex(self._address)
            if failed != 0:
                sock.close()
                return len(self._held)
            self._held.append(sock)

    def let_go(self) -> None:
        """With resets, which leave nothing behind."""
        for sock in self._held:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
        self._held.clear()

    stop = let_go


def test_ports_that_another_program_holds_are_waited_for(stage, cable, tmp_path):
    backend = (cable.far_address, BACKEND_PORT)
    stage.adopt(Nginx(cable.far, tmp_path / "backend", backend, 'return 200 "fine"'))
    hog = stage.adopt(Hog(cable, backend))
    held = hog.take_all()
    proxy = stage.proxy("%s:%d" % backend, prefix=cable.near.prefix,
                        listener={"address": f"unix:{tmp_path}/socket"},
                        upstream={"pool": {"max_connections": 8, "queue": {"timeout": "2s"}}})
    def ask() -> tuple[int, str]:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20)
            sock.connect(f"{tmp_path}/socket")
            sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            got = b""
            while piece := sock.recv(65536):
                got += piece
            return int(got.split()[1]), got.decode()
    meter, watch = CpuMeter(proxy.pid), Stopwatch()
    answers: list[tuple[int, str]] = []
    threads = [threading.Thread(target=lambda: answers.append(ask())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    waited, cpu = watch.seconds, meter.share
    assert {status for status, _ in answers} == {503}
    assert all("no free local port" in text for _, text in answers)
    assert 1.9 < waited < 5
    assert cpu < 0.2
    # One that waits when the ports come back is served within a second.
    late: list[tuple[int, str]] = []
    thread = threading.Thread(target=lambda: late.append(ask()))
    thread.start()
    wait_until(lambda: watch.seconds > waited + 1, "it has waited for a while")
    hog.let_go()
    watch = Stopwatch()
    thread.join()
    resumed = watch.seconds
    assert late[0][0] == 200, late
    assert resumed < 1.0
    assert "set aside" not in proxy.stderr and "cannot be reached" not in proxy.stderr
    print(f"{held} ports held: 20 requests waited {waited:.1f} s and got 503 with the reason, CPU "
          f"{cpu:.1%}; served {resumed * 1000:.0f} ms after the ports came back")


def test_another_source_address_has_ports_of_its_own(stage, cable, tmp_path):
    backend = (cable.far_address, BACKEND_PORT)
    stage.adopt(Nginx(cable.far, tmp_path / "backend", backend, 'return 200 "fine"'))
    second = "10.80.0.3"
    subprocess.run([*cable.near.prefix, "sh", "-c",
                    f"ip addr add {second}/24 dev $(ls /sys/class/net | grep hv)"], check=True)
    hog = stage.adopt(Hog(cable, backend))
    hog.take_all()
    proxy = stage.proxy("%s:%d" % backend,
                        upstream={"source_addresses": [cable.near_address, second]},
                        prefix=cable.near.prefix,
                        listener={"address": f"{cable.near_address}:8001"})
    clients = cable.far._inside.submit(
        lambda: PacedClients(proxy.address).run(200, 1000)).result()
    assert clients.outcomes == {"200": 200}
    assert cable.count(cable.far, BACKEND_PORT, "ESTABLISHED") > PORTS


def test_a_source_address_that_is_not_here_is_named_at_the_start(stage):
    backend = stage.backend(keep_alive())
    path = stage.config(backend, upstream={"source_addresses": ["192.0.2.77"]})
    from harness.binary import holdfast_binary
    ran = subprocess.run([holdfast_binary(), "run", "-c", str(path)], capture_output=True, text=True,
                         timeout=20, check=False)
    assert ran.returncode == 1
    assert "192.0.2.77 is not an address of this machine" in ran.stderr
    checked = subprocess.run([holdfast_binary(), "check", str(path)], capture_output=True, text=True,
                             timeout=20, check=False)
    assert checked.returncode == 0
    assert "192.0.2.77 is not an address of this machine" in checked.stderr
