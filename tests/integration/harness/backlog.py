"""Servers that take no connections: their backlog is full, so the kernel answers no SYN."""

import select
import socket


def stuff(address) -> list[socket.socket]:
    """Fills the short backlog of a listener that does not accept. Keep what it returns."""
    stuffing, unanswered = [], 0
    while unanswered < 2:  # One is not enough: an accept() that was under way makes room once more.
        assert len(stuffing) < 16, f"the backlog of {address} has no end"
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.connect_ex(address)
        stuffing.append(sock)
        unanswered = 0 if select.select([], [sock], [], 0.1)[1] else unanswered + 1
    return stuffing


class BlackHole:
    """An address that answers no SYN."""

    def __init__(self) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.server = "%s:%d" % self._listener.getsockname()
        self._stuffing = stuff(self._listener.getsockname())

    def stop(self) -> None:
        for sock in [self._listener, *self._stuffing]:
            sock.close()
