"""Waits that end: each side has its deadlines, and each its own way to fail."""

import socket
import threading

import pytest

from harness.backlog import BlackHole
from harness.client import Client, fetch
from harness.messages import Ended, Truncated
from harness.scripts import keep_alive, one_by_one
from harness.waiting import PATIENCE, Stopwatch, wait_until

SHORT = "200ms"
BIG = b"b" * 32_000_000  # More than all sockets on its way can hold.
POST_HEAD = b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"


@pytest.fixture
def origin(stage):
    return stage.backend(keep_alive())


def proxy_with(stage, origin, **timeouts):
    return stage.proxy(origin, listener={"timeouts": timeouts})


def upstream_with(stage, script, **timeouts):
    backend = stage.backend(one_by_one(script, keep_alive()))
    backend.expects_broken_requests = True
    return backend, stage.proxy(backend, upstream={"timeouts": timeouts})


def silent(connection) -> None:
    """Reads a request and never answers."""
    connection.read_request()
    connection.wait_for_end()


def test_an_idle_client_is_closed(stage, origin):
    proxy = proxy_with(stage, origin, idle=SHORT)
    with Client(proxy.address) as client:
        assert client.get("/").status == 200
        watch = Stopwatch()
        assert client.ends()
        assert 0.15 < watch.seconds < PATIENCE


def test_a_client_that_never_speaks_is_closed(stage, origin):
    proxy = proxy_with(stage, origin, head=SHORT)
    with Client(proxy.address) as client:
        watch = Stopwatch()
        assert closes_with(client) in (None, 408)
        assert 0.15 < watch.seconds < PATIENCE


def closes_with(client: Client) -> int | None:
    """The status of a last answer before the connection closes, or None without one."""
    try:
        status = client.answer().status
    except Ended:
        return None
    assert client.ends()
    return status


def test_half_a_head_is_a_request_timeout(stage, origin):
    proxy = proxy_with(stage, origin, head=SHORT)
    with Client(proxy.address) as client:
        client.send(b"GET / HTTP/1.1\r\nHost")
        assert closes_with(client) == 408
    assert origin.received_bytes == 0


def test_the_deadline_of_a_head_does_not_move_with_its_bytes(stage, origin):
    proxy = proxy_with(stage, origin, head="300ms", idle="30s")
    with Client(proxy.address) as client:
        assert client.get("/").status == 200
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        watch = Stopwatch()
        while client.silent(0.03):
            client.send(b"X: y\r\n")
            assert watch.seconds < PATIENCE, "dripping bytes keep the deadline away"
        assert closes_with(client) == 408


def test_a_body_that_stalls_is_a_request_timeout(stage, origin):
    origin.expects_broken_requests = True
    proxy = proxy_with(stage, origin, body=SHORT)
    with Client(proxy.address) as client:
        client.send(POST_HEAD + b"five.")
        assert closes_with(client) == 408
    origin.wait(lambda b: all(c.ended_by == "holdfast" for c in b.connections), "it is retired")
    assert fetch(proxy.address, "/next").text.startswith("GET /next ")


def test_a_body_that_goes_on_is_no_timeout(stage, origin):
    proxy = proxy_with(stage, origin, body="400ms")
    with Client(proxy.address) as client:
        client.send(POST_HEAD)
        for byte in b"ten bytes.":
            assert client.silent(0.05)
            client.send(bytes([byte]))
        assert client.answer().text == "POST /slow 10 1.1\n"


def test_a_reader_that_stalls_is_cut_off(stage):
    def script(connection):
        connection.read_request()
        connection.reply(BIG)
    backend = stage.backend(one_by_one(script, keep_alive()))
    proxy = proxy_with(stage, backend, write="300ms")
    with Client(proxy.address, receive_buffer=8192) as client:
        client.ask("GET", "/slow")
        backend.wait(lambda b: b.connections and b.connections[0].ended_by == "holdfast", "retired")
        with pytest.raises((Truncated, ConnectionError)):
            client.answer()
    assert fetch(proxy.address, "/next").text == "GET /next 0 2.1\n"


