"""What a proxy does to the ports between two machines, over time.

Three networks: the clients, the machine of the proxy, the backend's machine, with a cable between
each. The machine in the middle has few local ports, as one has that serves many. Over loopback
alone the kernel would hand out ports that are in TIME_WAIT again.
"""

import dataclasses
import os
import subprocess
import threading
import time


import kernel
import load
from arms import ARMS
from rig import PATIENCE, Behaviour, Layout, Rig

PORTS = (32768, 33767)
CLIENT_SIDE, PROXY_OUTSIDE = "10.81.0.1", "10.81.0.2"
PROXY_INSIDE, BACKEND_SIDE = "10.82.0.1", "10.82.0.2"
SAMPLE_SECONDS = 0.25
ARMS_BEHIND_A_CABLE = [name for name in ARMS if name != "relay"]


@dataclasses.dataclass(frozen=True)
class Pace:
    rate: int = 500      # short clients per second
    seconds: int = 10


class Place:
    """Another network: a process that only holds it, and how to start a program there."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 3600"],
                                        stdout=subprocess.PIPE, start_new_session=True)
        self._holder.stdout.readline()
        self.prefix = ["nsenter", "-t", str(self._holder.pid), "-n", "--"]

    def connect(self, device: str, here: str, there: str) -> None:
        """A cable from this process's network to that one."""
        for command in (
                ["ip", "link", "add", device, "type", "veth", "peer", "name", "far", "netns",
                 str(self._holder.pid)],
                ["ip", "addr", "add", f"{here}/30", "dev", device],
                ["ip", "link", "set", device, "up"],
                [*self.prefix, "ip", "addr", "add", f"{there}/30", "dev", "far"],
                [*self.prefix, "ip", "link", "set", "far", "up"],
                [*self.prefix, "ip", "link", "set", "lo", "up"]):
            subprocess.run(command, check=True, timeout=PATIENCE)

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, *_) -> None:
        self._holder.kill()
        self._holder.wait()
        self._holder.stdout.close()


class Sampler(threading.Thread):
    """Looks at connections and TIME_WAIT again and again, until it is told to stop."""

    def __init__(self, backend) -> None:
        super().__init__(daemon=True)
        self._backend = backend
        self._end = threading.Event()
        self._begun = time.monotonic()
        self.samples: list[dict] = []

    def run(self) -> None:
        while True:
            self.samples.append(self._look())
            if self._end.wait(SAMPLE_SECONDS):
                return

    def _look(self) -> dict:
        counts = self._backend.counts()
        near = kernel.time_wait(os.getpid(), self._backend.port)
        far = kernel.time_wait(self._backend.pid, self._backend.port)
        return {"seconds": round(time.monotonic() - self._begun, 3), "open": counts.open,
                "opened": counts.connections, "time_wait_proxy": near.callers,
                "time_wait_backend": far.here}

    def __enter__(self) -> "Sampler":
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self._end.set()
        self.join()


def measure_ports(arm: str, pace: Pace) -> dict:
    """One arm between the cables; called in a network of its own, which has the few ports."""
    own_ports = "/proc/sys/net/ipv4/ip_local_port_range"
    with Place() as clients, Place() as far, Rig(Layout()) as rig:
        clients.connect("outside", PROXY_OUTSIDE, CLIENT_SIDE)
        far.connect("inside", PROXY_INSIDE, BACKEND_SIDE)
        with open(own_ports, "w", encoding="ascii") as file:
            file.write("%d %d" % PORTS)
        subprocess.run([*clients.prefix, "sh", "-c", f"echo 1024 65000 >{own_ports}"], check=True)
        backend = rig.backend(Behaviour(address=BACKEND_SIDE), prefix=far.prefix)
        target, prefix = backend, []
        if arm != "direct":  # Without a proxy the clients are on the machine with the few ports.
            target = rig.proxy(arm, backend, listen=PROXY_OUTSIDE)
            prefix = clients.prefix
        url = f"http://{target.address}:{target.port}/"
        with Sampler(backend) as sampler:
            with load.paced_short_clients(url, pace.rate, pace.seconds, prefix) as running:
                seen = running.finish()
    last = sampler.samples[-1]
    return {"errors": seen.errors, "requests": pace.rate * pace.seconds, "opened": last["opened"],
            "time_wait_proxy": last["time_wait_proxy"],
            "time_wait_backend": last["time_wait_backend"], "samples": sampler.samples}
