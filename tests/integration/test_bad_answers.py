"""Answers that are none: 502 where nothing was said yet, and the connection is never used again."""

import pytest

from harness.client import Client, fetch
from harness.messages import Ended, Truncated
from harness.scripts import keep_alive, one_by_one

OK = b"HTTP/1.1 200 OK\r\n"

MALFORMED = {
    "leading-junk": b"xHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "http-0.9": b"<html>hello\r\n\r\n",
    "ssh-banner": b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
    "tls-alert": b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
    "icy": b"ICY 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "http-2": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "http-1.2": b"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "lower-case-version": b"http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "status-of-four-digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "status-099": b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
    "no-status": b"HTTP/1.1  OK\r\nContent-Length: 0\r\n\r\n",
    "tab-before-the-status": b"HTTP/1.1\t200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "cr-in-the-reason": b"HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n",
    "lf-behind-the-reason": b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    "folded-field": OK + b"Content-Length: 2\r\nX: a\r\n b\r\n\r\nhi",
    "nul-in-a-value": OK + b"Content-Length: 2\r\nX: a\x00b\r\n\r\nhi",
    "blank-before-colon": OK + b"Content-Length : 2\r\n\r\nhi",
    "two-equal-lengths": OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "signed-length": OK + b"Content-Length: +2\r\n\r\nhi",
    "length-and-chunked": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "gzip-coding": OK + b"Transfer-Encoding: gzip\r\n\r\nhello",
    "empty-coding": OK + b"Transfer-Encoding:\r\nContent-Length: 2\r\n\r\nhi",
    "chunked-http-1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "interim-of-http-1.0": b"HTTP/1.0 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    "interim-with-a-body": b"HTTP/1.1 103 Hint\r\nContent-Length: 5\r\n\r\nhello" + OK + b"\r\n",
    "switch-without-upgrade": b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK + b"\r\n",
    "head-too-large": OK + b"X: " + b"x" * 66_000 + b"\r\n\r\n",
}

# What follows the head is broken: the head may be with the client already.
BROKEN_BODIES = {
    "chunk-size": b"x\r\nhi\r\n0\r\n\r\n",
    "negative-chunk-size": b"-2\r\nhi\r\n0\r\n\r\n",
    "chunk-without-crlf": b"2\r\nhiXX0\r\n\r\n",
    "chunk-size-that-overflows": b"fffffffffffffffff\r\nhi",
    "lf-behind-the-size": b"2\nhi\r\n0\r\n\r\n",
    "cut-in-the-size": b"2",
    "cut-in-the-chunk": b"5\r\nhi",
    "cut-before-the-last-chunk": b"2\r\nhi\r\n",
    "cut-in-the-last-chunk": b"2\r\nhi\r\n0\r\n",
}

# Answers that are to be delivered, but cost their connection.
SPENT = {
    "bytes-behind-the-length": (OK + b"Content-Length: 2\r\n\r\nhiEXTRA", b"hi"),
    "body-behind-204": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", b""),
    "body-behind-304": (b"HTTP/1.1 304 Not Modified\r\n\r\nhello", b""),
    "close": (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    "close-and-a-tab": (OK + b"Connection: close\t\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    "close-in-a-list": (OK + b"Connection: x, Close\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    "http-1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
}


def saying(content: bytes, then: str):
    """Answers with these bytes, then closes or waits."""
    def script(connection):
        connection.read_request()
        connection.send(content)
        if then == "waits":
            connection.wire.rest()
    return script


@pytest.mark.parametrize("then", ["waits", "closes"])
@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_answer_is_a_bad_gateway(stage, case, then):
    backend = stage.backend(one_by_one(saying(MALFORMED[case], then), keep_alive()))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        assert client.get("/bad").status == 502
        assert client.get("/good").text == "GET /good 0 2.1\n"  # The client keeps its connection.
    backend.wait(lambda b: not b.connections[0].open, "the connection retired")
    assert backend.executions["/bad"] == 1


@pytest.mark.parametrize("case", BROKEN_BODIES)
def test_a_broken_body_is_cut_where_the_client_can_see_it(stage, case):
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    then = "closes" if case.startswith("cut") else "waits"
    backend = stage.backend(one_by_one(saying(head + BROKEN_BODIES[case], then), keep_alive()))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        try:
            assert client.get("/bad").status == 502
        except (Truncated, Ended, ConnectionError):
            pass
    assert fetch(proxy.address, "/good").text == "GET /good 0 2.1\n"
    backend.wait(lambda b: not b.connections[0].open, "the connection retired")


@pytest.mark.parametrize("case", SPENT)
def test_an_answer_may_be_good_and_its_connection_spent(stage, case):
    content, body = SPENT[case]
    backend = stage.backend(one_by_one(saying(content, "waits"), keep_alive()))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        assert client.get("/1").body == body
        assert client.get("/2").text == "GET /2 0 2.1\n"


@pytest.mark.parametrize("content", [
    OK + b"Content-Length: 5\r\n\r\nhello",
    OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
], ids=["length", "chunked"])
def test_a_body_behind_an_answer_to_head_is_not_passed_on(stage, content):
    backend = stage.backend(one_by_one(saying(content, "waits"), keep_alive()))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        assert client.exchange("HEAD", "/1").status == 200
        assert client.get("/2").text == "GET /2 0 2.1\n"


def test_an_early_answer_stops_the_upload(stage):
    # The backend refuses before it has read the body, and reads no more of it.
    def script(connection):
        connection.read_head()
        connection.reply(b"too much", status=413)
        connection.wire.rest()
    backend = stage.backend(one_by_one(script, keep_alive()))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        client.ask("POST", "/bad", [("Content-Length", str(100 << 20))])
        client.send(b"x" * 20_000)
        reply = client.answer()
        assert (reply.status, reply.body) == (413, b"too much")
    backend.wait(lambda b: not b.connections[0].open, "the connection retired")
    assert fetch(proxy.address, "/good").text == "GET /good 0 2.1\n"


def test_no_backend_is_service_unavailable_at_once(stage):
    backend = stage.backend(keep_alive())
    backend.kill()
    proxy = stage.proxy(backend)
    for method, body in (("GET", None), ("POST", b"hello"), ("HEAD", None)):
        assert fetch(proxy.address, "/", method=method, body=body).status == 503


def test_an_answer_of_our_own_does_not_cost_the_client_its_connection(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        assert client.get("/1").status == 200
        backend.kill()
        backend.wait_for_open(0)
        for _ in range(2):
            assert client.get("/2").status == 503
        backend.listen(backend.address)
        assert client.get("/3").text.startswith("GET /3 ")


def test_a_backend_that_comes_back_is_found_again(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend)
    assert fetch(proxy.address, "/").status == 200
    backend.kill()
    assert fetch(proxy.address, "/").status == 503
    backend.listen(backend.address)
    assert fetch(proxy.address, "/back").text.startswith("GET /back ")


def test_answers_of_our_own_say_what_is_wrong(stage):
    backend = stage.backend(saying(b"garbage\r\n\r\n", "closes"))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        reply = client.get("/")
        assert reply.status == 502
        assert reply.text.strip() == "The backend's answer is not valid HTTP/1.x."
        head = client.exchange("HEAD", "/")
        assert head.status == 502
        assert client.get("/").status == 502  # HEAD had no body: the connection is in order.
