"""What the kernel tells of running programs: time, memory, and sockets in TIME_WAIT."""

import dataclasses
import pathlib
import re

PROC = pathlib.Path("/proc")


def tree(session_id: int) -> list[int]:
    """The processes that a program started with setsid() consists of."""
    found = []
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(") ")[2].split()
            except OSError:  # It has just ended.
                continue
            if int(fields[3]) == session_id:
                found.append(int(folder.name))
    return found


def cpu_seconds(processes: list[int]) -> float:
    """Scheduler time of all their threads, in the kernel on their behalf included."""
    total = 0
    for process_id in processes:
        for task in (PROC / str(process_id) / "task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def _sum_of(pattern: str, text: str) -> int:
    return 1024 * sum(int(kilobytes) for kilobytes in re.findall(pattern, text, re.M))


def private_bytes(processes: list[int]) -> int:
    return sum(_sum_of(r"^Private_(?:Clean|Dirty):\s+(\d+) kB",
                       (PROC / str(process_id) / "smaps_rollup").read_text())
               for process_id in processes)


def resident_bytes(processes: list[int]) -> int:
    """What they have in memory; what they may share counts once."""
    shared = max(_sum_of(r"^Shared_(?:Clean|Dirty):\s+(\d+) kB",
                         (PROC / str(process_id) / "smaps_rollup").read_text())
                 for process_id in processes)
    return private_bytes(processes) + shared


@dataclasses.dataclass(frozen=True)
class TimeWait:
    """Sockets in TIME_WAIT of one network: at a listening port, and of those that called it."""

    here: int
    callers: int


def time_wait(network_of: int, port: int) -> TimeWait:
    """TIME_WAIT of the network that this process lives in, for connections to a server's port."""
    end = f":{port:04X}"
    here = callers = 0
    with open(PROC / str(network_of) / "net" / "tcp", encoding="ascii") as table:
        for row in table:
            _, local, remote, state, _ = row.split(None, 4)
            if state == "06":
                here += local.endswith(end)
                callers += remote.endswith(end)
    return TimeWait(here, callers)
