"""Clients of both versions: how their connections live, and how bodies reach them."""

import pytest

from harness.client import Client, fetch
from harness.messages import Ended, Truncated, encode_chunks
from harness.scripts import answer, keep_alive, keep_alive_10, one_by_one, raw

KEEP = ("Connection", "keep-alive")
CLOSE = ("Connection", "close")


@pytest.fixture
def origin(stage):
    return stage.backend(keep_alive())


@pytest.fixture
def proxy(stage, origin):
    return stage.proxy(origin)


def test_an_http_1_1_client_keeps_its_connection(proxy):
    with Client(proxy.address) as client:
        for ordinal in range(1, 6):
            reply = client.get(f"/{ordinal}")
            assert reply.text == f"GET /{ordinal} 0 1.{ordinal}\n"
            assert "close" not in reply.fields.tokens("Connection")


def test_an_http_1_1_client_that_says_close_is_closed(proxy):
    with Client(proxy.address) as client:
        assert client.get("/a", [CLOSE]).fields.tokens("Connection") == ["close"]
        assert client.ends()


def test_an_http_1_0_client_is_closed_after_its_answer(proxy):
    with Client(proxy.address) as client:
        reply = client.get("/a", version="1.0")
        assert reply.text == "GET /a 0 1.1\n"
        assert "keep-alive" not in reply.fields.tokens("Connection")
        assert client.ends()


def test_an_http_1_0_client_that_asks_for_keep_alive_gets_it(proxy):
    with Client(proxy.address) as client:
        for ordinal in range(1, 4):
            reply = client.get("/a", [KEEP], version="1.0")
            assert reply.fields.tokens("Connection") == ["keep-alive"]
            assert reply.text == f"GET /a 0 1.{ordinal}\n"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("script", [keep_alive(), keep_alive_10], ids=["to-1.1", "to-1.0"])
def test_a_status_line_always_carries_our_own_version(stage, version, script):
    proxy = stage.proxy(stage.backend(script))
    with Client(proxy.address) as client:
        assert client.get("/", [KEEP], version=version).version == "1.1"


def test_the_last_request_of_max_requests_closes_the_client(stage, origin):
    proxy = stage.proxy(origin, listener={"max_requests": 2})
    with Client(proxy.address) as client:
        assert "close" not in client.get("/1").fields.tokens("Connection")
        assert client.get("/2").fields.tokens("Connection") == ["close"]
        assert client.ends()


def test_pipelined_requests_are_answered_in_order(proxy, origin):
    count = 20
    with Client(proxy.address) as client:
        client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(count)))
        assert [client.answer().text.split()[1] for _ in range(count)] == [
            f"/{n}" for n in range(count)]
    assert origin.max_open == 1  # One exchange at a time.


def test_a_flood_of_pipelined_requests_is_answered_in_order(proxy):
    # More than one block of them, sent before the first answer is read.
    count, padding = 400, "p" * 500
    with Client(proxy.address) as client:
        client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\nX-Padding: %s\r\n\r\n"
                             % (n, padding.encode()) for n in range(count)))
        for n in range(count):
            assert client.answer().text.split()[1] == f"/{n}"


def test_pipelined_requests_with_bodies_keep_their_bounds(proxy):
    chunked = b"POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with Client(proxy.address) as client:
        client.send(b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 18\r\n\r\nGET /evil HTTP/1.1"
                    + chunked + encode_chunks(b"GET /evil HTTP/1.1\r\n\r\n")
                    + b"GET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert [client.answer().text.rsplit(" ", 1)[0] for _ in range(3)] == [
            "POST /1 18", "POST /2 22", "GET /3 0"]


def test_bytes_behind_a_closing_request_are_never_parsed(proxy, origin):
    with Client(proxy.address) as client:
        client.send(b"GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                    b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.answer().text.startswith("GET /1 ")
        assert client.ends()
    assert origin.executions == {"/1": 1}


def test_a_request_that_arrives_byte_by_byte_is_one_request(proxy):
    with Client(proxy.address) as client:
        for byte in b"POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + (
                encode_chunks(b"twelve bytes", 5)):
            client.send(bytes([byte]))
        assert client.answer().text == "POST /slow 12 1.1\n"


def test_an_answer_that_arrives_byte_by_byte_is_one_answer(stage):
    def drip(connection):
        connection.read_request()
        for byte in (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n"
                     + encode_chunks(b"twelve bytes", 5)):
            connection.send(bytes([byte]))
    proxy = stage.proxy(stage.backend(drip))
    with Client(proxy.address) as client:
        assert client.get("/").body == b"twelve bytes"


