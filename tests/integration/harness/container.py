"""The image of holdfast without a container engine: its root file system, run as an engine runs it.

docker/rootfs assembles the files, as the Dockerfile's build stage does, from the program under test:
to build it once more in a container would cost minutes and show nothing else. Then the kernel's own
means do what an engine does: networks, mounts and process ids of its own, a root that cannot be
written to, the numeric user and so no capabilities.
"""

import os
import pathlib
import shlex
import signal
import subprocess

from harness.binary import SOURCE_ROOT, holdfast_binary
from harness.client import Client
from harness.messages import Answer
from harness.namespace import Namespace
from harness.waiting import PATIENCE, wait_until

USER = "65532:65532"
WEB, STATUS = ("127.0.0.1", 8080), ("127.0.0.1", 8081)


class Image:
    """A folder that is the root of a container."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.root = folder
        subprocess.run([SOURCE_ROOT / "docker" / "rootfs", holdfast_binary(), folder], check=True,
                       timeout=60)

    def files(self) -> list[pathlib.Path]:
        return [path for path in self.root.rglob("*") if path.is_file()]

    def command(self, words: list[str], mounts: dict[str, pathlib.Path]) -> list[str]:
        """How a shell runs this in a container of the image. The files of names are an engine's, and
        so are the mounts: folders, by the folder in the container that each stands for."""
        root = shlex.quote(str(self.root))
        lines = [f"mount --bind {root} {root}"]
        lines += [f"mount --bind {shlex.quote(str(outside))} {root}{inside}"
                  for inside, outside in {"/etc": self.names(), **mounts}.items()]
        lines += [f"mount -t proc proc {root}/proc", f"mount -o remount,ro,bind {root}",
                  f"exec chroot --userspec={USER} --groups= {root} {shlex.join(words)}"]
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec",
                "\n".join(lines)]

    def names(self) -> pathlib.Path:
        """The image's /etc, with what an engine puts there."""
        etc = self.root.parent / "etc"
        if not etc.exists():
            subprocess.run(["cp", "-a", self.root / "etc", etc], check=True)
            (etc / "hosts").write_text("127.0.0.1 localhost app\n", encoding="ascii")
            (etc / "resolv.conf").write_text("", encoding="ascii")
        return etc


class Pod:
    """A network of its own with a container of the image; a backend can be put beside it."""

    def __init__(self, image: Image, arguments=("run",), environment=None, mounts=None) -> None:
        self._image, self._mounts = image, mounts or {}
        self._environment = {"PATH": os.environ["PATH"], **(environment or {})}
        self._arguments = list(arguments)
        self.network = Namespace()
        self._child: subprocess.Popen | None = None
        self.said = ""

    def start(self) -> "Pod":
        self._child = subprocess.Popen(self._inside(self._arguments), env=self._environment,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True)
        return self

    def _inside(self, arguments: list[str]) -> list[str]:
        return [*self.network.prefix,
                *self._image.command(["/usr/bin/holdfast", *arguments], self._mounts)]

    def fetch(self, address: tuple[str, int], target: str) -> Answer:
        with Client(address, make_socket=self.network.socket) as client:
            client.ask("GET", target, host="localhost")
            return client.answer()

    def serves(self) -> bool:
        try:
            return self.fetch(STATUS, "/readyz").status == 200
        except ConnectionError:
            return False

    def wait_until_ready(self) -> None:
        wait_until(lambda: self.serves() or self._child.poll() is not None, "it is ready")
        assert self._child.poll() is None, self._child.communicate()[0]

    def healthcheck(self) -> subprocess.CompletedProcess:
        """As an engine runs it: in a container of the same image, environment and network."""
        return subprocess.run(self._inside(["healthcheck"]), env=self._environment, text=True,
                              capture_output=True, timeout=PATIENCE, check=False)

    @property
    def pid(self) -> int:
        """Of holdfast itself; unshare waits for it."""
        with open(f"/proc/{self._child.pid}/task/{self._child.pid}/children",
                  encoding="ascii") as children:
            return int(children.read().split()[0])

    def proc(self, name: str) -> str:
        return pathlib.Path(f"/proc/{self.pid}/{name}").read_text(encoding="utf-8")

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        """The exit code, once it has ended."""
        try:
            self.said, _ = self._child.communicate(timeout=PATIENCE)
        finally:
            self._child.kill()
            self.network.stop()
        code, self._child = self._child.returncode, None
        return code

    def stop(self) -> int | None:
        """SIGTERM, as an engine sends it; the exit code. None if it has ended before."""
        if self._child is None:
            return None
        if self._child.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()
