"""/metrics: sums that hold, names as they are written down, and a real Prometheus that reads them."""

import json
import pathlib
import re
import shutil
import subprocess
import urllib.request

import pytest

from harness.client import Client, fetch
from harness.servers import free_port
from harness.scripts import close_after, keep_alive
from harness.waiting import wait_until
from test_status import ON, ask, status_address

SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:\\.|[^"\\])*)"')
TABLE = pathlib.Path(__file__).parents[2] / "src" / "metrics" / "README.md"


class Metrics:
    """One answer of /metrics."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.samples = []
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels, value = SAMPLE.match(line).groups()
                self.samples.append((name, dict(LABEL.findall(labels or "")), float(value)))

    def sum(self, name: str, **labels: str) -> float:
        return sum(value for found, has, value in self.samples
                   if found == "holdfast_" + name and labels.items() <= has.items())


def scrape(proxy) -> Metrics:
    answer, body = ask(proxy, "/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Metrics(body)


def held(metrics: Metrics) -> bool:
    """What must be true of any answer of one worker."""
    open_now = sum(metrics.sum("upstream_connections", state=state) for state in
                   ("active", "idle", "resting", "draining"))
    opened = metrics.sum("upstream_connections_opened_total")
    closed = metrics.sum("upstream_connections_closed_total")
    count = metrics.sum("request_duration_seconds_count")
    with_upstream = metrics.sum("requests_total") - metrics.sum("requests_total", upstream="")
    return opened == open_now + closed and count == with_upstream == metrics.sum(
        "pool_wait_seconds_count") and metrics.sum(
        "upstream_requests_per_connection_count") == closed


def test_counts_each_request_once(stage):
    proxy = stage.proxy(stage.backend(keep_alive()), **ON)
    for _ in range(5):
        assert fetch(proxy.address, "/").status == 200
    with Client(proxy.address) as client:
        client.send(b"nonsense\r\n\r\n")
        assert client.answer().status == 400
    metrics = scrape(proxy)
    assert metrics.sum("requests_total", listener="web", upstream="legacy", method="GET",
                       code="200") == 5
    assert metrics.sum("requests_total", listener="web", upstream="", code="400") == 1
    assert metrics.sum("requests_total", listener="web") == 6
    assert metrics.sum("client_connections_opened_total", listener="web") == 6
    assert metrics.sum("upstream_connections_opened_total") == 1
    assert metrics.sum("upstream_connection_reuses_total") == 4
    assert held(metrics)


def test_says_who_closed_and_why(stage):
    proxy = stage.proxy(stage.backend(close_after(2, announced=False)), **ON)
    for _ in range(2):
        assert fetch(proxy.address, "/").status == 200
    wait_until(lambda: scrape(proxy).sum("upstream_connections_closed_total", by="peer"),
               "the end of the connection is counted")
    metrics = scrape(proxy)
    assert metrics.sum("upstream_connections_closed_total", by="peer",
                       reason="ended_while_idle") == 1
    assert metrics.sum("upstream_requests_per_connection_sum") == 2
    assert held(metrics)


def test_tells_errors_by_their_name(stage):
    proxy = stage.proxy("127.0.0.1:%d" % free_port(), **ON)
    assert fetch(proxy.address, "/").status == 503
    metrics = scrape(proxy)
    assert metrics.sum("upstream_errors_total", error="connection_refused") == 1
    assert metrics.sum("upstream_connect_failures_total") >= 1
    assert metrics.sum("requests_total", code="503") == 1


def test_sums_hold_under_load_and_after(stage):
    proxy = stage.proxy(stage.backend(keep_alive()), **ON)
    load = subprocess.Popen(["wrk", "-t1", "-c8", "-d3s", proxy.url], stdout=subprocess.PIPE,
                            text=True)
    scraped = 0
    while load.poll() is None:
        assert held(scrape(proxy))
        scraped += 1
    done = int(re.search(r"(\d+) requests in", load.communicate()[0])[1])
    assert scraped > 3
    metrics = scrape(proxy)
    assert held(metrics)
    # wrk does not count what was under way when it ended.
    assert done <= metrics.sum("requests_total", listener="web") <= done + 8


@pytest.mark.workers
def test_adds_up_what_the_workers_have(stage):
    proxy = stage.proxy(stage.backend(keep_alive()), workers=2, **ON)
    for _ in range(20):
        assert fetch(proxy.address, "/").status == 200
    metrics = scrape(proxy)
    assert metrics.sum("requests_total", listener="web", code="200") == 20
    assert metrics.sum("worker_up") == 2


def test_is_written_down(stage):
    """The table names every family, with its kind, and no other."""
    proxy = stage.proxy(stage.backend(keep_alive()), **ON)
    assert fetch(proxy.address, "/").status == 200
    rows = re.findall(r"^\| `(\w+)(?:\{[^`]*\})?` \| (\w+) \|", TABLE.read_text("utf-8"), re.M)
    assert dict(rows) == scrape(proxy).kinds


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_satisfies_promtool(stage):
    proxy = stage.proxy(stage.backend(keep_alive()), **ON)
    assert fetch(proxy.address, "/").status == 200
    checked = subprocess.run(["promtool", "check", "metrics"], input=scrape(proxy).text,
                             capture_output=True, text=True, timeout=60)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


class Prometheus:
    """A real one that scrapes one target every second."""

    def __init__(self, folder: pathlib.Path, target) -> None:
        config = folder / "prometheus.yml"
        config.write_text("global: {scrape_interval: 1s}\nscrape_configs:\n"
                          "- job_name: holdfast\n  static_configs:\n"
                          "  - targets: ['%s:%d']\n" % target, encoding="utf-8")
        self.url = f"http://127.0.0.1:{free_port()}"
        self._child = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
             "--web.listen-address=" + self.url.removeprefix("http://")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def value(self, query: str) -> float | None:
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/query?query={query}", timeout=5) as got:
                found = json.load(got)["data"]["result"]
        except OSError:
            return None
        return float(found[0]["value"][1]) if found else None

    def stop(self) -> None:
        self._child.terminate()
        self._child.wait(30)


@pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed")
def test_is_scraped_by_prometheus(stage, tmp_path):
    proxy = stage.proxy(stage.backend(keep_alive()), **ON)
    assert fetch(proxy.address, "/").status == 200
    prometheus = stage.adopt(Prometheus(tmp_path, status_address(proxy)))
    wait_until(lambda: prometheus.value("up") == 1, "the target is up")
    wait_until(lambda: prometheus.value('holdfast_requests_total{listener="web"}') == 1,
               "its requests are there")