def test_head_gets_the_length_but_no_body(proxy):
    with Client(proxy.address) as client:
        reply = client.exchange("HEAD", "/a")
        assert int(reply.fields.get("Content-Length")) > 0
        assert client.get("/b").text == "GET /b 0 1.2\n"  # No body is left over.


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_body_leaves_both_connections_in_order(stage, status):
    def script(connection):
        connection.read_request()
        connection.reply(status=status, fields=[("ETag", '"e"')])
        keep_alive()(connection)
    proxy = stage.proxy(stage.backend(script))
    with Client(proxy.address) as client:
        reply = client.get("/a")
        assert (reply.status, reply.fields.get("ETag")) == (status, '"e"')
        assert "Transfer-Encoding" not in reply.fields
        assert client.get("/b").text == "GET /b 0 1.2\n"


def test_the_length_of_a_304_is_not_a_body(stage):
    # A legal 304 announces the length of what it stands for; nothing follows it.
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")
        keep_alive()(connection)
    proxy = stage.proxy(stage.backend(script))
    with Client(proxy.address) as client:
        assert client.get("/a").status == 304
    assert fetch(proxy.address, "/b").text.startswith("GET /b 0 ")


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 300_000])
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_answers_of_any_size_and_framing_arrive_whole(stage, dice, size, framing, version):
    body = dice.randbytes(size)
    proxy = stage.proxy(stage.backend(keep_alive_of(body, framing)))
    with Client(proxy.address) as client:
        for _ in range(2 if version == "1.1" else 1):
            reply = client.get("/", version=version)
            assert reply.body == body
            assert reply.framing == expected_framing(framing, version)
        if version == "1.0":
            assert client.ends()


def keep_alive_of(body: bytes, framing: str):
    def script(connection):
        while connection.open:
            answer(connection, connection.read_request(), body, framing=framing)
    return script


def expected_framing(framing: str, version: str) -> str:
    if framing == "length":
        return "length"
    return "chunked" if version == "1.1" else "close"


def test_a_close_delimited_answer_cannot_keep_an_http_1_0_client(stage):
    proxy = stage.proxy(stage.backend(keep_alive_of(b"all of it", "chunked")))
    with Client(proxy.address) as client:
        reply = client.get("/", [KEEP], version="1.0")
        assert (reply.framing, reply.body) == ("close", b"all of it")
        assert "keep-alive" not in reply.fields.tokens("Connection")


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 300_000])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_requests_of_any_size_and_framing_arrive_whole(proxy, origin, dice, size, framing):
    body = dice.randbytes(size)
    with Client(proxy.address) as client:
        if framing == "length":
            client.ask("PUT", "/", body=body)
        else:
            client.ask("PUT", "/", [("Transfer-Encoding", "chunked")])
            client.send(encode_chunks(body, 9999))
        assert client.answer().text == f"PUT / {size} 1.1\n"
    assert origin.requests[0].body == body


def test_a_body_and_its_answer_may_flow_at_the_same_time(stage):
    # The backend answers each piece before the next one is sent.
    def mirror(connection):
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n")
        for _ in range(4):
            connection.send(connection.wire.exactly(10).upper())
    proxy = stage.proxy(stage.backend(mirror))
    with Client(proxy.address) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n")
        client.wire.until(b"\r\n\r\n")
        for _ in range(4):
            client.send(b"ten bytes.")
            assert client.wire.exactly(10) == b"TEN BYTES."


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("reply", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
], ids=["length", "in-a-chunk", "between-chunks"])
def test_a_truncated_answer_is_seen_to_be_truncated(stage, reply, version):
    def cut(connection):
        connection.read_request()
        connection.send(reply)
    proxy = stage.proxy(stage.backend(one_by_one(cut, keep_alive())))
    with Client(proxy.address) as client:
        assert outcome(client, version) in ("seen", 502)
    assert fetch(proxy.address, "/next").text.startswith("GET /next ")


def outcome(client: Client, version: str) -> str | int:
    """'seen' if the client can tell that its answer is cut short, else its status."""
    try:
        return client.get("/", version=version).status
    except (Truncated, Ended, ConnectionError):
        return "seen"


def test_bytes_behind_an_answer_are_dropped_and_retire_the_connection(stage):
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    backend = stage.backend(one_by_one(
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" + evil), keep_alive()))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        assert client.get("/1").body == b"hi"
        assert client.get("/2").text == "GET /2 0 2.1\n"
    assert backend.connections[0].ended_by == "holdfast"
