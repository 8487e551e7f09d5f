"""Clients that are slow on purpose: they are cut in time, hold nothing, and harm nobody."""

import statistics
import time

import pytest

from harness.binary import sanitized
from harness.client import Client, fetch
from harness.crowd import Crowd, raise_descriptor_limit
from harness.scripts import keep_alive, one_by_one
from harness.waiting import PATIENCE, Stopwatch, wait_until

HALF_A_HEAD = b"GET /slow HTTP/1.1\r\nHost: a\r\nX-"


def test_a_slow_post_of_one_byte_a_second_is_cut(stage):
    # Each byte is a sign of life, and no byte is what the backend's connection waits for.
    backend = stage.backend(keep_alive())
    backend.expects_broken_requests = True
    proxy = stage.proxy(backend, listener={"timeouts": {"body": "20s"}})
    with Client(proxy.address) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
        watch = Stopwatch()
        while client.silent(1):
            client.send(b"x")
            assert watch.seconds < 15, "a byte a second keeps the connection"
        assert client.answer().status == 408
        assert 4.5 < watch.seconds < 15
    backend.wait(lambda b: not b.open, "its connection is given up")
    print(f"cut after {watch.seconds:.1f} s")


def test_a_slow_reader_is_cut_though_it_reads_a_byte_now_and_then(stage):
    def script(connection):
        connection.read_request()
        connection.reply(b"b" * 32_000_000)
    backend = stage.backend(one_by_one(script, keep_alive()))
    proxy = stage.proxy(backend, listener={"timeouts": {"write": "1s"}})
    with Client(proxy.address, receive_buffer=1024) as client:
        client.ask("GET", "/slow")
        watch = Stopwatch()
        while not backend.connections or backend.connections[0].open:
            assert client.sock.recv(1)
            due = watch.seconds + 0.2
            wait_until(lambda: watch.seconds > due, "the next byte's time")
            assert watch.seconds < PATIENCE
        assert watch.seconds > 0.9
    assert fetch(proxy.address, "/next").text == "GET /next 0 2.1\n"


def test_a_slow_reader_that_takes_enough_gets_all_of_it(stage):
    # Slower than the kernel's buffers empty by what it tells of at a time.
    body = b"b" * 3_000_000

    def script(connection):
        connection.read_request()
        connection.reply(body)
    proxy = stage.proxy(stage.backend(script), listener={"timeouts": {"write": "400ms"}})
    with Client(proxy.address) as client:
        client.ask("GET", "/slow")
        client.wire.until(b"\r\n\r\n")
        watch, left = Stopwatch(), len(body)
        while left:
            left -= len(client.wire.exactly(min(left, 20_000)))
            wait_until(lambda: watch.seconds > (len(body) - left) / 600_000, "its time has come")


def quantile(times: list[float], part: float) -> float:
    return sorted(times)[int(part * (len(times) - 1))]


def ask(client: Client, address, number: int) -> float:
    """The time of one request, of a kept-alive client and of a short one in turn."""
    start = time.perf_counter()
    reply = client.get("/") if number % 2 else fetch(address, "/")
    assert reply.status == 200
    return time.perf_counter() - start


@pytest.mark.long
@pytest.mark.timeout(300)
def test_ten_thousand_slowloris_are_all_cut_and_slow_nobody_down(stage):
    # Two of holdfast are asked in turn, so that both suffer alike from a busy machine; one of them
    # has the crowd, from its first client to the cut of its last.
    count = min(2_000 if sanitized() else 10_000, raise_descriptor_limit() // 2 - 1000)
    backend = stage.backend(keep_alive())
    settings = {"timeouts": {"head": "15s"}, "max_connections": count * 5 // 4 + 500}
    beset, calm = (stage.proxy(backend, listener=settings).address for _ in range(2))
    worst: tuple[list[float], list[float]] = ([], [])
    with Client(beset) as at_beset, Client(calm) as at_calm:
        ask(at_beset, beset, 1), ask(at_calm, calm, 1)
        watch = Stopwatch()
        crowd = stage.adopt(Crowd(beset, count, HALF_A_HEAD))
        while crowd.open:
            times: tuple[list[float], list[float]] = ([], [])
            for number in range(200):
                times[0].append(ask(at_beset, beset, number))
                times[1].append(ask(at_calm, calm, number))
            for at, of_round in zip(worst, times):
                at.append(quantile(of_round, 0.99))
            crowd.drip(b"a", count // 10)  # one byte of each in ten rounds
            crowd.look()
            assert watch.seconds < 120, f"{crowd.open} have not been cut"
            assert crowd.ended == 0 or watch.seconds > 14.5
    assert b" 408 " in crowd.received
    loud, quiet = (statistics.median(rounds) for rounds in worst)
    # What the machine's other work does to a round that has no slowloris.
    noise = statistics.median(abs(of_round - quiet) for of_round in worst[1])
    print(f"{count} slowloris in {len(worst[0])} rounds: p99 {loud * 1e3:.2f} ms beside them, "
          f"{quiet * 1e3:.2f} ms without (give or take {noise * 1e3:.2f}); all cut after "
          f"{watch.seconds:.1f} s")
    assert loud <= max(quiet * 1.1, quiet + 0.001) + 2 * noise or sanitized()
    assert {request.id for request in backend.begun} == {"/"}


def test_a_slow_backend_head_of_a_byte_a_second_is_a_gateway_timeout(stage):
    def script(connection):
        connection.read_request()
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
            connection.send(bytes([byte]))
            if not connection.holdfast_waits(0.2):
                return
    backend = stage.backend(one_by_one(script, keep_alive()))
    proxy = stage.proxy(backend, upstream={"timeouts": {"response": "1s"}})
    watch = Stopwatch()
    assert fetch(proxy.address, "/slow").status == 504
    assert 0.9 < watch.seconds < PATIENCE
    assert fetch(proxy.address, "/next").text == "GET /next 0 2.1\n"
