"""The tables for the terminal, and the line that tells how far a run has come."""

import dataclasses
import sys
import time

from workloads import WORKLOADS

from arms import ARMS

BASE, FLOOR = "nginx", "relay"
WIDTH = max(len(arm.title) for arm in ARMS.values())


def number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def micros(value: float | None) -> str:
    """A latency."""
    if value is None:
        return "-"
    return f"{value:.0f} us" if value < 1000 else f"{value / 1000:.1f} ms"


def ratio(row: dict, rows: dict, base: str) -> float | None:
    """CPU per request beside that of another arm."""
    beside = rows.get(base, {}).get("cpu_us")
    return row["cpu_us"] / beside if row["cpu_us"] and beside else None


def table(heads: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    return "\n".join("  " + row[0].ljust(max(widths[0], WIDTH)) + "".join(
        cell.rjust(width + 2) for cell, width in zip(row[1:], widths[1:]))
        for row in [heads, *rows])


WORKLOAD_HEADS = ["", "errors", "opened", "later", "TW proxy", "TW backend", "CPU us/req", "spread",
                  "x nginx", "x relay", "req/s", "p50", "p99", "p99.9", "MiB"]


def workload_row(arm: str, row: dict, rows: dict) -> list[str]:
    spread = "-"
    if row["cpu_us"]:
        spread = f"{row['cpu_us_least']:.1f}-{row['cpu_us_most']:.1f}"
    memory = row["memory_bytes"]
    return [ARMS[arm].title, number(row["errors"]), number(row["opened"]),
            number(row["opened_later"]), number(row["time_wait_proxy"]),
            number(row["time_wait_backend"]), number(row["cpu_us"], 2), spread,
            number(ratio(row, rows, BASE), 2), number(ratio(row, rows, FLOOR), 2),
            number(row["rate"]), micros(row["p50_us"]), micros(row["p99_us"]),
            micros(row["p999_us"]), number(memory and memory / 2**20, 1)]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What holdfast is meant to need at most, and what it needs."""

    what: str
    needs: float
    at_most: float
    digits: int = 2
    note: str = ""

    @property
    def met(self) -> bool:
        return self.needs <= self.at_most

    def __str__(self) -> str:
        return (f"{self.what}: {number(self.needs, self.digits)}{self.note}, at most "
                f"{number(self.at_most, self.digits)}: {'met' if self.met else 'MISSED'}")


def verdicts(name: str, rows: dict) -> list[Verdict]:
    """How holdfast stands to what it is meant to need under this workload."""
    workload, ours = WORKLOADS[name], rows.get("holdfast")
    if ours is None:
        return []
    found = []
    for base, at_most in ((BASE, workload.of_nginx), (FLOOR, workload.of_relay)):
        needs = ratio(ours, rows, base)
        if at_most and needs:
            best = ours["cpu_us_least"] / rows[base]["cpu_us_least"]
            found.append(Verdict(f"{workload.title}, CPU beside {ARMS[base].title}", needs, at_most,
                                 note=f" ({best:.2f} in the best rounds)"))
    if workload.p99_of_nginx and BASE in rows:
        found.append(Verdict(f"{workload.title}, p99 beside {ARMS[BASE].title}",
                             ours["p99_us"] / rows[BASE]["p99_us"], workload.p99_of_nginx))
    if workload.churn is not None:
        found.append(Verdict(f"{workload.title}, connections opened after the warm-up",
                             ours["opened_later"], workload.churn, digits=0))
    return found


def idle_verdicts(idle: dict) -> list[Verdict]:
    ours = idle.get("holdfast")
    if not ours or ours["bytes_per_client"] is None:
        return []
    return [Verdict("bytes per idle client", ours["bytes_per_client"], 600, digits=0),
            Verdict("MiB resident at rest", ours["resident_at_rest_bytes"] / 2**20, 6, digits=1)]


def all_verdicts(results: dict) -> list[Verdict]:
    found = [verdict for name, rows in results["workloads"].items()
             for verdict in verdicts(name, rows)]
    return found + idle_verdicts(results.get("idle", {}))


def workload_table(name: str, rows: dict) -> str:
    return f"\n{WORKLOADS[name].title}\n" + table(
        WORKLOAD_HEADS, [workload_row(arm, row, rows) for arm, row in rows.items()])


PORTS_HEADS = ["", "requests", "errors", "opened", "TW proxy", "TW backend"]


def ports_rows(ports: dict) -> list[list[str]]:
    return [[ARMS[arm].title, *(number(row[key]) for key in (
        "requests", "errors", "opened", "time_wait_proxy", "time_wait_backend"))]
        for arm, row in ports.items()]


IDLE_HEADS = ["", "resident at rest, MiB", "bytes per idle client"]


def idle_rows(idle: dict) -> list[list[str]]:
    return [[ARMS[arm].title, number(row["resident_at_rest_bytes"] / 2**20, 1),
             row["problem"] or number(row["bytes_per_client"])] for arm, row in idle.items()]


CROWD_HEADS = ["", "idle clients", "errors", "CPU us/req", "req/s", "p50", "p99", "p99.9"]


def crowd_rows(crowd: dict) -> list[list[str]]:
    return [[ARMS[arm].title, *([row["problem"]] + ["-"] * 6 if row["problem"] else [
        number(row["clients"]), number(row["errors"]), number(row["cpu_us"], 2),
        number(row["rate"]), *(micros(row[key]) for key in ("p50_us", "p99_us", "p999_us"))])]
        for arm, row in crowd.items()]


LEGEND = """\
opened    connections that reached the backend; later: those of them after the warm-up
TW        connections left in TIME_WAIT towards the backend, by the side that closed first
CPU       scheduler time of all processes of the proxy per request that the backend has counted,
          median of the rounds; spread: the least and the most of a round
MiB       private memory under this load"""


class Progress:
    """How far the measurement is: one line that is rewritten on a terminal, else nothing."""

    def __init__(self, seconds: float) -> None:
        self._all, self._done = seconds, 0.0
        self._begun = time.monotonic()
        self._tty = sys.stderr.isatty()

    def begin(self, what: str) -> None:
        if self._tty:
            left = max(self._all - self._done, 0)
            sys.stderr.write(f"\r\033[K{100 * self._done / self._all:3.0f} %, "
                             f"{duration(left)} left: {what}")
            sys.stderr.flush()

    def end(self, seconds: float) -> None:
        self._done += seconds

    def print(self, text: str) -> None:
        if self._tty:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
        print(text, flush=True)

    def took(self) -> float:
        return time.monotonic() - self._begun


def duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
