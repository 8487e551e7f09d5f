"""Networks of their own, for what a machine does to its connections: few ports, a lossy or a cut wire."""

import concurrent.futures
import ctypes
import fcntl
import heapq
import itertools
import os
import random
import select
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
_numbers = itertools.count()


def run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        pytest.skip(f"no network namespaces here: {' '.join(command)}: {result.stderr.strip()}")


def need_root() -> None:
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("network namespaces need root and iproute2")


class Namespace:
    """A network of its own. Programs enter it by `prefix`; sockets made by it live there."""

    def __init__(self) -> None:
        need_root()
        self.name = f"holdfast-{os.getpid()}-{next(_numbers)}"
        run("ip", "netns", "add", self.name)
        self.prefix = ["ip", "netns", "exec", self.name]
        run("ip", "-n", self.name, "link", "set", "lo", "up")
        self._inside = concurrent.futures.ThreadPoolExecutor(1, initializer=self._enter)

    def _enter(self) -> None:
        with open(f"/run/netns/{self.name}", encoding="ascii") as entrance:
            if ctypes.CDLL(None, use_errno=True).setns(entrance.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def socket(self, family: int, kind: int) -> socket.socket:
        """A socket in here, wherever the caller is: a thread of its own lives here and makes it."""
        return self._inside.submit(socket.socket, family, kind).result()

    def read(self, path: str) -> str:
        """A file as it reads in here: those of /proc/thread-self/net tell of this network."""
        def read() -> str:
            with open(path, encoding="ascii") as file:
                return file.read()
        return self._inside.submit(read).result()

    def sysctl(self, setting: str) -> None:
        run(*self.prefix, "sysctl", "-qw", setting)

    def stop(self) -> None:
        self._inside.shutdown()
        subprocess.run(["ip", "netns", "del", self.name], check=False)


class Wire:
    """Two networks and a wire between them, whose packets pass through our hands.

    They are lost, doubled, delayed and so reordered as `loss`, `doubles` and `jitter` say; nothing at
    all passes while it is `cut`. It is netem in a page: many kernels are built without that one.
    """

    near_address, far_address = "10.77.0.1", "10.77.0.2"

    def __init__(self, seed: int = 0) -> None:
        self.near, self.far = Namespace(), Namespace()
        self.loss = self.doubles = 0.0
        self.jitter = 0.0  # seconds
        self.cut = False
        self.passed = self.lost = 0
        self._dice = random.Random(seed)
        self._ends = [self._end(self.near, self.near_address), self._end(self.far, self.far_address)]
        self._late: list = []  # (due, number, where to, packet)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    @staticmethod
    def _end(namespace: Namespace, address: str) -> int:
        """One end of the wire: a device in the namespace, and our descriptor of it."""
        device = f"hf{os.getpid()}t{next(_numbers)}"
        try:
            descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(descriptor, TUNSETIFF,
                        struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
        except OSError as error:
            pytest.skip(f"no TUN devices here: {error}")
        run("ip", "link", "set", device, "netns", namespace.name)
        run("ip", "-n", namespace.name, "addr", "add", f"{address}/24", "dev", device)
        run("ip", "-n", namespace.name, "link", "set", device, "up", "txqueuelen", "5000")
        return descriptor

    def _carry(self) -> None:
        numbers = itertools.count()
        while not self._over.is_set():
            wait = max(0.0, self._late[0][0] - time.monotonic()) if self._late else 0.05
            for end in select.select(self._ends, [], [], min(wait, 0.05))[0]:
                other = self._ends[1 - self._ends.index(end)]
                while (packet := self._read(end)) is not None:
                    for _ in range(self._copies()):
                        due = time.monotonic() + self._dice.random() * self.jitter
                        heapq.heappush(self._late, (due, next(numbers), other, packet))
            while self._late and self._late[0][0] <= time.monotonic():
                _, _, where, packet = heapq.heappop(self._late)
                self._write(where, packet)

    def _copies(self) -> int:
        if self.cut or self._dice.random() < self.loss:
            self.lost += 1
            return 0
        self.passed += 1
        return 2 if self._dice.random() < self.doubles else 1

    @staticmethod
    def _read(end: int) -> bytes | None:
        try:
            return os.read(end, 65536)
        except BlockingIOError:
            return None

    @staticmethod
    def _write(end: int, packet: bytes) -> None:
        try:
            os.write(end, packet)
        except OSError:
            pass  # Its queue is full, or it is going down: one more packet that is lost.

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        for end in self._ends:
            os.close(end)
        self.near.stop()
        self.far.stop()
