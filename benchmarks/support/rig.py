"""The test rig of the measurements: a backend that counts, holdfast or nginx before it, and load.

Everything a Rig starts is ended, and waited for, when the Rig is left.
"""

import contextlib
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = ROOT / "build" / "benchmarks"
PATIENCE = 30.0

HOLDFAST = """\
workers: 1
listeners:
  web: {{ address: "127.0.0.1:0", upstream: legacy, max_connections: 16384 }}
upstreams:
  legacy:
    servers: ["127.0.0.1:{backend}"]
    pool: {{ max_connections: 512 }}
status: {{ address: "off" }}
log: {{ level: info }}
shutdown: {{ timeout: 1s }}
"""

NGINX = """\
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {tuning}
  upstream legacy {{ server 127.0.0.1:{backend}; {pool} }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://legacy; {leg} }}
  }}
}}
"""
# What a user who has read the manual writes, and what one who has not gets.
NGINX_TUNED = {
    "connections": 16384, "pool": "keepalive 512; keepalive_requests 1000000;",
    "tuning": "tcp_nodelay on; keepalive_requests 1000000; keepalive_timeout 75s;",
    "leg": 'proxy_http_version 1.1; proxy_set_header Connection "";'}
NGINX_DEFAULT = {"connections": 4096, "pool": "", "tuning": "", "leg": ""}


class Unmeasurable(Exception):
    """A figure cannot be had here, or a run went wrong; the text says why."""


def need(*programs: str) -> None:
    for program in programs:
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
            raise Unmeasurable(f"{program} is not installed")


def holdfast_binary() -> pathlib.Path:
    path = pathlib.Path(os.environ.get("HOLDFAST_BINARY") or ROOT / "build/release/src/holdfast")
    if not os.access(path, os.X_OK):
        raise Unmeasurable(f"{path} is not built: ./dev build release")
    return path


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


def raise_descriptor_limit() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_until(claim, what: str, within: float = PATIENCE) -> None:
    deadline = time.monotonic() + within
    while not claim():
        if time.monotonic() > deadline:
            raise Unmeasurable(f"not within {within:g} s: {what}")
        time.sleep(0.005)


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as sock:
            sock.settimeout(PATIENCE)
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return sock.recv(12).endswith(b" 200")
    except OSError:
        return False


class Running:
    """A server of the rig: a process group of its own, with its port."""

    def __init__(self, name: str, command, *, cpus=None, env=None, log=subprocess.DEVNULL) -> None:
        self.name = name
        if cpus:
            command = ["taskset", "-c", cpus, *command]
        self.child = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=log, env={**os.environ, **(env or {})}, start_new_session=True)
        self.port = 0

    @property
    def pid(self) -> int:
        return self.child.pid

    def cpu_seconds(self) -> float:
        """Scheduler time of all its threads, in the kernel on its behalf included."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def stop(self) -> None:
        if self.child.poll() is None:
            self.child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # Whatever it may have left behind.
        self.child.wait()
        self.child.stdout.close()


class Backend(Running):
    """bench_backend, which counts the requests and connections that reach it."""

    def __init__(self, *, http10: bool, cpus=None) -> None:
        command = [built("backend/bench_backend.cpp"), *["--http10"] * http10]
        super().__init__("backend", command, cpus=cpus)
        self.port = int(self.child.stdout.readline() or 0)
        if not self.port:
            raise Unmeasurable("the backend does not start")

    def counts(self) -> tuple[int, int]:
        """Connections and requests so far."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as sock:
            sock.sendall(b"GET /counts HTTP/1.0\r\n\r\n")
            reply = b"".join(iter(lambda: sock.recv(4096), b""))
        connections, requests = reply.split(b"\r\n\r\n")[1].split()
        return int(connections), int(requests)


