"""What the kernel says of the connections to holdfast, without asking either end."""

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
    """Connections that the server at this port of loopback has."""
    local = _hex(("127.0.0.1", port))
    rows = (line.split()[1:4] for line in Path("/proc/self/net/tcp").read_text("ascii").splitlines())
    return sum(row[0] == local and row[2] == ESTABLISHED for row in rows)


def _hex(address: tuple[str, int]) -> str:
    octets = bytes(int(part) for part in address[0].split("."))
    return f"{int.from_bytes(octets, 'little'):08X}:{address[1]:04X}"
