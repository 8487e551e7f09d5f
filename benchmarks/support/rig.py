"""The test rig of the measurements: a backend that counts, one of the arms before it, and load.

Everything a Rig starts is ended, and waited for, when the Rig is left.
"""

import contextlib
import dataclasses
import mmap
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import kernel
import load
from arms import ARMS, FOLDER, ROOT, Unmeasurable
from load import Clients, Load

BUILT = ROOT / "build" / "benchmarks"
PATIENCE = 30.0


def need(*programs: str) -> None:
    for program in programs:
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
            raise Unmeasurable(f"{program} is not installed")


def built(source: str, *options: str) -> pathlib.Path:
    """A tool of ours, compiled when its source is newer."""
    path = ROOT / "benchmarks" / source
    out = BUILT / path.stem
    if not out.exists() or out.stat().st_mtime < path.stat().st_mtime:
        BUILT.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=BUILT, delete=False) as file:
            fresh = pathlib.Path(file.name)
        command = [os.environ.get("CXX", "c++"), "-std=c++20", "-O2", "-Wall", "-Wextra", *options,
                   str(path), "-o", str(fresh)]
        subprocess.run(command, check=True)
        fresh.chmod(0o755)
        fresh.replace(out)
    return out


def allocation_counter() -> pathlib.Path:
    return built("support/count_allocations.cpp", "-shared", "-fPIC")