def test_a_reader_that_is_slow_is_not_cut_off(stage):
    def script(connection):
        connection.read_request()
        connection.reply(BIG[:1_000_000])
    proxy = proxy_with(stage, stage.backend(script), write="500ms")
    with Client(proxy.address, receive_buffer=8192) as client:
        client.ask("GET", "/slow")
        client.wire.until(b"\r\n\r\n")
        watch, left = Stopwatch(), 1_000_000
        while left:
            left -= len(client.wire.exactly(min(left, 10_000)))
            wait_until(lambda: watch.seconds > (1_000_000 - left) / 1_250_000, "its time has come")


def test_a_backend_that_does_not_answer_is_a_gateway_timeout(stage):
    backend, proxy = upstream_with(stage, silent, response=SHORT)
    with Client(proxy.address) as client:
        watch = Stopwatch()
        assert client.get("/slow").status == 504
        assert 0.15 < watch.seconds < PATIENCE
        assert client.get("/next").text == "GET /next 0 2.1\n"
    assert backend.connections[0].ended_by == "holdfast"
    assert backend.executions["/slow"] == 1  # What timed out is never asked again.


def test_the_deadline_of_an_answer_does_not_move_with_its_bytes(stage):
    def drip(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n")
        while connection.holdfast_waits(0.03):
            connection.send(b"X: y\r\n")
    backend, proxy = upstream_with(stage, drip, response="300ms")
    assert fetch(proxy.address, "/slow").status == 504
    backend.wait(lambda b: b.connections[0].ended_by == "holdfast", "it is retired")


def test_the_time_for_an_answer_begins_with_the_end_of_its_request(stage):
    backend, proxy = upstream_with(stage, keep_alive(), response="400ms")
    with Client(proxy.address) as client:
        client.send(POST_HEAD)
        for byte in b"ten bytes.":
            assert client.silent(0.05)
            client.send(bytes([byte]))
        assert client.answer().text == "POST /slow 10 1.1\n"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("framing", [b"Content-Length: 10", b"Transfer-Encoding: chunked"],
                         ids=["length", "chunked"])
def test_a_backend_that_stops_in_its_answer_is_cut_off_visibly(stage, framing, version):
    def stop(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n5\r\nhe")
        connection.wait_for_end()
    backend, proxy = upstream_with(stage, stop, read=SHORT)
    with Client(proxy.address) as client:
        with pytest.raises((Truncated, ConnectionError)):
            client.get("/slow", version=version)
    backend.wait(lambda b: b.connections[0].ended_by == "holdfast", "it is retired")
    assert fetch(proxy.address, "/next").text == "GET /next 0 2.1\n"


def test_a_backend_that_goes_on_is_no_timeout(stage):
    def slow(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for byte in b"ten bytes.":
            assert connection.holdfast_waits(0.05)
            connection.send(bytes([byte]))
    _, proxy = upstream_with(stage, slow, read="400ms", response="400ms")
    assert fetch(proxy.address, "/slow").body == b"ten bytes."


def test_a_backend_that_does_not_take_the_request_is_a_gateway_timeout(stage):
    over = threading.Event()

    def deaf(connection):
        connection.read_head()
        connection.pause_until(over)
    backend, proxy = upstream_with(stage, deaf, write="300ms")
    before = proxy.descriptors()
    with Client(proxy.address) as client:
        client.ask("PUT", "/slow", [("Content-Length", str(1 << 30))])
        client.sock.setblocking(False)
        wait_until(lambda: answered_while_sending(client), "an answer, or the end")
        client.sock.settimeout(PATIENCE)
        assert closes_with(client) in (504, None)
    # The end of the stream waits behind what the backend does not take; holdfast has closed it.
    wait_until(lambda: proxy.descriptors() <= before, "it is retired")
    over.set()
    assert fetch(proxy.address, "/next").text == "GET /next 0 2.1\n"


def answered_while_sending(client: Client) -> bool:
    """Goes on with an endless body; true once there is something to read, or nobody to write to."""
    try:
        client.sock.send(b"x" * 65536)
    except BlockingIOError:
        pass
    except ConnectionError:
        return True
    try:
        return client.sock.recv(1, socket.MSG_PEEK) is not None
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_a_backend_that_does_not_accept_is_a_gateway_timeout(stage):
    hole = stage.adopt(BlackHole())
    proxy = stage.proxy(hole.server, upstream={"timeouts": {"connect": SHORT}})
    watch = Stopwatch()
    with Client(proxy.address) as client:
        assert client.exchange("POST", "/", body=b"hello").status == 504
    assert 0.15 < watch.seconds < PATIENCE
