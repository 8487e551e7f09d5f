"""What idle kept-alive clients cost a proxy."""

import contextlib
import socket

import kernel
from arms import Unmeasurable
from rig import Running, raise_descriptor_limit

REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
ANSWER_END = b"x" * 16


def growth(proxy: Running, clients: int) -> int:
    """By how many private bytes a proxy grows when so many connect, ask once and stay."""
    limit = raise_descriptor_limit()
    if clients + 2000 > limit:
        raise Unmeasurable(f"{clients} clients need more descriptors than {limit}")
    with contextlib.ExitStack() as opened:
        before = kernel.private_bytes(proxy.processes)
        there = [opened.enter_context(idle_client(proxy.port, f"127.0.{1 + number // 5000}.1"))
                 for number in range(clients)]
        grown = kernel.private_bytes(proxy.processes) - before
        gone = sum(closed(sock) for sock in there)
    if gone:
        raise Unmeasurable(f"{gone} of {clients} idle clients were turned away")
    return grown


def closed(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def idle_client(port: int, source: str) -> socket.socket:
    """A kept-alive client that has got one answer."""
    sock = socket.create_connection(("127.0.0.1", port), 10, source_address=(source, 0))
    sock.sendall(REQUEST)
    answer = b""
    while not answer.endswith(ANSWER_END) or len(answer) < 1024 + len(REQUEST):
        some = sock.recv(4096)
        if not some:
            raise Unmeasurable(f"a client was turned away: {answer[:100]!r}")
        answer += some
    return sock
