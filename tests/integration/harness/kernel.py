"""What the kernel says of the connections to holdfast, without asking either end."""

import subprocess
from pathlib import Path

ESTABLISHED = "01"
FIN_WAIT1 = "04"


def delivered(address: tuple[str, int]) -> bool:
    """All that clients have sent to this address, their ends and resets too, has reached its sockets.

    Loopback is no shortcut: on a busy machine a segment waits for its processor's network queue
    while others, sent later from another processor, pass it.
    """
    far = _hex(address)
    clients, served = set(), set()
    for line in Path("/proc/self/net/tcp").read_text("ascii").splitlines()[1:]:
        local, remote, state, queues = line.split()[1:5]
        if remote == far:
            if state == FIN_WAIT1 or (state == ESTABLISHED and int(queues.split(":")[0], 16) != 0):
                return False
            clients.add(local)
        elif local == far and state == ESTABLISHED:
            served.add(remote)
    return served <= clients  # whoever is served and has no socket any more has sent a reset


def established(port: int) -> int:
    """Connections that the server at this port has. The kernel is asked for these alone: its whole
    table takes long to read when other tests leave ten thousands of TIME_WAIT in it."""
    rows = subprocess.run(["ss", "-Htn", "state", "established", f"sport = :{port}"], check=True,
                          capture_output=True, text=True).stdout
    return len(rows.splitlines())


def _hex(address: tuple[str, int]) -> str:
    octets = bytes(int(part) for part in address[0].split("."))
    return f"{int.from_bytes(octets, 'little'):08X}:{address[1]:04X}"
