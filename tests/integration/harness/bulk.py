"""Bodies too big to hold: made, sent in bursts, read in bursts and summed up on the way."""

import os
import socket
import time
import zlib
from dataclasses import dataclass

from harness.binary import sanitized
from harness.messages import Malformed, Truncated, Wire

SLAB_BYTES = 1 << 20
BURST_BYTES = 8 << 20
PAUSE = 0.006  # Between two bursts: that is what a burst is, nothing waits for it.
BIG_BYTES = int(os.environ.get("HOLDFAST_BIG_BYTES") or ((32 << 20) if sanitized() else (1 << 30)))


@dataclass
class Sum:
    """How many bytes there were, and a checksum of them in their order."""

    size: int = 0
    crc: int = 0

    def add(self, piece) -> None:
        self.size += len(piece)
        self.crc = zlib.crc32(piece, self.crc)


class Slabs:
    """A body of any size, made of slabs that are all different: each carries its own number."""

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._slab = bytearray(seed.to_bytes(8, "big") * (SLAB_BYTES // 8))
        noise = zlib.compress(os.urandom(1 << 16), 0)
        self._slab[64 : 64 + len(noise)] = noise

    def __iter__(self):
        left, number = self._size, 0
        while left:
            self._slab[0:8] = number.to_bytes(8, "big")
            self._slab[-8:] = (~number & (1 << 64) - 1).to_bytes(8, "big")
            yield memoryview(self._slab)[: min(left, SLAB_BYTES)]
            left, number = left - min(left, SLAB_BYTES), number + 1


def send_body(sock: socket.socket, size: int, *, chunked: bool, bursts: bool, seed: int = 1) -> Sum:
    """Sends a body of so many bytes and gives its sum."""
    total, since_pause = Sum(), 0
    for slab in Slabs(size, seed):
        total.add(slab)
        if chunked:
            sock.sendall(b"%x\r\n" % len(slab))
        sock.sendall(slab)
        if chunked:
            sock.sendall(b"\r\n")
        since_pause += len(slab)
        if bursts and since_pause >= BURST_BYTES:
            time.sleep(PAUSE)
            since_pause = 0
    if chunked:
        sock.sendall(b"0\r\n\r\n")
    return total


class BodyReader:
    """Reads one body of a socket without keeping it."""

    def __init__(self, wire: Wire, *, bursts: bool) -> None:
        self._sock = wire.sock
        self._rest = memoryview(bytes(wire.take(len(wire.buffer))))
        self._space = bytearray(1 << 18)
        self._bursts = bursts
        self._since_pause = 0
        self.sum = Sum()

    def _more(self) -> memoryview:
        """The next bytes, whatever there is."""
        if self._rest:
            piece, self._rest = self._rest, memoryview(b"")
            return piece
        count = self._sock.recv_into(self._space)
        if count == 0:
            raise Truncated(f"end of stream after {self.sum.size} bytes")
        self._since_pause += count
        if self._bursts and self._since_pause >= BURST_BYTES:
            time.sleep(PAUSE)
            self._since_pause = 0
        return memoryview(self._space)[:count]

    def _give_back(self, piece: memoryview) -> None:
        self._rest = memoryview(bytes(piece))

    def length(self, size: int) -> Sum:
        """A body of so many bytes."""
        while size:
            piece = self._more()
            self.sum.add(piece[:size])
            if len(piece) > size:
                self._give_back(piece[size:])
            size -= min(size, len(piece))
        return self.sum

    def chunked(self) -> Sum:
        """A body in chunks."""
        while size := int(self._line(), 16):
            self.length(size)
            self._crlf()
        self._crlf()
        return self.sum

    def _line(self) -> bytes:
        line = bytearray()
        while not line.endswith(b"\r\n"):
            piece = self._more()
            end = bytes(piece[:32]).find(b"\n") + 1 or min(32, len(piece))
            line += piece[:end]
            self._give_back(piece[end:])
            if len(line) > 32:
                raise Malformed(f"chunk line {bytes(line)!r}")
        return bytes(line)

    def _crlf(self) -> None:
        if self._line() != b"\r\n":
            raise Malformed("no CRLF after a chunk")
