"""Many clients in one thread: they do next to nothing, and there are thousands of them."""

import errno
import resource
import select
import socket

from harness.waiting import PATIENCE, Stopwatch


def raise_descriptor_limit() -> int:
    """How many descriptors this process, and holdfast after it, may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Crowd:
    """Clients that connect, say the same few bytes, and then wait; some say one byte now and then."""

    def __init__(self, address, count: int, opening: bytes) -> None:
        self.address = address
        self.sockets: list[socket.socket] = []
        self.ended = 0
        self.received = b""
        self._poll = select.epoll()
        self._by_number: dict[int, socket.socket] = {}
        for number in range(count):
            self._join(number, opening)

    def _join(self, number: int, opening: bytes) -> None:
        sock = socket.socket()
        # Of each source address only so many ports are left; there are many source addresses.
        sock.bind((f"127.0.{1 + number // 8000}.1", 0))
        sock.settimeout(PATIENCE)
        sock.connect(self.address)
        if opening:
            sock.sendall(opening)
        sock.setblocking(False)
        self.sockets.append(sock)
        self._by_number[sock.fileno()] = sock
        self._poll.register(sock, select.EPOLLIN | select.EPOLLRDHUP)

    @property
    def open(self) -> int:
        return len(self._by_number)

    def drip(self, byte: bytes, count: int) -> None:
        """One byte more from so many of those who are still there, each in its turn."""
        for _ in range(min(count, len(self._by_number))):
            number, sock = next(iter(self._by_number.items()))
            del self._by_number[number]
            self._by_number[number] = sock
            try:
                sock.send(byte)
            except OSError as error:
                assert error.errno in (errno.EPIPE, errno.ECONNRESET), error

    def look(self, seconds: float = 0.0) -> None:
        """Notices who has been closed; a last answer is kept, one of them is enough."""
        for number, _ in self._poll.poll(seconds):
            sock = self._by_number[number]
            try:
                chunk = sock.recv(4096)
            except ConnectionError:
                chunk = b""
            if chunk:
                self.received = chunk
                continue
            self._poll.unregister(number)
            del self._by_number[number]
            sock.close()
            self.ended += 1

    def wait_for_the_end(self, within: float) -> None:
        watch = Stopwatch()
        while self.open:
            assert watch.seconds < within, f"{self.open} are still there after {within:g} s"
            self.look(0.05)

    def stop(self) -> None:
        for sock in self._by_number.values():
            sock.close()
        self._poll.close()