class Load:
    """What wrk saw: answers, errors, requests per second, latencies in microseconds."""

    UNITS = {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}

    def __init__(self, output: str) -> None:
        def number(pattern: str) -> int:
            match = re.search(pattern, output)
            return int(match[1]) if match else 0

        self.requests = number(r"(\d+) requests in")
        self.errors = sum(number(pattern) for pattern in (
            r"Non-2xx or 3xx responses: (\d+)", r"Socket errors: connect (\d+)",
            r"Socket errors: .* read (\d+)", r"Socket errors: .* write (\d+)",
            r"Socket errors: .* timeout (\d+)"))
        rate = re.search(r"Requests/sec:\s+([0-9.]+)", output)
        if not rate or not self.requests:
            raise Unmeasurable(f"wrk has seen no answer:\n{output}")
        self.rate = float(rate[1])
        self.p50, self.p99 = (self._latency(output, share) for share in (50, 99))

    def _latency(self, output: str, share: int) -> float:
        match = re.search(rf"^\s*{share}%\s+([0-9.]+)(us|ms|s|m)$", output, re.M)
        return float(match[1]) * self.UNITS[match[2]] if match else float("nan")


class Rig:
    """Starts what a measurement needs, all of it on `cpus` (as for taskset), and clears it away."""

    def __init__(self, cpus: str | None = None) -> None:
        need("taskset")
        self.cpus = cpus
        self._running: list[Running] = []
        self._numbers = iter(range(1000000))

    def __enter__(self) -> "Rig":
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-bench-"))
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

    def backend(self, *, http10: bool = False) -> Backend:
        return self._keep(Backend(http10=http10, cpus=self.cpus))

    def proxy(self, kind: str, backend: Backend, *, prefix=(), env=None) -> Running:
        """holdfast, nginx (tuned) or nginx-default, before the backend and ready."""
        start = self._holdfast if kind == "holdfast" else self._nginx
        proxy = start(kind, backend, prefix, env)
        wait_until(lambda: answers(proxy.port) or proxy.child.poll() is not None,
                   f"{kind} answers")
        if proxy.child.poll() is not None:
            raise Unmeasurable(f"{kind} does not start:\n{self._log(proxy).read_text()}")
        return proxy

    def _log(self, proxy: Running) -> pathlib.Path:
        return self.folder / f"{proxy.name}.log"

    def _start(self, kind: str, command, prefix, env) -> Running:
        name = f"{kind}-{next(self._numbers)}"
        with open(self.folder / f"{name}.log", "w", encoding="utf-8") as log:
            return self._keep(Running(name, [*prefix, *command], cpus=self.cpus, env=env, log=log))

    def _holdfast(self, kind: str, backend: Backend, prefix, env) -> Running:
        path = self.folder / f"holdfast-{backend.port}.yaml"
        path.write_text(HOLDFAST.format(backend=backend.port), encoding="utf-8")
        proxy = self._start(kind, [holdfast_binary(), "run", "-c", path], prefix, env)
        ready = re.compile(r"listening on 127\.0\.0\.1:(\d+)")

        def found() -> bool:
            match = ready.search(self._log(proxy).read_text())
            proxy.port = int(match[1]) if match else 0
            return bool(match) or proxy.child.poll() is not None
        wait_until(found, "holdfast listens")
        return proxy

    def _nginx(self, kind: str, backend: Backend, prefix, env) -> Running:
        need("nginx")
        number = next(self._numbers)
        folder = self.folder / f"nginx-{number}"
        folder.mkdir()
        port = free_port()
        path = folder / "conf"
        choice = NGINX_DEFAULT if kind == "nginx-default" else NGINX_TUNED
        path.write_text(NGINX.format(folder=folder, backend=backend.port, port=port, **choice),
                        encoding="utf-8")
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        proxy = self._start(kind, [nginx, "-c", path, "-p", folder, "-e", "stderr"], prefix, env)
        proxy.port = port
        return proxy

    def load(self, proxy: Running, *, seconds: float, clients: int = 64,
             short: bool = False) -> Load:
        """wrk with one thread. Short: each client asks once per connection."""
        need("wrk")
        command = ["wrk", "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--timeout", "10s",
                   "--latency", *["-HConnection: close"] * short,
                   f"http://127.0.0.1:{proxy.port}/"]
        if self.cpus:
            command = ["taskset", "-c", self.cpus, *command]
        result = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60,
                                check=False)
        return Load(result.stdout + result.stderr)
