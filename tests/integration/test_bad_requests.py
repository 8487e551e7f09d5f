"""Requests that are refused: the right status, the connection closed, and not a byte at a backend.

The codec's own tests know every form of badness; here stands one of each kind, through the whole
proxy, on a fresh connection and behind a good request.
"""

import pytest

from harness.client import Client, fetch
from harness.messages import Ended, encode_chunks
from harness.scripts import keep_alive, keep_alive_10

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
EMPTY = b"\r\n0\r\n\r\n"  # the end of a head, and a chunked body

REFUSED = {
    # Line ends, blanks and other bytes out of place.
    "lf-only": (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    "lf-after-a-field": (400, b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
    "lf-at-the-end": (400, GET + b"\n"),
    "cr-after-the-request-line": (400, b"GET / HTTP/1.1\rHost: a\r\n\r\n"),
    "cr-in-a-value": (400, GET + b"X: x\rContent-Length: 35\r\n\r\n" + SMUGGLED),
    "leading-blank": (400, b" GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "two-blanks": (400, b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "tabs": (400, b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"),
    "nul-in-the-target": (400, b"GET /\x00a HTTP/1.1\r\nHost: a\r\n\r\n"),
    "nul-in-a-value": (400, GET + b"X: a\x00b\r\n\r\n"),
    "tls": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    "proxy-protocol": (400, b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + GET + b"\r\n"),
    # Start lines.
    "http-0.9": (400, b"GET /\r\n\r\n"),
    "lower-case-version": (400, b"GET / http/1.1\r\nHost: a\r\n\r\n"),
    "long-minor-version": (400, b"GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    "http-1.2": (505, b"GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    "http-2.0": (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    "http-2-preface": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "unknown-method": (501, b"FOO / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "connect": (405, b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "trace": (405, b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "fragment": (400, b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    "star-get": (400, b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    "user-in-the-target": (400, b"GET http://u:p@a/x HTTP/1.1\r\nHost: a\r\n\r\n"),
    "other-scheme": (400, b"GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n"),
    # Host.
    "no-host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two-hosts": (400, GET + b"Host: b\r\n\r\n"),
    "host-list": (400, b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    "empty-host": (400, b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    "user-in-host": (400, b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    "another-host-than-the-targets": (400, b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    # Fields.
    "blank-before-colon": (400, GET + b"X : b\r\n\r\n"),
    "no-colon": (400, GET + b"Foo\r\n\r\n"),
    "empty-name": (400, GET + b": x\r\n\r\n"),
    "folded": (400, GET + b"X: b\r\n c\r\n\r\n"),
    "underscore": (400, POST + b"Content_Length: 5\r\n\r\nhello"),
    # Lengths.
    "two-equal-lengths": (400, POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    "two-lengths": (400, POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    "list-of-lengths": (400, POST + b"Content-Length: 5, 5\r\n\r\nhello"),
    "signed-length": (400, POST + b"Content-Length: +5\r\n\r\nhello"),
    "hexadecimal-length": (400, POST + b"Content-Length: 0x5\r\n\r\nhello"),
    "empty-length": (400, POST + b"Content-Length: \r\n\r\n"),
    "length-that-wraps-around": (400, POST + b"Content-Length: 18446744073709551621\r\n\r\nhello"),
    "folded-length": (400, POST + b"Content-Length:\r\n 5\r\n\r\nhello"),
    # Transfer codings.
    "length-and-chunked": (400, POST + b"Content-Length: 6\r\n" + CHUNKED + EMPTY + b"G"),
    "chunked-and-length": (400, POST + CHUNKED + b"Content-Length: 3\r\n" + EMPTY),
    "coding-x": (400, POST + b"Transfer-Encoding: xchunked\r\n" + EMPTY),
    "gzip-chunked": (501, POST + b"Transfer-Encoding: gzip, chunked\r\n" + EMPTY),
    "identity-chunked": (400, POST + b"Transfer-Encoding: identity, chunked\r\n" + EMPTY),
    "chunked-twice": (400, POST + CHUNKED + CHUNKED + EMPTY),
    "empty-coding": (400, POST + b"Transfer-Encoding:\r\n" + EMPTY),
    "blank-before-the-colon-of-coding": (400, POST + b"Transfer-Encoding : chunked\r\n" + EMPTY),
    "chunked-http-1.0": (400, b"POST / HTTP/1.0\r\nHost: a\r\n" + CHUNKED + EMPTY),
    # Too much of it.
    "head-too-large": (431, GET + b"X: " + b"x" * 17_000 + b"\r\n\r\n"),
    "too-many-fields": (431, GET + b"X: y\r\n" * 101 + b"\r\n"),
    "target-too-long": (414, b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    "body-too-large": (413, POST + b"Content-Length: 1001\r\n\r\n"),
    # Expectations.
    "unknown-expectation": (417, GET + b"Expect: a-miracle\r\n\r\n"),
}

BAD_CHUNKS = {
    "plus": b"+1\r\nZ\r\n0\r\n\r\n",
    "hexadecimal-prefix": b"0x1\r\nZ\r\n0\r\n\r\n",
    "underscore": b"0_1\r\nZ\r\n0\r\n\r\n",
    "empty-size": b"\r\n0\r\n\r\n",
    "blank-behind-the-size": b"1 \r\nZ\r\n0\r\n\r\n",
    "cr-behind-the-size": b"1\rXZ\r\n0\r\n\r\n",
    "lf-behind-the-size": b"1\nZ\r\n0\r\n\r\n",
    "no-crlf-behind-the-chunk": b"1\r\nZXX0\r\n\r\n",
    "short-chunk": b"1\r\nZ0\r\n\r\n",
    "size-that-overflows": b"fffffffffffffffff\r\nZ",
    "cr-x-at-the-end": b"0\r\n\rX" + SMUGGLED,
    "lf-at-the-end": b"0\n\n",
    "lf-in-an-extension": b"1;a\nZ\r\n0\r\n\r\n",
    "folded-trailer": b"0\r\nX: y\r\n z\r\n\r\n",
}


@pytest.fixture(scope="module")
def origin(table_stage):
    return table_stage.backend(keep_alive())


@pytest.fixture(scope="module")
def proxy(table_stage, origin):
    return table_stage.proxy(origin, listener={"limits": {"body": "1000b"}})


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_and_no_backend_hears_of_it(proxy, origin, case):
    status, request = REFUSED[case]
    before = origin.received_bytes
    with Client(proxy.address) as client:
        client.send(request)
        reply = client.answer()
        assert reply.status == status
        assert reply.fields.tokens("Connection") == ["close"]
        assert client.ends()
    assert origin.received_bytes == before


@pytest.mark.parametrize("case", REFUSED)
def test_behind_a_good_request_it_is_refused_as_well(proxy, origin, case):
    status, request = REFUSED[case]
    before = len(origin.requests)
    with Client(proxy.address) as client:
        client.send(b"GET /good HTTP/1.1\r\nHost: a\r\n\r\n" + request)
        assert client.answer().text.startswith("GET /good ")
        assert client.answer().status == status
        assert client.ends()
    assert [r.target for r in origin.requests[before:]] == ["/good"]


@pytest.mark.parametrize("case", BAD_CHUNKS)
def test_a_broken_chunked_body_is_cut_off_at_both_ends(table_stage, proxy, origin, case):
    origin.expects_broken_requests = True  # Its head may be there already; its end never comes.
    before = len(origin.requests)
    with Client(proxy.address) as client:
        client.send(POST + CHUNKED + b"\r\n" + BAD_CHUNKS[case])
        try:
            assert client.answer().status == 400
            assert client.ends()
        except Ended:
            pass  # Cut without an answer: it can be seen, too.
    assert fetch(proxy.address, "/next").text.startswith("GET /next ")
    assert [r.target for r in origin.requests[before:]] == ["/next"]


@pytest.mark.parametrize("case", BAD_CHUNKS)
def test_an_http_1_0_backend_hears_nothing_of_a_broken_chunked_body(stage, case):
    backend = stage.backend(keep_alive_10)
    proxy = stage.proxy(backend, upstream={"protocol": "http/1.0"})
    with Client(proxy.address) as client:
        client.send(POST + CHUNKED + b"\r\n" + BAD_CHUNKS[case])
        assert client.answer().status == 400
        assert client.ends()
    assert backend.received_bytes == 0


def test_a_chunked_body_that_grows_too_large_is_cut_off(proxy, origin):
    origin.expects_broken_requests = True
    before = len(origin.requests)
    with Client(proxy.address) as client:
        client.send(POST + CHUNKED + b"\r\n" + encode_chunks(b"x" * 1001, 100))
        try:
            assert client.answer().status == 413
            assert client.ends()
        except Ended:
            pass
    assert len(origin.requests) == before


def test_two_empty_lines_before_a_request_are_let_pass(proxy):
    with Client(proxy.address) as client:
        client.send(b"\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.answer().text.startswith("GET /a ")


def test_a_refusal_is_read_by_a_client_that_is_still_sending(proxy):
    # Input that nobody reads must not turn our close into a reset that eats the answer.
    with Client(proxy.address) as client:
        client.send(POST + b"Content-Length: 60000\r\n\r\n")
        for _ in range(6):
            client.send(b"x" * 10_000)
        assert client.answer().status == 413
        assert client.ends()


def test_a_refusal_has_a_body_that_says_why_and_not_who(proxy):
    reply = fetch(proxy.address, "/", [("Expect", "a-miracle")])
    assert "100-continue" in reply.text
    assert "holdfast/" not in (reply.fields.get("Server") or "")


def test_head_is_refused_without_a_body(proxy):
    with Client(proxy.address) as client:
        client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\n\r\n")
        assert client.answer("HEAD").status == 417
        assert client.ends()
