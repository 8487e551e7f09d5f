"""One run: one arm under one workload, in a network of its own, and the median of several."""

import concurrent.futures
import ctypes
import dataclasses
import functools
import multiprocessing
import os
import statistics
import subprocess
import time

from workloads import Workload

import kernel
from arms import Unmeasurable
from load import WARM_UP_SECONDS
from rig import Rig, layout

REST_SECONDS = 0.1      # at its end, so that nobody is measured stopping
CLONE_NEWNET = 0x40000000  # linux/sched.h; os.unshare comes with Python 3.12

# What is the median of the rounds; all else of a run is only in the JSON.
COLUMNS = ("cpu_us", "rate", "p50_us", "p99_us", "p999_us", "opened", "opened_later",
           "time_wait_proxy", "time_wait_backend", "memory_bytes")


@dataclasses.dataclass(frozen=True)
class Settings:
    seconds: int = 2           # of load per run, warm-up included
    layout: str = "same"
    workers: int | None = None    # None = as the workload says


def own_network() -> None:
    """Moves this process, and all that it starts, into a new network namespace."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


@functools.cache
def own_networks() -> bool:
    """Whether we may make networks: root may, but not in every container."""
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "--net", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


def apart(measurement, *arguments):
    """Calls it in a network namespace of its own, where that is allowed.

    It goes when the run is over and takes its TIME_WAIT along: the kernel would clear that away a
    minute later, at the expense of whoever runs then. And nothing of an earlier run listens in it.
    """
    if not own_networks():
        return measurement(*arguments)
    try:
        return _in_own_network(measurement, arguments)
    except Unmeasurable:  # A machine that is very busy may have been late once.
        return _in_own_network(measurement, arguments)


def _in_own_network(measurement, arguments):
    with concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context("fork"), own_network) as process:
        return process.submit(measurement, *arguments).result()


@dataclasses.dataclass(frozen=True)
class Moment:
    """The counters at one time."""

    at: float
    connections: int
    requests: int
    cpu_seconds: float

    @classmethod
    def now(cls, backend, proxy) -> "Moment":
        counts = backend.counts()
        return cls(time.monotonic(), counts.connections, counts.requests,
                   kernel.cpu_seconds(proxy.processes) if proxy else 0.0)


def start_arm(rig: Rig, arm: str, workload: Workload, workers: int) -> tuple:
    """The backend, and what stands before it: None for the direct arm."""
    short_relay = arm == "relay" and workload.clients.short
    backend = rig.backend(dataclasses.replace(workload.backend, keep_anyway=short_relay))
    if arm == "direct":
        return backend, None
    if arm == "relay":
        return backend, rig.relay(backend, short=short_relay, workers=workers)
    return backend, rig.proxy(arm, backend, workers=workers)


def measure(arm: str, workload: Workload, settings: Settings) -> dict:
    workers = settings.workers or workload.workers
    with Rig(layout(settings.layout, workers)) as rig:
        backend, proxy = start_arm(rig, arm, workload, workers)
        rest = kernel.resident_bytes(proxy.processes) if proxy else None
        begin = Moment.now(backend, proxy)
        with rig.start_load(workload.clients, proxy or backend, settings.seconds) as running:
            time.sleep(WARM_UP_SECONDS)
            warm = Moment.now(backend, proxy)
            time.sleep(settings.seconds - WARM_UP_SECONDS - REST_SECONDS)
            end = Moment.now(backend, proxy)
            memory = kernel.private_bytes(proxy.processes) if proxy else None
            seen = running.finish()
        left = kernel.time_wait(backend.pid, backend.port)
    requests = end.requests - warm.requests
    if not requests and not seen.errors:
        raise Unmeasurable(f"{arm}, {workload.name}: nothing has reached the backend")
    cpu_us = (end.cpu_seconds - warm.cpu_seconds) * 1e6 / max(requests, 1)
    return {"errors": seen.errors, "requests": requests,
            "opened": end.connections - begin.connections,
            "opened_later": end.connections - warm.connections,
            "time_wait_proxy": left.callers, "time_wait_backend": left.here,
            "cpu_us": cpu_us if proxy else None,
            "rate": requests / (end.at - warm.at), "p50_us": seen.p50, "p99_us": seen.p99,
            "p999_us": seen.p999, "memory_bytes": memory, "resident_at_rest_bytes": rest}


def median(values: list) -> float | None:
    there = [value for value in values if value is not None]
    return statistics.median(there) if there else None


def summary(runs: list[dict]) -> dict:
    """Medians, the errors of all rounds, and how far the CPU per request spreads."""
    cpu = [run["cpu_us"] for run in runs if run["cpu_us"] is not None]
    return {"errors": sum(run["errors"] for run in runs),
            **{column: median([run[column] for run in runs]) for column in COLUMNS},
            "cpu_us_least": min(cpu, default=None), "cpu_us_most": max(cpu, default=None),
            "runs": runs}
