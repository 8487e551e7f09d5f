"""The tables for the terminal, and the line that tells how far a run has come."""

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


def verdicts(name: str, rows: dict) -> list[str]:
    """How holdfast stands to what it is meant to need at most."""
    lines = []
    for base, at_most in ((BASE, WORKLOADS[name].of_nginx), (FLOOR, WORKLOADS[name].of_relay)):
        needs = ratio(rows["holdfast"], rows, base) if "holdfast" in rows else None
        if at_most and needs:
            least = rows["holdfast"]["cpu_us_least"] / rows[base]["cpu_us_least"]
            lines.append(f"holdfast needs {needs:.2f} of the CPU of {ARMS[base].title} "
                         f"({least:.2f} in the best rounds); at most {at_most:.2f}: "
                         f"{'met' if needs <= at_most else 'MISSED'}")
    return lines


def workload_table(name: str, rows: dict) -> str:
    lines = "".join(f"\n  {line}" for line in verdicts(name, rows))
    return f"\n{WORKLOADS[name].title}\n" + table(
        WORKLOAD_HEADS, [workload_row(arm, row, rows) for arm, row in rows.items()]) + lines


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
