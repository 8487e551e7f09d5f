"""How the program is built and how it runs: what makes a slip in it harder to exploit."""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from harness.binary import holdfast_binary, sanitized
from harness.client import Client, fetch
from harness.scripts import keep_alive
from harness.waiting import PATIENCE, scaled, wait_until

hardened_build = pytest.mark.skipif(sanitized(), reason="a sanitizer brings its own")


def readelf(*options: str) -> str:
    return subprocess.run(["readelf", "--wide", *options, str(holdfast_binary())], check=True,
                          capture_output=True, text=True, timeout=60).stdout


@pytest.fixture(scope="module")
def segments(binary) -> list[tuple[str, str]]:
    """Type and flags of each segment, such as ("LOAD", "R E")."""
    found = re.findall(r"^\s+([A-Z_]+)\s+(?:0x[0-9a-f]+\s+){5}([RWE ]{3})", readelf("-l"), re.M)
    assert ("LOAD", "R E") in found
    return found


@pytest.fixture(scope="module")
def imports(binary) -> set[str]:
    """The names of the functions that it takes from libraries."""
    return set(re.findall(r"\bUND\s+(\w+)", readelf("--dyn-syms")))


def test_the_program_may_be_loaded_anywhere(binary):
    assert re.search(r"Type:\s+DYN ", readelf("-h"))
    assert re.search(r"\(FLAGS_1\).*\bPIE\b", readelf("-d"))


def test_no_segment_is_writable_and_executable(segments):
    assert [flags for _, flags in segments if "W" in flags and "E" in flags] == []


def test_code_shares_no_segment_with_constants(segments):
    assert [flags for kind, flags in segments if kind == "LOAD"] == ["R  ", "R E", "R  ", "RW "]


def test_the_stack_is_not_executable(segments):
    assert [flags for kind, flags in segments if kind == "GNU_STACK"] == ["RW "]


@hardened_build
def test_addresses_of_functions_are_read_only_once_it_runs(segments):
    assert "GNU_RELRO" in dict(segments)
    assert re.search(r"\(FLAGS(?:_1)?\).*\b(?:BIND_NOW|NOW)\b", readelf("-d"))


@hardened_build
def test_stacks_are_guarded(imports):
    assert "__stack_chk_fail" in imports


@hardened_build
def test_writes_into_buffers_of_known_size_are_checked(imports):
    assert {name for name in imports if re.fullmatch(r"__\w+_chk", name)} - {"__stack_chk_fail"}


@hardened_build
def test_indirect_jumps_land_where_jumps_may(binary):
    code = subprocess.run(["objdump", "-d", "--section=.text", str(holdfast_binary())], check=True,
                          capture_output=True, text=True, timeout=120).stdout
    assert code.count("endbr64") > 1000


@pytest.fixture
def running(stage):
    return stage.proxy(stage.backend(keep_alive()))


def test_it_leaves_no_core_file_and_gains_no_privileges(running):
    with open(f"/proc/{running.pid}/limits", encoding="ascii") as limits:
        assert re.search(r"Max core file size\s+0\s", limits.read())
    with open(f"/proc/{running.pid}/status", encoding="ascii") as status:
        assert "NoNewPrivs:\t1\n" in status.read()


def test_no_descriptor_but_the_standard_ones_would_pass_to_another_program(running):
    with Client(running.address) as client:
        assert client.get("/").status == 200
        kept = {}
        for number in os.listdir(f"/proc/{running.pid}/fd"):
            with open(f"/proc/{running.pid}/fdinfo/{number}", encoding="ascii") as facts:
                flags = int(re.search(r"flags:\s+([0-7]+)", facts.read())[1], 8)
            if int(number) > 2 and not flags & os.O_CLOEXEC:
                kept[number] = os.readlink(f"/proc/{running.pid}/fd/{number}")
        assert kept == {}


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-"])
def test_fault_69_standard_descriptors_that_are_closed_at_start(stage, closed):
    # Standard error tells the port; the next test has it closed as well.
    proxy = stage.proxy(stage.backend(keep_alive()), prefix=("sh", "-c", f'exec "$@" {closed}', "sh"))
    for number in range(3):
        assert not os.readlink(f"/proc/{proxy.pid}/fd/{number}").startswith("socket:")
    assert fetch(proxy.address, "/").status == 200


def listening_port(pid: int) -> int | None:
    """The port it listens on; for who can tell us nothing else."""
    sockets = set()
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            sockets.add(os.readlink(f"/proc/{pid}/fd/{number}"))
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    listening = "0A"
    return next((int(row[1].split(":")[1], 16) for row in rows
                 if row[3] == listening and f"socket:[{row[9]}]" in sockets), None)


def test_fault_69_all_standard_descriptors_are_closed_at_start(stage):
    path = stage.config(stage.backend(keep_alive()))
    child = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", str(holdfast_binary()),
                              "run", "-c", str(path)])
    try:
        wait_until(lambda: listening_port(child.pid), "it listens")
        for number in range(3):
            assert os.readlink(f"/proc/{child.pid}/fd/{number}") == "/dev/null"
        assert fetch(("127.0.0.1", listening_port(child.pid)), "/").status == 200
        child.terminate()
        assert child.wait(PATIENCE) == 0
    finally:
        child.kill()
        child.wait()


@pytest.mark.timeout(120)
def test_fault_70_a_thousand_signals_a_second_interrupt_its_system_calls(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend)
    ended = threading.Event()
    sent = 0

    def interrupt() -> None:
        nonlocal sent
        while not ended.is_set():
            proxy.send_signal(signal.SIGUSR1)
            sent += 1
            time.sleep(0.001)

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    try:
        with Client(proxy.address) as client:
            number = 0
            while number < scaled(500) or sent <= 100:
                number += 1
                body = bytes(100_000 if number % 10 == 0 else 10)
                assert client.exchange("POST", f"/{number}", body=body).status == 200
                assert fetch(proxy.address, f"/short/{number}").status == 200
    finally:
        ended.set()
        interrupter.join()
    assert set(backend.executions.values()) == {1}
