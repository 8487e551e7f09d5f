"""This machine runs short: of descriptors, memory, buffers, ports. Nobody else is blamed for it."""

import errno
import resource

import pytest

from harness.binary import sanitized
from harness.client import Client, fetch
from harness.scripts import Gate, keep_alive
from harness.shortage import CpuMeter, Shortage
from harness.waiting import Stopwatch, wait_until

AT_ACCEPT = [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM]
AT_SOCKET = [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM]
AT_CONNECT = [errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM]


def named(failure: int) -> str:
    return errno.errorcode[failure]


@pytest.fixture
def shortage(stage, tmp_path):
    return stage.adopt(Shortage(tmp_path))


def lasts(seconds: float) -> None:
    watch = Stopwatch()
    wait_until(lambda: watch.seconds > seconds, "it has lasted")


def complaints(proxy) -> list[str]:
    return [line for line in proxy.stderr.splitlines() if '"warn"' in line]


@pytest.mark.parametrize("failure", AT_ACCEPT, ids=named)
def test_a_shortage_at_accept_lets_clients_wait_without_spinning(stage, shortage, failure):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, env=shortage.env)
    with Client(proxy.address) as known:
        assert known.get("/before").status == 200
        shortage.begin("accept4", failure)
        meter = CpuMeter(proxy.pid)
        waiting = [Client(proxy.address) for _ in range(20)]
        for client in waiting:
            client.ask("GET", "/waiting")
        lasts(2.2)
        cpu = meter.share
        lines = complaints(proxy)
        assert 1 <= len(lines) <= 4, lines
        assert all("listener web: clients have to wait" in line for line in lines)
        assert cpu < 0.2
        shortage.end("accept4")
        for client in waiting:
            assert client.answer().status == 200
            client.close()
    assert fetch(proxy.address, "/after").status == 200
    print(f"{named(failure)} at accept: CPU {cpu:.1%}, {len(lines)} lines in 2.2 s, nobody lost")


@pytest.mark.parametrize(("call", "failure"),
                         [("socket", f) for f in AT_SOCKET] + [("connect", f) for f in AT_CONNECT],
                         ids=lambda value: value if isinstance(value, str) else named(value))
def test_a_shortage_at_connect_is_no_fault_of_the_backend(stage, shortage, call, failure):
    gate = Gate()
    backend = stage.backend(gate.script)
    proxy = stage.proxy(backend, env=shortage.env,
                        upstream={"pool": {"queue": {"timeout": "1500ms"}}})
    with Client(proxy.address) as holder, Client(proxy.address) as late:
        holder.ask("GET", "/held")
        backend.wait_for_begun(1)
        shortage.begin(call, failure)
        meter = CpuMeter(proxy.pid)
        late.ask("GET", "/late")
        refused = late.answer()
        assert refused.status == 503 and refused.fields.get("Retry-After") == "1"
        assert "proxy" in refused.text and "busy" not in refused.text
        cpu, lines = meter.share, complaints(proxy)
        assert 1 <= len(lines) <= 3, lines
        assert all("no connection can be opened now" in line for line in lines)
        assert "cannot be reached" not in proxy.stderr
        assert cpu < 0.2
        gate.open()
        assert holder.answer().status == 200  # what is open goes on
        assert late.get("/again").status == 200  # and is used
        shortage.end(call)
    assert backend.accepted == 1
    print(f"{named(failure)} at {call}: CPU {cpu:.1%}, {len(lines)} lines in 1.5 s")


def test_a_request_outlives_a_shortage_that_ends_in_time(stage, shortage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, env=shortage.env)
    shortage.begin("connect", errno.EADDRNOTAVAIL)
    with Client(proxy.address) as client:
        client.ask("POST", "/", body=b"hello")
        assert client.silent(0.3)
        shortage.end("connect")
        assert client.answer().status == 200
    assert backend.executions["/"] == 1


@pytest.mark.skipif(sanitized(), reason="the sanitizers' own checks need descriptors")
def test_descriptors_taken_by_somebody_else_are_waited_for(stage):
    # The limit falls under what holdfast has planned with: the kernel says EMFILE in earnest.
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend)
    with Client(proxy.address) as resting:
        assert resting.get("/before").status == 200
        _, hard = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (3, hard))
        meter = CpuMeter(proxy.pid)
        waiting = [Client(proxy.address) for _ in range(20)]
        for client in waiting:
            client.ask("GET", "/waiting")
        proxy.wait_for_line("listener web: clients have to wait")
        assert resting.ends()  # who rests makes room
        lasts(1)
        cpu = meter.share
        assert cpu < 0.2
        resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (hard, hard))
        for client in waiting:
            assert client.answer().status == 200
            client.close()
    print(f"EMFILE in earnest: CPU {cpu:.1%}, nobody lost")
