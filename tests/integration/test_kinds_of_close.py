"""What the kernel does at each kind of close: who holds TIME_WAIT, and what the backend reads.

The table of the README's "What a connection costs" says the same; its policy rests on these tests.
They are about the kernel and not about holdfast: the near end is a plain socket.
"""

import errno
import socket
import struct

import pytest

from harness.cable import Cable
from harness.waiting import wait_until

RANGE = (40000, 40009)


@pytest.fixture
def cable(stage):
    return stage.adopt(Cable(RANGE))


class Ends:
    """One idle connection: ours at the near end, the backend's at the far end."""

    def __init__(self, cable: Cable) -> None:
        self.cable = cable
        self.listener = cable.far.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.bind((cable.far_address, 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.ours = cable.connect(self.listener.getsockname())
        self.theirs, _ = self.listener.accept()
        self.theirs.settimeout(10)

    def use(self) -> None:
        """A request and its answer, wholly read."""
        self.ours.sendall(b"ping")
        assert self.theirs.recv(100) == b"ping"
        self.theirs.sendall(b"pong")
        assert self.ours.recv(100) == b"pong"

    def we_close(self) -> None:
        self.ours.close()

    def we_reset(self) -> None:
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.ours.close()

    def they_close(self) -> None:
        """The backend's close; its end of stream has been read."""
        self.theirs.close()
        assert self.ours.recv(100) == b""

    def they_read(self) -> bytes | str:
        """What the backend's program reads next: bytes, or the name of an error."""
        try:
            return self.theirs.recv(100)
        except OSError as error:
            return errno.errorcode[error.errno]

    def time_wait(self) -> tuple[int, int]:
        """Ours and theirs, once all is over."""
        self.cable.settle(self.port)
        return self.cable.our_time_wait(self.port), self.cable.their_time_wait(self.port)

    def stop(self) -> None:
        for sock in (self.ours, self.theirs, self.listener):
            sock.close()


@pytest.fixture
def ends(stage, cable):
    ends = stage.adopt(Ends(cable))
    ends.use()
    return ends


def test_our_fin_first_leaves_time_wait_with_us(ends):
    ends.we_close()
    assert ends.they_read() == b""
    ends.theirs.close()
    assert ends.time_wait() == (1, 0)


def test_the_backends_fin_first_leaves_time_wait_with_the_backend(ends):
    ends.they_close()
    ends.we_close()
    assert ends.time_wait() == (0, 1)


def test_our_reset_of_an_idle_connection_leaves_none_but_the_backend_reads_an_error(ends):
    ends.we_reset()
    assert ends.they_read() == "ECONNRESET"
    ends.theirs.close()
    assert ends.time_wait() == (0, 0)


def test_our_reset_behind_the_backends_fin_leaves_none_and_nobody_reads_an_error(ends):
    ends.they_close()
    ends.we_reset()
    assert ends.time_wait() == (0, 0)


def test_our_reset_behind_the_backends_half_close_is_an_error_to_the_backend(ends):
    """A backend that has only shut down its side and reads on is told."""
    ends.theirs.shutdown(socket.SHUT_WR)
    assert ends.ours.recv(100) == b""
    ends.we_reset()
    assert ends.they_read() == "ECONNRESET"
    ends.theirs.close()
    assert ends.time_wait() == (0, 0)


def test_both_close_at_once(ends):
    """Each is the first: each holds one. Whoever closes near the other's limit pays now and then."""
    ends.cable.cut()
    ends.we_close()
    ends.theirs.close()
    ends.cable.mend()
    assert ends.time_wait() == (1, 1)


def test_a_port_in_time_wait_is_no_port(cable):
    """Ten ports: ten connections that we closed, and the eleventh cannot be made."""
    listener = cable.far.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((cable.far_address, 0))
    listener.listen()
    port = listener.getsockname()[1]
    for used in range(1, RANGE[1] - RANGE[0] + 2):
        ours = cable.connect(listener.getsockname())
        theirs, _ = listener.accept()
        ours.close()
        assert theirs.recv(1) == b""
        theirs.close()
        wait_until(lambda used=used: cable.our_time_wait(port) == used, f"{used} in TIME_WAIT")
    with pytest.raises(OSError) as failure:
        cable.connect(listener.getsockname())
    listener.close()
    assert failure.value.errno == errno.EADDRNOTAVAIL
