"""Answers that are none: 502 where nothing was said yet, and the connection is never used again."""

import threading

import pytest

from harness.client import Client, fence, fetch
from harness.messages import Ended, Truncated
from harness.scripts import answer, keep_alive, one_by_one

OK = b"HTTP/1.1 200 OK\r\n"

MALFORMED = {
    "leading-junk": b"xHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "http-0.9": b"<html>hello\r\n\r\n",
    "ssh-banner": b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
    "ssh-banner-alone": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "tls-alert": b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
    "tls-alert-alone": b"\x15\x03\x01\x00\x02\x02\x46",
    "smtp-greeting": b"220 mail.example ESMTP\r\n",
    "redis-error": b"-ERR unknown command 'GET'\r\n",
    "http-2-settings": b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "http-0.9-alone": b"<html>hello</html>",
    "empty-line": b"\r\n" + OK + b"Content-Length: 2\r\n\r\nhi",
    "a-request": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
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
    "two-lengths": OK + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\nhello",
    "list-of-equal-lengths": OK + b"Content-Length: 5, 5\r\n\r\nhello",
    "list-of-lengths": OK + b"Content-Length: 2, 5\r\n\r\nhello",
    "length-and-a-comma": OK + b"Content-Length: 2,\r\n\r\nhi",
    "length-of-2-to-the-63": OK + b"Content-Length: 9223372036854775808\r\n\r\nhi",
    "length-of-2-to-the-64": OK + b"Content-Length: 18446744073709551616\r\n\r\nhi",
    "length-of-2-to-the-64-and-2": OK + b"Content-Length: 18446744073709551618\r\n\r\nhi",
    "length-of-20-zeros": OK + b"Content-Length: 00000000000000000000\r\n\r\n",
    "empty-length": OK + b"Content-Length:\r\n\r\nhi",
    "blank-length": OK + b"Content-Length: \t \r\n\r\nhi",
    "hexadecimal-length": OK + b"Content-Length: 0x2\r\n\r\nhi",
    "length-with-a-blank": OK + b"Content-Length: 1 2\r\n\r\ntwelve bytes",
    "length-with-a-point": OK + b"Content-Length: 2.0\r\n\r\nhi",
    "length-with-an-underscore": OK + b"Content-Length: 1_0\r\n\r\n" + b"x" * 10,
    "negative-length": OK + b"Content-Length: -2\r\n\r\nhi",
    "negative-length-of-204": b"HTTP/1.1 204 No\r\nContent-Length: -2\r\n\r\n",
    "connection-names-the-length": OK + b"Connection: content-length\r\n"
                                   b"Content-Length: 2\r\n\r\nhi",
    "connection-names-the-coding": OK + b"Connection: Transfer-Encoding\r\n"
                                   b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two-codings": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"0\r\n\r\n",
    "chunked-twice": OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "signed-length": OK + b"Content-Length: +2\r\n\r\nhi",
    "length-and-chunked": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "gzip-coding": OK + b"Transfer-Encoding: gzip\r\n\r\nhello",
    "empty-coding": OK + b"Transfer-Encoding:\r\nContent-Length: 2\r\n\r\nhi",
    "chunked-http-1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "interim-of-http-1.0": b"HTTP/1.0 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    "interim-with-a-body": b"HTTP/1.1 103 Hint\r\nContent-Length: 5\r\n\r\nhello" + OK + b"\r\n",
    "interim-of-no-bytes": b"HTTP/1.1 103 Hint\r\nContent-Length: 0\r\n\r\n" + OK + b"\r\n",
    "interim-in-chunks": b"HTTP/1.1 103 Hint\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + OK,
    "switch": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw",
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
    "lf-behind-the-chunk": b"2\r\nhi\n0\r\n\r\n",
    "cr-behind-the-size": b"2\rXhi\r\n0\r\n\r\n",
    "junk-behind-the-size": b"2 junk\r\nhi\r\n0\r\n\r\n",
    "chunk-size-in-base-16": b"0x2\r\nhi\r\n0\r\n\r\n",
    "signed-chunk-size": b"+2\r\nhi\r\n0\r\n\r\n",
    "chunk-size-with-an-underscore": b"1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n",
    "empty-chunk-size": b"\r\nhi\r\n0\r\n\r\n",
    "lf-behind-an-extension": b"2;a=b\nhi\r\n0\r\n\r\n",
    "folded-trailer": b"2\r\nhi\r\n0\r\nX: a\r\n b\r\n\r\n",
    "lf-behind-a-trailer": b"2\r\nhi\r\n0\r\nX: a\n\r\n",
    "cut-in-the-size": b"2",
    "cut-in-the-chunk": b"5\r\nhi",
    "cut-before-the-last-chunk": b"2\r\nhi\r\n",
    "cut-in-the-last-chunk": b"2\r\nhi\r\n0\r\n",
}

