"""Short clients at a steady rate, in one thread: each connects, asks once, reads its answer and leaves.

They leave first, as programs do that ask over HTTP/1.1 and have had their answer: so the TIME_WAIT of
their connection is theirs.
"""

import collections
import errno
import select
import socket
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: legacy\r\n\r\n"
PATIENCE = 10.0


def complete(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(end and length) and len(body) >= int(length[0].split(b":")[1])


class PacedClients:
    """Runs `count` of them at `rate` a second; `outcomes` says what became of each."""

    def __init__(self, address: tuple[str, int], make_socket=socket.socket) -> None:
        self._address = address
        self._make_socket = make_socket
        self._poll = select.epoll()
        self._open: dict[int, tuple[socket.socket, bytearray, float]] = {}
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.slowest = 0.0

    def run(self, count: int, rate: float) -> "PacedClients":
        begun, made = time.monotonic(), 0
        while made < count or self._open:
            now = time.monotonic()
            while made < count and made <= (now - begun) * rate:
                self._begin()
                made += 1
            due = max(0.0, begun + made / rate - now) if made < count else 0.1
            for number, _ in self._poll.poll(due):
                self._go_on(number)
            self._give_up(now)
        self._poll.close()
        return self

    def _begin(self) -> None:
        sock = self._make_socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        failed = sock.connect_ex(self._address)
        if failed not in (0, errno.EINPROGRESS):
            self.outcomes[errno.errorcode[failed]] += 1
            sock.close()
            return
        self._open[sock.fileno()] = (sock, bytearray(), time.monotonic())
        self._poll.register(sock, select.EPOLLOUT)

    def _go_on(self, number: int) -> None:
        sock, got, _ = self._open[number]
        try:
            if not got and sock.send(REQUEST) == len(REQUEST):
                got.append(0)  # the request is sent
                self._poll.modify(sock, select.EPOLLIN)
                return
            piece = sock.recv(65536)
        except OSError as error:
            self._end(number, errno.errorcode.get(error.errno or 0, str(error)))
            return
        got += piece
        if not piece or complete(bytes(got[1:])):
            status = bytes(got[10:13]).decode() if len(got) > 12 else "closed without an answer"
            self._end(number, status)

    def _end(self, number: int, outcome: str) -> None:
        sock, _, begun = self._open.pop(number)
        self._poll.unregister(sock)
        sock.close()
        self.outcomes[outcome] += 1
        self.slowest = max(self.slowest, time.monotonic() - begun)

    def _give_up(self, now: float) -> None:
        if not self._open:
            return
        first = next(iter(self._open))
        if now - self._open[first][2] > PATIENCE:
            self._end(first, "no answer in time")


def served_each(address: tuple[str, int], clients: int, requests: int) -> list[int]:
    """Kept-alive clients that ask again at once, all at the same time: how often each was served of
    so many requests in all."""
    poll = select.epoll()
    open_ones: dict[int, list] = {}
    for _ in range(clients):
        sock = socket.create_connection(address, timeout=PATIENCE)
        sock.sendall(REQUEST)
        open_ones[sock.fileno()] = [sock, b"", 0]
        poll.register(sock, select.EPOLLIN)
    served, end = 0, time.monotonic() + 4 * PATIENCE
    while served < requests and time.monotonic() < end:
        for number, _ in poll.poll(0.1):
            client = open_ones[number]
            piece = client[0].recv(65536)
            assert piece, "a client was cut off"
            client[1] += piece
            if complete(client[1]):
                assert client[1].startswith(b"HTTP/1.1 200 "), client[1]
                client[1] = b""
                client[2] += 1
                served += 1
                client[0].sendall(REQUEST)
    for sock, _, _ in open_ones.values():
        sock.close()
    poll.close()
    return [count for _, _, count in open_ones.values()]
