"""Clients at rest: what they cost in memory, and whether they are in the way of the others."""

import time

import kernel
import memory
from arms import ARMS, Unmeasurable
from load import Clients
from rig import Rig, layout, raise_descriptor_limit

CLIENTS = 5000
ARMS_WITH_MEMORY = [name for name in ARMS if name not in ("direct", "relay")]
CROWD = 50_000   # or as many as the limit of descriptors allows
CROWD_ARMS = ["nginx", "haproxy-always", "holdfast"]
CROWD_RATE = 10_000
CROWD_SECONDS = 4


def measure_idle(arm: str, clients: int) -> dict:
    """Resident memory of the fresh program, and bytes per idle client."""
    with Rig() as rig:
        proxy = rig.proxy(arm, rig.backend())
        resident = kernel.resident_bytes(proxy.processes)
        rig.load(proxy, seconds=1, clients=Clients())
        try:
            each, problem = memory.growth(proxy, clients) / clients, ""
        except (Unmeasurable, OSError) as refused:
            each, problem = None, str(refused)
    return {"resident_at_rest_bytes": resident, "bytes_per_client": each, "clients": clients,
            "problem": problem}


def crowd_size() -> int:
    """As many as a proxy can hold with a fifth of its descriptors free, for it needs others too.

    (holdfast closes idle clients when few are left.) The limit is raised as far as is allowed.
    """
    return min(CROWD, raise_descriptor_limit(CROWD * 5 // 4) * 4 // 5)


def measure_crowd(arm: str, clients: int) -> dict:
    """A steady rate of requests past a crowd of clients that have asked once and stay."""
    with Rig(layout()) as rig:
        backend = rig.backend()
        proxy = rig.proxy(arm, backend, clients=clients * 5 // 4)
        row = {"clients": clients, "problem": ""}
        try:
            with memory.crowd(proxy, clients):
                begin, cpu = time.monotonic(), kernel.cpu_seconds(proxy.processes)
                requests = backend.counts().requests
                seen = rig.load(proxy, seconds=CROWD_SECONDS,
                                clients=Clients(100, rate=CROWD_RATE))
                requests = backend.counts().requests - requests
                cpu = kernel.cpu_seconds(proxy.processes) - cpu
                took = time.monotonic() - begin
        except (Unmeasurable, OSError) as refused:
            return {**row, "problem": str(refused)}
    return {**row, "errors": seen.errors, "rate": requests / took, "cpu_us": cpu * 1e6 / requests,
            "p50_us": seen.p50, "p99_us": seen.p99, "p999_us": seen.p999}