def raise_descriptor_limit(wanted: int = 0) -> int:
    """To what is wanted, or as far as is allowed. What is started later inherits it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):
        if wanted > hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket() as sock:
        sock.bind((address, 0))
        return sock.getsockname()[1]


def wait_until(claim, what: str, within: float = PATIENCE) -> None:
    deadline = time.monotonic() + within
    while not claim():
        if time.monotonic() > deadline:
            raise Unmeasurable(f"not within {within:g} s: {what}")
        time.sleep(0.005)


def answers(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), 10) as sock:
            sock.settimeout(PATIENCE)
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return sock.recv(12).endswith(b" 200")
    except OSError:
        return False


@dataclasses.dataclass(frozen=True)
class Layout:
    """Which CPUs (as for taskset) the proxy has, and which the load and the backend; None = all."""

    proxy: str | None = None
    rest: str | None = None


def layout(name: str = "same", workers: int = 1) -> Layout:
    """same: all share as many CPUs as there are workers. split: the load gets others, if any."""
    cpus = [str(cpu) for cpu in sorted(os.sched_getaffinity(0))]
    proxy, rest = ",".join(cpus[-workers:]), ",".join(cpus[:-workers])
    return Layout(proxy, rest if name == "split" and rest else proxy)


class Running:
    """A server of the rig: a process group of its own, with its port."""

    def __init__(self, name: str, command, *, cpus=None, env=None, log=subprocess.DEVNULL) -> None:
        self.name = name
        if cpus:
            command = ["taskset", "-c", cpus, *command]
        self.child = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=log, env={**os.environ, **(env or {})}, start_new_session=True)
        self.address, self.port = "127.0.0.1", 0

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def processes(self) -> list[int]:
        """All that it consists of now."""
        return kernel.tree(self.pid)

    def read_port(self) -> None:
        """Of a tool of ours, which prints it."""
        self.port = int(self.child.stdout.readline() or 0)
        if not self.port:
            raise Unmeasurable(f"{self.name} does not start")

    def stop(self) -> None:
        if self.child.poll() is None:
            self.child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # Whatever it may have left behind.
        self.child.wait()
        self.child.stdout.close()


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """How the backend answers: see backend/bench_backend.cpp."""

    http10: bool = False
    close_each: bool = False
    keep_anyway: bool = False
    body_bytes: int = 1024
    delay_milliseconds: int = 0
    address: str = "127.0.0.1"

    def words(self) -> list:
        flags = ["--http10"] * self.http10 + ["--close-each"] * self.close_each
        return [*flags, *["--keep-anyway"] * self.keep_anyway, "--body", self.body_bytes,
                "--delay", self.delay_milliseconds, "--address", self.address]


@dataclasses.dataclass(frozen=True)
class Counts:
    """What has reached the backend; a connection counts once it has brought a request."""

    connections: int
    requests: int
    open: int


class Backend(Running):
    """bench_backend, which counts the requests and connections that reach it."""

    def __init__(self, behaviour: Behaviour, *, cpus=None, prefix=()) -> None:
        with tempfile.NamedTemporaryFile() as file:
            file.truncate(4096)
            self._page = mmap.mmap(file.fileno(), 4096)
            command = [*prefix, built("backend/bench_backend.cpp"), *behaviour.words(),
                       "--counts", file.name]
            super().__init__("the backend", command, cpus=cpus)
            self.address = behaviour.address
            self.read_port()

    def counts(self) -> Counts:
        return Counts(*struct.unpack_from("QQQ", self._page))

    def stop(self) -> None:
        super().stop()
        self._page.close()


class Rig:
    """Starts what a measurement needs, where the layout says, and clears it away."""

    def __init__(self, cpus: Layout = Layout()) -> None:
        need("taskset")
        self.cpus = cpus
        self._running: list[Running] = []
        self._numbers = iter(range(1000000))

    def __enter__(self) -> "Rig":
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-bench-"))
        self.folder.chmod(0o711)  # The workers of nginx are somebody else.
        return self

    def __exit__(self, *_) -> None:
        for running in reversed(self._running):
            running.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self, running: Running) -> None:
        running.stop()
        self._running.remove(running)

    def _keep(self, running):
        self._running.append(running)
        return running

    def backend(self, behaviour: Behaviour = Behaviour(), *, prefix=()) -> Backend:
        return self._keep(Backend(behaviour, cpus=self.cpus.rest, prefix=prefix))

    def relay(self, backend: Backend, *, short: bool = False, workers: int = 1) -> Running:
        """bench_relay: the floor."""
        command = [built("backend/bench_relay.cpp"), *["--short"] * short, "--workers", workers,
                   backend.port]
        relay = self._keep(Running("the relay", command, cpus=self.cpus.proxy))
        relay.read_port()
        return relay

    def proxy(self, kind: str, backend: Backend, *, workers: int = 1, prefix=(), env=None,
              listen: str = "127.0.0.1", clients: int = 16384) -> Running:
        """A proxy of benchmarks/arms, before the backend and ready; so many clients may connect."""
        arm = ARMS[kind]
        name = f"{kind}-{next(self._numbers)}"
        folder = self.folder / name
        folder.mkdir(mode=0o755)
        port = 0 if arm.program == "holdfast" else free_port()
        words = {"backend": f"{backend.address}:{backend.port}", "listen": f"{listen}:{port}",
                 "workers": str(workers), "folder": str(folder), "clients": str(clients)}
        config = folder / arm.config
        config.write_text(re.sub(r"@(\w+)@", lambda match: words[match[1]],
                                 (FOLDER / arm.config).read_text(encoding="utf-8")),
                          encoding="utf-8")
        log = folder / "log"
        with open(log, "w", encoding="utf-8") as file:
            proxy = self._keep(Running(name, [*prefix, *arm.command(config, folder)],
                                       cpus=self.cpus.proxy, env=env, log=file))
        proxy.address, proxy.port = listen, port
        self._wait_for(proxy, log)
        return proxy

    @staticmethod
    def _wait_for(proxy: Running, log: pathlib.Path) -> None:
        ready = re.compile(r"listening on [0-9.]+:(\d+)")

        def serves() -> bool:
            match = ready.search(log.read_text()) if not proxy.port else None
            proxy.port = int(match[1]) if match else proxy.port
            return bool(proxy.port and answers(proxy.address, proxy.port))
        wait_until(lambda: serves() or proxy.child.poll() is not None, f"{proxy.name} answers")
        if proxy.child.poll() is not None:
            raise Unmeasurable(f"{proxy.name} does not start:\n{log.read_text()}")

    def start_load(self, clients: Clients, target: Running, seconds: float, *,
                   prefix=()) -> load.Running:
        if self.cpus.rest:
            prefix = [*prefix, "taskset", "-c", self.cpus.rest]
        return load.start(clients, f"http://{target.address}:{target.port}/", seconds, prefix)

    def load(self, proxy: Running, *, seconds: float, clients: Clients = Clients()) -> Load:
        with self.start_load(clients, proxy, seconds) as running:
            return running.finish()
