"""The image: its root file system, assembled as the Dockerfile does it and run as an engine runs it."""

import signal
import stat
import threading
import time

import pytest

from harness.binary import holdfast_binary, sanitized
from harness.client import Client
from harness.container import USER, WEB, Image, Pod
from harness.namespace import need_root
from harness.scripts import answer, keep_alive_10
from harness.waiting import PATIENCE, wait_until

APP = {"HOLDFAST_LISTEN": ":8080", "HOLDFAST_UPSTREAM": "app:9000"}
MEGABYTE = 1_000_000

pytestmark = pytest.mark.skipif(sanitized(), reason="an image is made of what is shipped")


def is_release() -> bool:
    return "/release/" in str(holdfast_binary())


@pytest.fixture(scope="module")
def image(binary, tmp_path_factory) -> Image:
    need_root()
    return Image(tmp_path_factory.mktemp("image") / "root")


@pytest.fixture
def pod(image, stage):
    """A pod with a container of the image, and an HTTP/1.0 backend beside it at port 9000."""
    def start(**how) -> tuple[Pod, object]:
        pod = stage.adopt(Pod(image, **how))
        backend = stage.backend(keep_alive_10, address=("127.0.0.1", 9000),
                                make_socket=pod.network.socket)
        pod.start().wait_until_ready()
        return pod, backend
    return start


def test_it_is_small_and_has_nothing_but_the_program(image):
    size = sum(path.stat().st_size for path in image.files())
    print(f"{size / MEGABYTE:.1f} MB")
    assert size < 30 * MEGABYTE
    programs = {path.name for path in image.files() if path.stat().st_mode & stat.S_IXUSR}
    assert {name for name in programs if ".so" not in name} == {"holdfast"}
    if is_release():
        assert size < 10 * MEGABYTE
        assert {name.partition(".so")[0] for name in programs} == {
            "holdfast", "libc", "libm", "ld-linux-x86-64"}


def test_its_user_can_change_nothing_in_it(image):
    for path in image.root.rglob("*"):
        mode = path.lstat().st_mode
        assert not mode & (stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID), path
        assert path.stat().st_uid == 0, path


def test_it_says_what_is_in_it_under_which_licence(image):
    about = image.root / "usr/share/doc/holdfast"
    packages = [line.split()[0] for line in (about / "packages").read_text().splitlines()]
    assert {"libc6", "libuv1-dev", "libyaml-cpp-dev", "node-llhttp"} <= set(packages)
    for package in packages:
        assert (about / f"copyright.{package}").stat().st_size > 200
    assert "Apache License" in (about / "LICENSE").read_text()


def test_the_environment_alone_makes_a_sidecar(pod):
    pod, backend = pod(environment=APP)
    for number in range(20):
        got = pod.fetch(WEB, f"/{number}")
        assert got.status == 200 and got.text.startswith(f"GET /{number} ")
    assert len(backend.connections) == 1, "twenty clients, one connection"
    health = pod.healthcheck()
    assert health.returncode == 0 and "readyz: 200" in health.stdout, health.stderr
    assert pod.stop() == 0
    assert '"level":"error"' not in pod.said and '"level":"warn"' not in pod.said


def test_a_mounted_file_configures_it(pod, tmp_path):
    folder = tmp_path / "mounted"
    folder.mkdir(mode=0o755)
    (folder / "holdfast.yaml").write_text(
        "listeners: { web: { address: ':8080', upstream: app } }\n"
        "upstreams: { app: { servers: ['127.0.0.1:9000'] } }\n", encoding="utf-8")
    pod, _ = pod(mounts={"/etc/holdfast": folder})
    assert pod.fetch(WEB, "/").status == 200
    assert pod.healthcheck().returncode == 0


def test_flags_configure_it(pod):
    pod, _ = pod(arguments=["run", "--listen", ":8080", "--upstream", "127.0.0.1:9000"])
    assert pod.fetch(WEB, "/").status == 200
    assert pod.healthcheck().returncode == 0


def test_it_runs_as_a_number_without_any_right(pod):
    pod, _ = pod(environment=APP)
    status = dict(line.split(":\t", 1) for line in pod.proc("status").splitlines())
    number = USER.partition(":")[0]
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {number}
    assert not status["Groups"].strip() and status["NoNewPrivs"] == "1"
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[capabilities], 16) == 0, capabilities
    assert status["NSpid"].split()[-1] == "1", "it is the first process of its container"
    root = next(line.split() for line in pod.proc("mountinfo").splitlines()
                if line.split()[4] == "/")
    assert "ro" in root[5].split(",")


def test_sigterm_drains_it_though_it_is_process_one(image, stage):
    asked, go = threading.Event(), threading.Event()
    def slow(connection) -> None:
        request = connection.read_request()
        asked.set()
        assert go.wait(PATIENCE)
        answer(connection, request)
    pod = stage.adopt(Pod(image, environment=APP))
    stage.backend(slow, address=("127.0.0.1", 9000), make_socket=pod.network.socket)
    pod.start().wait_until_ready()
    with Client(WEB, make_socket=pod.network.socket) as client:
        client.ask("GET", "/")
        assert asked.wait(PATIENCE)
        pod.signal(signal.SIGTERM)
        wait_until(lambda: not pod.serves(), "it is not ready any more")
        assert pod.healthcheck().returncode == 1
        go.set()
        assert client.answer().status == 200
    assert pod.wait() == 0 and "Terminated" in pod.said


@pytest.mark.parametrize("environment, said", [
    ({**APP, "HOLDFAST_WORKERS": "many"}, "HOLDFAST_WORKERS"), ({}, "--upstream")])
def test_a_wrong_configuration_is_told_and_ends_with_78(image, stage, environment, said):
    pod = stage.adopt(Pod(image, environment=environment))
    assert pod.start().wait() == 78
    assert said in pod.said


@pytest.mark.skipif(not is_release(), reason="a figure of what is shipped")
def test_it_starts_in_under_fifty_milliseconds(image, stage):
    """From the engine's first system call to /readyz: the best of ten, for others run here too."""
    took, memory = [], []
    for _ in range(10):
        pod = stage.adopt(Pod(image, environment=APP))
        began = time.monotonic()
        pod.start()
        while not pod.serves():
            assert time.monotonic() - began < 10
        took.append(time.monotonic() - began)
        memory.append(int(pod.proc("status").partition("VmRSS:")[2].split()[0]))
        assert pod.stop() == 0
    print(f"ready after {min(took) * 1000:.1f} ms, {sorted(took)[5] * 1000:.1f} ms in the middle; "
          f"{min(memory)} KiB resident")
    assert min(took) < 0.050
    assert min(memory) < 6 * 1024, "at rest it takes at most 6 MiB"
