"""Answers that come before their request is sent: they arrive, and the upload is stopped."""

import threading

import pytest

from harness.client import CLOSE, Client, fetch
from harness.messages import encode_head
from harness.scripts import keep_alive, one_by_one

HUGE = 100 << 20
PIECE = b"x" * 65536


class Upload:
    """Sends a body in a thread of its own while the test reads the answer."""

    def __init__(self, client: Client, bytes_in_all: int = HUGE, chunked: bool = False) -> None:
        self.sent = 0
        self._client = client
        self._left = bytes_in_all
        self._chunked = chunked
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        try:
            while self._left > 0:
                self._client.send(b"10000\r\n" + PIECE + b"\r\n" if self._chunked else PIECE)
                self._left -= len(PIECE)
                self.sent += len(PIECE)
        except OSError:
            pass  # It was stopped, which is right.

    def ends(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive(), "the upload was neither taken nor stopped"


def early(status: int, then: str, body: bytes = b"an early answer"):
    """Answers as soon as the head is there."""
    def script(connection):
        connection.read_head()
        connection.reply(body, status=status)
        if then == "stops-reading":
            connection.wait_until_left()
        elif then == "reads-on":
            while connection.wire.more():
                connection.wire.take(len(connection.wire.buffer))
    return script


def framing(chunked: bool) -> tuple[str, str]:
    return ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(HUGE))


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("then", ["closes", "stops-reading", "reads-on"])
@pytest.mark.parametrize("status", [200, 413])
def test_an_early_answer_arrives_whole_and_ends_the_upload(stage, status, then, chunked):
    backend = stage.backend(one_by_one(early(status, then), keep_alive()))
    proxy = stage.proxy(backend, upstream={"protocol": "http/1.1"})
    backend.expects_broken_requests = True
    with Client(proxy.address) as client:
        client.send(encode_head("POST /early HTTP/1.1", [("Host", "a"), framing(chunked)]))
        upload = Upload(client, chunked=chunked)
        reply = client.answer()
        assert (reply.status, reply.body) == (status, b"an early answer")
        assert "close" in reply.fields.tokens("Connection")
        upload.ends()
        assert upload.sent < HUGE
    print(f"{upload.sent >> 10} KiB of the upload were sent")
    backend.wait(lambda b: not b.connections[0].open, "the connection retired")
    assert fetch(proxy.address, "/good").text == "GET /good 0 2.1\n"
    assert proxy.retirements()["request_unsent"] == 1


def test_an_early_answer_may_be_longer_than_its_request(stage):
    # The head of the answer comes before the body is sent, its end long after.
    go_on = threading.Event()

    def script(connection):
        request = connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
        connection.read_body(request)
        connection.pause_until(go_on)
        connection.send(b"llo")
        keep_alive()(connection)
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
        assert client.wire.until(b"\r\n\r\n")
        client.send(b"x" * 10)
        go_on.set()
        assert client.wire.exactly(5) == b"hello"
        assert client.ends()  # It was told so: whether the request ends before the answer was open.
    # All of the request was sent before the answer ended, so nothing is wrong with the connection.
    assert fetch(proxy.address, "/next").text.endswith(" 1.2\n")


def test_an_early_answer_with_bytes_behind_it_gives_them_to_nobody(stage):
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

    def script(connection):
        connection.read_head()
        connection.send(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno" + evil)
        connection.wait_until_left()
    backend = stage.backend(one_by_one(script, keep_alive()))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
        reply = client.answer()
        assert (reply.status, reply.body) == (413, b"no")
        client.send(b"x" * 10 + b"GET /pipelined HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.rest() == b""
    assert fetch(proxy.address, "/next").text == "GET /next 0 2.1\n"
    assert "/pipelined" not in backend.executions


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_a_backend_that_leaves_in_the_middle_of_an_upload_is_answered_for(stage, how):
    def script(connection):
        connection.read_head()
        connection.wire.exactly(1 << 20)
        if how == "reset":
            connection.reset()
    backend = stage.backend(one_by_one(script, keep_alive()))
    backend.expects_broken_requests = True
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        client.send(encode_head("POST /cut HTTP/1.1", [("Host", "a"), framing(False)]))
        upload = Upload(client)
        assert client.answer().status == 502
        upload.ends()
    assert fetch(proxy.address, "/next").text == "GET /next 0 2.1\n"
    assert backend.executions == {"/next": 1}
    assert proxy.retirements()["broken"] == 1


def test_an_early_answer_before_a_backend_resets_is_not_lost(stage):
    # It answers and closes with bytes unread, so that its kernel sends a reset behind the answer.
    def script(connection):
        connection.read_head()
        connection.wire.exactly(1 << 20)
        connection.reply(b"enough", status=413, fields=[CLOSE])
    backend = stage.backend(one_by_one(script, keep_alive()))
    backend.expects_broken_requests = True
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        client.send(encode_head("POST /cut HTTP/1.1", [("Host", "a"), framing(False)]))
        upload = Upload(client)
        assert client.answer().status == 413
        upload.ends()
    assert fetch(proxy.address, "/next").text == "GET /next 0 2.1\n"