# Answers that are to be delivered, but cost their connection.
SPENT = {
    "bytes-behind-the-length": (OK + b"Content-Length: 2\r\n\r\nhiEXTRA", b"hi", "extra_bytes"),
    "a-line-behind-the-length": (OK + b"Content-Length: 2\r\n\r\nhi\r\n", b"hi", "extra_bytes"),
    "bytes-behind-the-last-chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
                                    b"\r\n", b"hi", "extra_bytes"),
    "an-answer-behind-the-length": (OK + b"Content-Length: 2\r\n\r\nhi" + OK +
                                    b"Content-Length: 4\r\n\r\nevil", b"hi", "extra_bytes"),
    "body-of-204": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", b"",
                    "extra_bytes"),
    "body-of-205": (b"HTTP/1.1 205 Reset\r\nContent-Length: 5\r\n\r\nhello", b"", "extra_bytes"),
    "body-of-304": (b"HTTP/1.1 304 Not Modified\r\n\r\nhello", b"", "extra_bytes"),
    "chunks-of-204": (b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                      b"", "extra_bytes"),
    "chunks-of-205": (b"HTTP/1.1 205 Reset\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"
                      b"0\r\n\r\n", b"", "extra_bytes"),
    "chunks-of-304": (b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                      b"", "extra_bytes"),
    # A body that is announced and may not be: it would come later, so nobody waits for it.
    "length-of-204": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", b"",
                      "closed_by_backend"),
    "205-without-a-length": (b"HTTP/1.1 205 Reset\r\n\r\n", b"", "closed_by_backend"),
    "close": (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi", b"hi",
              "closed_by_backend"),
    "close-and-a-tab": (OK + b"Connection: close\t\r\nContent-Length: 2\r\n\r\nhi", b"hi",
                        "closed_by_backend"),
    "close-in-a-list": (OK + b"Connection: x, Close\r\nContent-Length: 2\r\n\r\nhi", b"hi",
                        "closed_by_backend"),
    "connection-is-no-token": (OK + b"Connection: a b\r\nContent-Length: 2\r\n\r\nhi", b"hi",
                               "closed_by_backend"),
    "http-1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi", "no_keep_alive"),
    "http-1.0-and-bytes": (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n"
                           b"hiEXTRA", b"hi", "extra_bytes"),
    "bad-request": (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nhi", b"hi",
                    "doubted_by_backend"),
    "request-timeout": (b"HTTP/1.1 408 Timeout\r\nContent-Length: 2\r\n\r\nhi", b"hi",
                        "doubted_by_backend"),
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
    assert proxy.retirements()["malformed_response"] == 1


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
    reason = "broken" if case.startswith("cut") else "malformed_response"
    assert proxy.retirements()[reason] == 1


@pytest.mark.parametrize("case", SPENT)
def test_an_answer_may_be_good_and_its_connection_spent(stage, case):
    content, body, reason = SPENT[case]
    backend = stage.backend(one_by_one(saying(content, "waits"), keep_alive()))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        assert client.get("/1").body == body
        assert client.get("/2").text == "GET /2 0 2.1\n"
    assert proxy.retirements()[reason] == 1


STRAY = {
    "12-bytes": b"twelve bytes",
    "one-byte": b"H",
    "a-line": b"\r\n",
    "an-interim-answer": b"HTTP/1.1 100 Continue\r\n\r\n",
    "a-whole-answer": OK + b"Content-Length: 4\r\n\r\nevil",
    "a-timeout": b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("then", ["waits", "closes"])
@pytest.mark.parametrize("case", STRAY)
def test_bytes_that_nobody_asked_for_reach_nobody(stage, case, then):
    speak = threading.Event()

    def script(connection):
        answer(connection, connection.read_request())
        connection.pause_until(speak)
        connection.send(STRAY[case])
        if then == "waits":
            connection.wait_for_end()
    backend = stage.backend(one_by_one(script, keep_alive()))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        assert client.get("/1").text == "GET /1 0 1.1\n"
        speak.set()
        backend.wait(lambda b: not b.connections[0].open, "the connection retired")
        fence(proxy.address)
        for method in ("GET", "POST"):
            assert client.exchange(method, "/2").text.startswith(f"{method} /2 0 2.")
    assert proxy.retirements()["spoke_while_idle"] == 1


@pytest.mark.parametrize("content", [
    OK + b"Content-Length: 5\r\n\r\nhello",
    OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    OK + b"\r\nhello",
], ids=["length", "chunked", "close"])
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
        assert "\nThe backend's answer is not valid HTTP/1.x. " in reply.text
        head = client.exchange("HEAD", "/")
        assert head.status == 502
        assert client.get("/").status == 502  # HEAD had no body: the connection is in order.
