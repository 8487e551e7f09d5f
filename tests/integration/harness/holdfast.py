"""holdfast itself: started with a configuration, watched, stopped, and looked over for damage."""

import array
import fcntl
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import termios
import threading

from harness.binary import holdfast_binary
from harness.client import Address
from harness.waiting import PATIENCE, wait_until

READY = re.compile(r"listening on (?:([0-9.]+):([0-9]+)|unix:([^\s\"]+))")
NAMED = re.compile(READY.pattern + r" \(listener ([\w-]+)")
DAMAGE = re.compile(r"Sanitizer|runtime error:|broken invariant|Assertion|terminate called")
PLAIN_SCALAR = re.compile(r"[A-Za-z0-9_./-][A-Za-z0-9_.:/-]*")


def bare_environment() -> dict[str, str]:
    """Ours without the variables that would configure holdfast, or that it would wonder about."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}


def scalar(value: object) -> str:
    if isinstance(value, str) and not (PLAIN_SCALAR.fullmatch(value) and not value.endswith(":")):
        return json.dumps(value)
    if isinstance(value, list):
        return "[" + ", ".join(scalar(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {scalar(v)}" for k, v in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def yaml(tree: dict, indent: str = "") -> str:
    """A configuration as a person would write it."""
    lines = []
    for key, value in tree.items():
        if isinstance(value, dict):
            lines.append(f"{indent}{key}:\n{yaml(value, indent + '  ')}")
        else:
            lines.append(f"{indent}{key}: {scalar(value)}\n")
    return "".join(lines)


def address_in(ready: re.Match) -> Address:
    """The address in a line that says where holdfast listens."""
    return ready[3] or (ready[1], int(ready[2]))


class Holdfast:
    """One running holdfast. Its output is read all the time, by threads of their own."""

    def __init__(self, arguments: list[str], *, listeners: int = 1, prefix=(), env=None,
                 mute_at: Address | None = None) -> None:
        """`mute_at`: where it will listen, if nobody hears it say so."""
        command = [*prefix, str(holdfast_binary()), *arguments]
        self._child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace", env={**bare_environment(), **(env or {})})
        self._changed = threading.Condition()
        self._killed = False
        self._reading = threading.Event()
        self._reading.set()
        self._lines: list[str] = []
        self._output: list[str] = []
        self._ended_streams = 0
        self._readers = [self._read(self._child.stderr, self._lines),
                         self._read(self._child.stdout, self._output)]
        self.addresses: list[Address] = []
        if mute_at:
            wait_until(lambda: self._answers(mute_at), "it listens")
            self.addresses = [mute_at]
        elif listeners:
            self._wait_until_ready(listeners)

    def _read(self, pipe, lines: list[str]) -> threading.Thread:
        def read() -> None:
            for line in pipe:
                self._reading.wait(PATIENCE)
                with self._changed:
                    lines.append(line)
                    self._changed.notify_all()
            with self._changed:
                self._ended_streams += 1
                self._changed.notify_all()
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def _wait_until_ready(self, listeners: int) -> None:
        def ready() -> bool:
            found = [READY.search(line) for line in self._lines]
            self.addresses = [address_in(m) for m in found if m]
            return len(self.addresses) >= listeners or self._ended_streams == 2
        with self._changed:
            self._changed.wait_for(ready, PATIENCE)
        if len(self.addresses) < listeners:
            self.kill()
            raise AssertionError(f"not ready: exit {self._child.returncode}\n{self.stderr}")

    @staticmethod
    def _answers(address: Address) -> bool:
        try:
            socket.create_connection(address, PATIENCE).close()
        except ConnectionError:
            return False
        return True

    def neglect_log(self) -> None:
        """From now on nobody reads what it says, and there is room for little."""
        self._reading.clear()
        fcntl.fcntl(self._child.stderr.fileno(), fcntl.F_SETPIPE_SZ, 4096)

    def read_log(self) -> None:
        """Reads it again; returns once the pipe is empty, and as roomy as before."""
        self._reading.set()
        fcntl.fcntl(self._child.stderr.fileno(), fcntl.F_SETPIPE_SZ, 65536)
        waiting = array.array("i", [1])

        def empty() -> bool:
            fcntl.ioctl(self._child.stderr.fileno(), termios.FIONREAD, waiting)
            return waiting[0] == 0
        wait_until(empty, "all is read")

    @property
    def address(self) -> Address:
        return self.addresses[0]

    def named_addresses(self) -> dict[str, Address]:
        """The address of each listener."""
        found = [NAMED.search(line) for line in self._lines]
        return {m[4]: address_in(m) for m in found if m}

    @property
    def url(self) -> str:
        return "http://%s:%d" % self.address

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    @property
    def stderr(self) -> str:
        return "".join(self._lines)

    @property
    def stdout(self) -> str:
        return "".join(self._output)

    def wait_for_line(self, pattern: str, within: float = PATIENCE) -> str:
        """The first line of stderr or stdout that matches."""
        def matching() -> str | None:
            lines = [*self._lines, *self._output]
            return next((line for line in lines if re.search(pattern, line)), None)
        with self._changed:
            self._changed.wait_for(matching, within)
        line = matching()
        assert line, f"no {pattern!r} within {within:g} s:\n{self.stderr}\n{self.stdout}"
        return line

    def status_bytes(self, name: str) -> int:
        """VmRSS or VmHWM of /proc/PID/status, in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            line = next(line for line in status if line.startswith(name + ":"))
        return int(line.split()[1]) * 1024

    def descriptors(self) -> int:
        """How many it has open. The spare one does not count that libuv opens with the first stream of
        a loop: which client meets which worker is the kernel's choice."""
        folder, places = f"/proc/{self.pid}/fd", []
        for number in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                places.append(os.readlink(f"{folder}/{number}"))
        return sum(place != "/dev/null" for place in places)

    def send_signal(self, number: int) -> None:
        self._child.send_signal(number)

    def wait(self, within: float = PATIENCE) -> int:
        """The exit code, once it has ended."""
        try:
            code = self._child.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end within {within:g} s\n{self.stderr}") from None
        for reader in self._readers:
            reader.join(5)
        return code

    def stop(self, number: int = signal.SIGTERM, within: float = PATIENCE) -> int:
        """Signals, waits, looks for damage; gives the exit code."""
        if self._killed:
            return 1
        if self.running:
            self.send_signal(number)
        code = self.wait(within)
        assert not DAMAGE.search(self.stderr), self.stderr
        assert code in (0, 1), f"holdfast ended with {code}\n{self.stderr}"
        return code

    def retirements(self) -> dict[str, int]:
        """How many backend connections were retired for which reason; stops it first."""
        self.stop()
        line = self.wait_for_line("backend connections retired:", 5)
        counts = re.search("retired:(.*); errors:", line)[1].replace(" none", "").split()
        return {name: int(count) for name, count in (pair.split("=") for pair in counts)}

    def kill(self) -> None:
        """SIGKILL: nothing is judged of what it left."""
        self._killed = True
        self._child.kill()
        self._child.wait()
        for reader in self._readers:
            reader.join(5)
