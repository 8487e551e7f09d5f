"""HTTP/1.0 backends are first-class: pooled where they can be, spared where they cannot."""

import pytest

from harness.client import Client, fetch
from harness.messages import encode_chunks
from harness.scripts import (answer, close_delimited_10, closing_10, keep_alive, keep_alive_10,
                             own_body)
from harness.waiting import WATCH

OLD = {"protocol": "http/1.0"}
CHUNKED = ("Transfer-Encoding", "chunked")


def test_keep_alive_is_asked_for_and_believed(stage):
    backend = stage.backend(keep_alive_10)
    proxy = stage.proxy(backend, upstream=OLD)
    for ordinal in range(1, 6):
        assert fetch(proxy.address, "/").text == f"GET / 0 1.{ordinal}\n"
    for request in backend.requests:
        assert request.version == "1.0"
        assert request.fields.tokens("Connection") == ["keep-alive"]


def test_keep_alive_without_a_length_is_not_believed(stage):
    def script(connection):
        request = connection.read_request()
        connection.reply(own_body(request), fields=[("Connection", "keep-alive")], version="1.0",
                         framing="close")
    backend = stage.backend(script)
    proxy = stage.proxy(backend, upstream=OLD)
    for number in range(1, 4):
        assert fetch(proxy.address, "/").text == f"GET / 0 {number}.1\n"


def test_a_length_without_keep_alive_is_not_pooled(stage):
    def script(connection):
        answer(connection, connection.read_request(), version="1.0")
        connection.holdfast_waits(30)  # It could be used again; nobody said that it may.
    backend = stage.backend(script)
    proxy = stage.proxy(backend, upstream={**OLD, "pool": {"max_connections": 64}})
    for number in range(1, 4):
        assert fetch(proxy.address, "/").text == f"GET / 0 {number}.1\n"


@pytest.mark.parametrize("script, version", [(keep_alive_10, "1.0"), (keep_alive(), "1.1")],
                         ids=["1.0", "1.1"])
def test_auto_speaks_the_version_that_was_answered(stage, script, version):
    backend = stage.backend(script)
    proxy = stage.proxy(backend, upstream={"protocol": "auto"})
    for _ in range(3):
        assert fetch(proxy.address, "/").status == 200
    assert [request.version for request in backend.requests[1:]] == [version] * 2
    assert backend.accepted == 1


def test_auto_remembers_for_connections_to_come(stage):
    backend = stage.backend(closing_10)
    proxy = stage.proxy(backend)
    fetch(proxy.address, "/first")
    with Client(proxy.address) as client:
        client.ask("POST", "/", [CHUNKED])
        client.send(encode_chunks(b"hello"))
        assert client.answer().text == "POST / 5 2.1\n"
    assert backend.requests[1].version == "1.0"
    assert backend.requests[1].fields.get("Content-Length") == "5"


def test_http_1_1_is_never_spoken_to_an_http_1_0_upstream(stage):
    backend = stage.backend(keep_alive())  # It answers 1.1 all the same.
    proxy = stage.proxy(backend, upstream=OLD)
    for _ in range(3):
        fetch(proxy.address, "/")
    assert {request.version for request in backend.requests} == {"1.0"}


@pytest.mark.parametrize("size", [0, 1, 5000, 70_000, 300_000])
def test_a_chunked_request_is_buffered_to_a_length(stage, dice, size):
    body = dice.randbytes(size)
    backend = stage.backend(keep_alive_10)
    proxy = stage.proxy(backend, upstream=OLD)
    with Client(proxy.address) as client:
        for ordinal in (1, 2):
            client.ask("POST", "/", [CHUNKED])
            client.send(encode_chunks(body, 7001))
            assert client.answer().text == f"POST / {size} 1.{ordinal}\n"
    for request in backend.requests:
        assert request.fields.get("Content-Length") == str(size)
        assert "Transfer-Encoding" not in request.fields
        assert request.body == body


def test_a_chunked_request_beyond_the_buffer_is_too_large(stage):
    backend = stage.backend(keep_alive_10)
    proxy = stage.proxy(backend, upstream={**OLD, "limits": {"chunked_body": "1k"}})
    with Client(proxy.address) as client:
        client.ask("POST", "/", [CHUNKED])
        client.send(encode_chunks(b"x" * 1025, 100))
        assert client.answer().status == 413
        assert client.ends()
    assert backend.received_bytes == 0
    with Client(proxy.address) as client:
        client.ask("POST", "/", [CHUNKED])
        client.send(encode_chunks(b"x" * 1024, 100))
        assert client.answer().text == "POST / 1024 1.1\n"


def test_a_chunked_request_takes_no_connection_before_it_is_whole(stage):
    backend = stage.backend(keep_alive_10)
    proxy = stage.proxy(backend, upstream={**OLD, "pool": {"max_connections": 1}})
    with Client(proxy.address) as slow:
        slow.ask("POST", "/slow", [CHUNKED])
        slow.send(b"5\r\nhel")
        assert fetch(proxy.address, "/other").text == "GET /other 0 1.1\n"
        slow.send(b"lo\r\n0\r\n\r\n")
        assert slow.answer().text == "POST /slow 5 1.2\n"


def test_a_close_delimited_answer_keeps_an_http_1_1_client(stage):
    backend = stage.backend(close_delimited_10)
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        for number in range(1, 6):
            reply = client.get("/")
            assert (reply.framing, reply.text) == ("chunked", f"GET / 0 {number}.1\n")


def test_a_close_delimited_answer_may_be_empty(stage):
    def script(connection):
        connection.read_request()
        connection.reply(b"", version="1.0", framing="close")
    proxy = stage.proxy(stage.backend(script))
    with Client(proxy.address) as client:
        for _ in range(2):
            assert client.get("/").body == b""


@pytest.mark.parametrize("script", [closing_10, close_delimited_10])
def test_a_backend_that_closes_each_time_still_works(stage, script):
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    for number in range(1, 21):
        assert fetch(proxy.address, f"/{number}").text == f"GET /{number} 0 {number}.1\n"
    assert all(count == 1 for count in backend.executions.values())


def test_a_backend_that_will_close_is_let_close_first(stage):
    # Who closes first keeps the TIME_WAIT.
    waited = []

    def script(connection):
        request = connection.read_request()
        answer(connection, request, version="1.0", fields=[("Connection", "close")])
        waited.append(connection.holdfast_waits(WATCH))
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    for _ in range(2):
        assert fetch(proxy.address, "/").status == 200
    backend.wait(lambda b: b.open == 0 and len(waited) == 2, "both closed")
    assert waited == [True, True]
    assert {connection.ended_by for connection in backend.connections} == {"backend"}


def test_an_answer_does_not_wait_for_the_close_behind_it(stage):
    def script(connection):
        answer(connection, connection.read_request(), version="1.0")
        connection.holdfast_waits(30)
    proxy = stage.proxy(stage.backend(script))
    with Client(proxy.address) as client:
        for number in (1, 2):
            assert client.get("/").text == f"GET / 0 {number}.1\n"


def test_a_closing_backend_is_not_replayed_into_twice(stage):
    # It closes without a word about it, right after each answer; GETs and POSTs alike get through.
    backend = stage.backend(closing_10)
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        for number in range(30):
            method = "POST" if number % 2 else "GET"
            body = b"x" if number % 2 else None
            assert client.exchange(method, f"/{number}", body=body).status == 200
    assert set(backend.executions.values()) == {1}
