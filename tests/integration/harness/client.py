"""A client made of one socket, which says exactly what it is told to say."""

import socket
import struct

from harness.kernel import delivered
from harness.messages import Answer, Ended, Wire, encode_head, read_answer
from harness.waiting import PATIENCE, wait_until

Address = tuple[str, int] | str  # a str is the path of a Unix socket


class Client:
    """One connection to holdfast. Reads are strict and bounded; closes when its `with` ends."""

    def __init__(self, address: Address, *, receive_buffer: int = 0, patience: float = PATIENCE,
                 make_socket=socket.socket) -> None:
        is_file = isinstance(address, str)
        self.sock = make_socket(socket.AF_UNIX if is_file else socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if not is_file:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(patience)
        try:
            self.sock.connect(address)
        except OSError:
            self.sock.close()
            raise
        self.wire = Wire(self.sock)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, content: bytes) -> None:
        self.sock.sendall(content)

    def ask(self, method: str, target: str, fields=(), body: bytes | None = None, *,
            version: str = "1.1", host: str | None = "test.example") -> None:
        """Sends a request, with a Content-Length if it has a body."""
        lines = [("Host", host)] if host is not None else []
        lines += list(fields)
        if body is not None:
            lines.append(("Content-Length", str(len(body))))
        self.send(encode_head(f"{method} {target} HTTP/{version}", lines) + (body or b""))

    def answer(self, method: str = "GET") -> Answer:
        return read_answer(self.wire, method)

    def exchange(self, method: str, target: str, fields=(), body: bytes | None = None,
                 **how) -> Answer:
        self.ask(method, target, fields, body, **how)
        return self.answer(method)

    def get(self, target: str, fields=(), **how) -> Answer:
        return self.exchange("GET", target, fields, **how)

    def rest(self) -> bytes:
        """All that still comes, up to the end of the stream; a reset is an error."""
        return self.wire.rest()

    def ends(self) -> bool:
        """The other side closes now (or has), without another byte. Waits, within bounds."""
        try:
            self.wire.wait_for_message()
        except Ended:
            return True
        return False

    def silent(self, seconds: float) -> bool:
        """Neither a byte nor an end arrives for so long."""
        patience = self.sock.gettimeout()
        self.sock.settimeout(seconds)
        try:
            self.wire.wait_for_message()
        except TimeoutError:
            return True
        except Ended:
            return False
        finally:
            self.sock.settimeout(patience)
        return False

    def half_close(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Leaves without a word: RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()


CLOSE = ("Connection", "close")


def fetch(address: Address, target: str, fields=(), *, method: str = "GET",
          body: bytes | None = None, **how) -> Answer:
    """A short client: connects, asks once, closes."""
    with Client(address) as client:
        return client.exchange(method, target, [CLOSE, *fields], body, **how)


def fence(address: Address) -> None:
    """Returns after holdfast's one worker has seen all that was sent to it before.

    Once the kernel has delivered all of it, a request for HTTP/3.0 goes behind, which holdfast
    refuses itself. Two rounds, since the events of one turn of its loop come in any order.
    """
    wait_until(lambda: delivered(address), "all was delivered to holdfast's sockets")
    for _ in range(2):
        with Client(address) as client:
            client.send(b"GET / HTTP/3.0\r\nHost: fence\r\n\r\n")
            assert client.answer().status == 505
