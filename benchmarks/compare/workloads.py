"""The workloads: what the clients want, how the backend answers, and what holdfast may need."""

import dataclasses
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from arms import ARMS  # noqa: E402
from load import Clients  # noqa: E402
from rig import Behaviour  # noqa: E402

# What Firefox asks for a page with, besides Host.
BROWSER = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br",
    "Referer: https://www.example.test/articles/2026/11/",
    "Cookie: token=5f2c0e7a9b3d41c68e0f; theme=dark; seen=1",
    "Upgrade-Insecure-Requests: 1",
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Site: same-origin",
    "Sec-Fetch-User: ?1",
    "Cache-Control: max-age=0",
)


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    title: str
    clients: Clients = Clients()
    backend: Behaviour = Behaviour()
    workers: int = 1
    # The most that holdfast may need of tuned nginx's CPU, of the relay's, of tuned nginx's time,
    # and how many connections it may open after the warm-up.
    of_nginx: float | None = None
    of_relay: float | None = None
    p99_of_nginx: float | None = None
    churn: int | None = None
    relayed: bool = True    # the relay can: it edits nothing, and waits while it writes
    quick: bool = False     # part of --quick

    def arms(self) -> list[str]:
        return [name for name in ARMS if name != "relay" or self.relayed]


WORKLOADS = {workload.name: workload for workload in (
    Workload("kept-alive", "64 kept-alive clients", of_nginx=0.65, of_relay=1.12, quick=True),
    Workload("one-client", "1 kept-alive client", Clients(1), of_nginx=0.92),
    Workload("thousand-clients", "1,000 kept-alive clients", Clients(1000), of_nginx=0.60,
             churn=0),
    Workload("full-fields", "a browser's request fields", Clients(fields=BROWSER), of_nginx=0.70,
             of_relay=1.25, quick=True),
    Workload("short", "short clients, one request each", Clients(short=True), of_nginx=0.88,
             quick=True),
    Workload("64-kib", "answers of 64 KiB", backend=Behaviour(body_bytes=64 << 10), of_nginx=0.52,
             relayed=False, quick=True),
    Workload("1-mib", "answers of 1 MiB", Clients(16), Behaviour(body_bytes=1 << 20),
             of_nginx=0.75, relayed=False),
    Workload("uploads", "uploads of 64 KiB", Clients(upload_bytes=64 << 10), relayed=False),
    Workload("http10", "HTTP/1.0 backend that keeps connections",
             backend=Behaviour(http10=True), of_nginx=0.13, relayed=False, quick=True),
    Workload("http10-closing", "HTTP/1.0 backend that closes each time",
             backend=Behaviour(http10=True, close_each=True), relayed=False),
    Workload("slow-backend", "500 clients, backend takes 20 ms", Clients(500),
             Behaviour(delay_milliseconds=20)),
    Workload("constant-rate", "3,000 requests a second, whoever serves",
             Clients(30, rate=3000), p99_of_nginx=1, quick=True),
    Workload("two-workers", "two workers, 64 kept-alive clients", workers=2),
    Workload("two-workers-short", "two workers, short clients", Clients(short=True), workers=2),
)}
