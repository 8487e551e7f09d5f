"""The load: wrk for as much as passes, h2load for a constant rate and clients that come and go."""

import dataclasses
import json
import pathlib
import re
import subprocess
import tempfile

from arms import Unmeasurable, program

WARM_UP_SECONDS = 0.5   # in which connections are made; latencies of h2load begin after it
SCRIPT = pathlib.Path(__file__).resolve().parent / "wrk.lua"


@dataclasses.dataclass(frozen=True)
class Load:
    """What the load generator saw; latencies in microseconds."""

    requests: int
    errors: int
    rate: float
    p50: float
    p99: float
    p999: float


@dataclasses.dataclass(frozen=True)
class Clients:
    """How the clients behave."""

    count: int = 64
    short: bool = False              # each asks for its connection to be closed after one answer
    fields: tuple[str, ...] = ()     # of each request, besides Host
    upload_bytes: int = 0
    rate: int = 0                    # requests per second of all together; 0 = as many as pass


class Running:
    """A load generator at work. finish() waits for it and reads what it saw."""

    def __init__(self, command: list, seconds: float) -> None:
        self._patience = seconds + 60
        self._log = tempfile.NamedTemporaryFile("r", encoding="ascii")  # noqa: SIM115
        self._child = subprocess.Popen(
            [str(word) for word in command] + self._more(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def _more(self) -> list[str]:
        return []

    def _read(self, output: str) -> Load:
        raise NotImplementedError

    def finish(self) -> Load:
        try:
            return self._read(self._child.communicate(timeout=self._patience)[0])
        except subprocess.TimeoutExpired:
            raise Unmeasurable("the load generator does not end") from None

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_) -> None:
        if self._child.poll() is None:
            self._child.kill()
            self._child.communicate()
        self._log.close()


class Wrk(Running):
    def _read(self, output: str) -> Load:
        seen = re.search(r"^seen (\{.*\})$", output, re.M)
        if not seen:
            raise Unmeasurable(f"wrk has not said what it saw:\n{output}")
        facts = json.loads(seen[1])
        return Load(facts["requests"], facts["errors"], facts["requests"] / facts["seconds"],
                    facts["p50"], facts["p99"], facts["p999"])


class H2load(Running):
    """Its own summary has no percentiles, so they come from its log of all requests."""

    def _more(self) -> list[str]:
        return [f"--log-file={self._log.name}"]

    def _read(self, output: str) -> Load:
        counted = re.search(r"^requests: (\d+) total.* (\d+) succeeded, (\d+) failed", output, re.M)
        rows = [line.split("\t") for line in self._log.read().splitlines()]
        if not counted or not rows:
            raise Unmeasurable(f"h2load has seen no answer:\n{output}")
        begin, end = min(int(row[0]) for row in rows), max(int(row[0]) for row in rows)
        warm = min(begin + WARM_UP_SECONDS * 1e6, end)
        times = sorted(int(row[2]) for row in rows if row[1] == "200" and int(row[0]) >= warm)
        took = (end - begin) / 1e6
        return Load(len(rows), int(counted[3]), len(rows) / max(took, 1e-6),
                    *(quantile(times, part) for part in (0.5, 0.99, 0.999)))


def quantile(values: list[int], part: float) -> float:
    return values[min(len(values) - 1, int(part * len(values)))] if values else float("nan")


def start(clients: Clients, url: str, seconds: float, prefix=()) -> Running:
    """Starts load of so many seconds, whole ones for wrk, with its connecting included."""
    fields = [f"-H{field}" for field in clients.fields]
    if clients.rate:
        return H2load([*prefix, program("h2load"), "--h1", "-t1", f"-c{clients.count}",
                       f"--rps={clients.rate / clients.count}", "-D", f"{round(1000 * seconds)}ms",
                       *fields, url], seconds)
    if clients.short:
        fields.append("-HConnection: close")
    return Wrk([*prefix, program("wrk"), "-t1", f"-c{clients.count}",
                f"-d{max(1, round(seconds))}s", "--timeout", "10s", "-s", SCRIPT, *fields, url,
                "--", clients.upload_bytes], seconds)


def paced_short_clients(url: str, rate: int, seconds: int, prefix=()) -> Running:
    """So many clients a second that connect, ask once and close; a fiftieth of them at a time."""
    count = rate * seconds
    return H2load([*prefix, program("h2load"), "--h1", "-t1", f"-c{count}", f"-n{count}",
                   f"-r{rate // 50}", "--rate-period=20ms", url], seconds)
