"""What idle kept-alive clients cost a proxy."""

import contextlib
import socket

import kernel
from arms import Unmeasurable
from rig import Running, raise_descriptor_limit

REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
ANSWER_END = b"x" * 16


@contextlib.contextmanager
def crowd(proxy: Running, clients: int):
    """So many clients that connect, ask once and stay. All must still be there in the end."""
    limit = raise_descriptor_limit()
    if clients + 2000 > limit:
        raise Unmeasurable(f"{clients} clients need more descriptors than {limit}")
    there: list[socket.socket] = []
    with contextlib.ExitStack() as opened:
        try:
            while len(there) < clients:
                source = f"127.0.{1 + len(there) // 5000}.1"
                there.append(opened.enter_context(idle_client(proxy.port, source)))
        except TimeoutError:
            raise Unmeasurable(f"only {len(there)} of {clients} idle clients were let in") from None
        yield
        gone = sum(closed(sock) for sock in there)
    if gone:
        raise Unmeasurable(f"{gone} of {clients} idle clients were turned away")


def growth(proxy: Running, clients: int) -> int:
    """By how many private bytes a proxy grows when so many connect, ask once and stay."""
    before = kernel.private_bytes(proxy.processes)
    with crowd(proxy, clients):
        return kernel.private_bytes(proxy.processes) - before


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
