"""Two networks and a cable between them: ports and TIME_WAIT as they are between two machines.

On one machine the kernel hides what a short connection costs: over loopback it hands out ports that
are in TIME_WAIT again. So what is said of ports is tried over a pair of veth devices.
"""

import dataclasses
import itertools
import os
import socket

from harness.namespace import Namespace, run
from harness.waiting import wait_until

STATES = {"01": "ESTABLISHED", "02": "SYN_SENT", "03": "SYN_RECV", "04": "FIN_WAIT1",
          "05": "FIN_WAIT2", "06": "TIME_WAIT", "07": "CLOSE", "08": "CLOSE_WAIT", "09": "LAST_ACK",
          "0A": "LISTEN", "0B": "CLOSING"}
TCP_TABLE = "/proc/thread-self/net/tcp"
_numbers = itertools.count()


@dataclasses.dataclass(frozen=True)
class Socket:
    """A row of the kernel's table: its ports and its state."""

    local_port: int
    remote_port: int
    state: str


class Cable:
    """Two namespaces, `near` for holdfast and its clients and `far` for the backends.

    Both are stopped by stop(). `ports` is the range that near's kernel gives to connections.
    """

    near_address, far_address = "10.80.0.1", "10.80.0.2"

    def __init__(self, ports: tuple[int, int] | None = None) -> None:
        self.near, self.far = Namespace(), Namespace()
        number = next(_numbers)
        devices = [f"hv{os.getpid()}n{number}", f"hv{os.getpid()}f{number}"]
        run("ip", "-n", self.near.name, "link", "add", devices[0], "type", "veth", "peer", "name",
            devices[1], "netns", self.far.name)
        self._far_device = devices[1]
        ends = zip((self.near, self.far), devices, (self.near_address, self.far_address))
        for namespace, device, address in ends:
            run("ip", "-n", namespace.name, "addr", "add", f"{address}/24", "dev", device)
            run("ip", "-n", namespace.name, "link", "set", device, "up")
        if ports:
            self.near.sysctl("net.ipv4.ip_local_port_range=%d %d" % ports)

    def cut(self) -> None:
        """Nothing passes until mend(): what is sent meanwhile is sent again then."""
        run("ip", "-n", self.far.name, "link", "set", self._far_device, "down")

    def mend(self) -> None:
        run("ip", "-n", self.far.name, "link", "set", self._far_device, "up")

    def where(self) -> dict:
        """How a stage starts holdfast at the near end."""
        return {"prefix": self.near.prefix, "listener": {"address": f"{self.near_address}:0"}}

    def backend(self, stage, script, **how):
        """A scripted backend at the far end."""
        return stage.backend(script, address=(self.far_address, 0), make_socket=self.far.socket,
                             **how)

    def connect(self, address: tuple[str, int]) -> socket.socket:
        """A connection from the near end."""
        sock = self.near.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(10)
        sock.connect(address)
        return sock

    def sockets(self, namespace: Namespace, port: int) -> list[Socket]:
        """All connections of one end from or to this port, TIME_WAIT included."""
        rows = [line.split() for line in namespace.read(TCP_TABLE).splitlines()[1:]]
        found = [Socket(int(row[1].split(":")[1], 16), int(row[2].split(":")[1], 16),
                        STATES.get(row[3], row[3])) for row in rows]
        return [s for s in found if port in (s.local_port, s.remote_port) and s.state != "LISTEN"]

    def count(self, namespace: Namespace, port: int, state: str) -> int:
        return sum(s.state == state for s in self.sockets(namespace, port))

    def our_time_wait(self, port: int) -> int:
        """What connections to the far port have left at the near end: what they cost us."""
        return self.count(self.near, port, "TIME_WAIT")

    def their_time_wait(self, port: int) -> int:
        return self.count(self.far, port, "TIME_WAIT")

    def settle(self, port: int) -> None:
        """Returns once no connection with this port is half open or half closed any more."""
        def settled() -> bool:
            states = {s.state for end in (self.near, self.far) for s in self.sockets(end, port)}
            return states <= {"TIME_WAIT", "ESTABLISHED"}
        wait_until(settled, "every close has come to its end")

    def stop(self) -> None:
        self.near.stop()
        self.far.stop()
