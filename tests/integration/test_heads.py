"""Heads on both legs: what is removed, what is added, what is believed."""

import pytest

from harness.client import Client, fetch
from harness.messages import encode_chunks
from harness.scripts import keep_alive, raw

HOP_BY_HOP = [
    ("Connection", "X-Private, keep-alive"),
    ("X-Private", "1"),
    ("Keep-Alive", "timeout=5"),
    ("Proxy-Connection", "keep-alive"),
    ("TE", "trailers"),
    ("Trailer", "X-Sum"),
    ("Upgrade", "websocket"),
]
SPOOFED = [
    ("X-Forwarded-For", "6.6.6.6"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Real-IP", "6.6.6.6"),
    ("Forwarded", "for=6.6.6.6;proto=https"),
]
TRUSTING = {"trusted_peers": ["127.0.0.0/8"]}


@pytest.fixture
def origin(stage):
    return stage.backend(keep_alive())


@pytest.fixture
def proxy(stage, origin):
    return stage.proxy(origin)


def test_end_to_end_fields_arrive_as_they_were_sent(proxy, origin):
    fields = [("User-Agent", "test (1; 2)"), ("accept", "*/*"), ("Cookie", "a=b; c=d"),
              ("X-Twice", "one"), ("X-Empty", ""), ("X-Twice", "two, three"),
              ("Authorization", "Basic dXNlcg=="), ("X-Latin", "\xe9\xff")]
    fetch(proxy.address, "/path?query=%00&a=%zz", fields)
    request = origin.requests[0]
    assert (request.method, request.target) == ("GET", "/path?query=%00&a=%zz")
    sent = {name.lower() for name, _ in fields}
    assert [(n, v) for n, v in request.fields if n.lower() in sent] == fields


def test_hop_by_hop_fields_of_a_request_stay_on_its_hop(proxy, origin):
    with Client(proxy.address) as client:
        client.get("/", [*HOP_BY_HOP, ("X-Public", "2")])
    fields = origin.requests[0].fields
    assert fields.get("X-Public") == "2"
    gone = {name.lower() for name, _ in HOP_BY_HOP} - {"connection"}
    assert not gone & fields.names()
    assert "x-private" not in fields.tokens("Connection")


def test_hop_by_hop_fields_of_an_answer_stay_on_their_hop(stage):
    head = "".join(f"{name}: {value}\r\n" for name, value in HOP_BY_HOP if name != "TE")
    reply = f"HTTP/1.1 200 OK\r\n{head}X-Public: 2\r\nContent-Length: 2\r\n\r\nhi"
    proxy = stage.proxy(stage.backend(raw(reply.encode())))
    with Client(proxy.address) as client:
        fields = client.get("/").fields
    assert fields.get("X-Public") == "2"
    gone = {name.lower() for name, _ in HOP_BY_HOP} - {"connection"}
    assert not gone & fields.names()
    assert "x-private" not in fields.tokens("Connection")


# What Connection says, and which of the fields X-A, X-B and X-C are not to be passed on for it.
NAMED = {
    "none": (["keep-alive"], ""),
    "one": (["X-A"], "A"),
    "in-any-case": (["x-a, X-b"], "AB"),
    "twice": (["X-A, X-A"], "A"),
    "in-two-fields": (["X-A", "X-C"], "AC"),
    "among-empty-elements": ([", X-B ,,\t, X-C,"], "BC"),
    "beside-options": (["close, X-A"], "A"),
    "that-are-not-there": (["X-D, X-B"], "B"),
    "as-a-part-of-another": (["X"], ""),
    "like-options": (["close, keep-alive"], ""),
}


@pytest.mark.parametrize("case", NAMED)
def test_fields_that_connection_names_stay_on_their_hop(stage, case):
    # Each field stands there twice: all of a name go, in requests and in answers.
    words, gone = NAMED[case]
    fields = [(f"X-{letter}", value) for value in "12" for letter in "ABC"]
    lines = [("Connection", word) for word in words]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines + fields)
    reply = f"HTTP/1.1 200 OK\r\n{head}Content-Length: 2\r\n\r\nhi"
    backend = stage.backend(raw(reply.encode()))
    proxy = stage.proxy(backend)
    left = [field for field in fields if field[0][-1] not in gone]
    with Client(proxy.address) as client:
        received = client.get("/", lines + fields).fields
    for seen in (backend.requests[0].fields, received):
        assert [field for field in seen if field[0].startswith("X-") and len(field[0]) == 3] == left
        assert not {"x-a", "x-b", "x-c", "x-d", "x"} & set(seen.tokens("Connection"))


# A client that could take these from its own request would choose what the backend makes of it; one
# that a backend names is its own affair, but for those that frame the answer.
GUARDED = ["Host", "Authorization", "Cookie", "Content-Length", "Transfer-Encoding", "Forwarded",
           "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP"]


@pytest.mark.parametrize("name", GUARDED)
def test_a_backend_may_name_what_a_client_may_not(stage, name):
    frames = name in ("Content-Length", "Transfer-Encoding")
    backend = stage.backend(raw(f"HTTP/1.1 200 OK\r\nConnection: {name}\r\nContent-Length: 2\r\n"
                                "\r\nhi".encode()))
    proxy = stage.proxy(backend)
    for spelling in (name, name.lower(), f"close, {name}"):
        with Client(proxy.address) as client:
            assert client.get("/", [("Connection", spelling)]).status == 400
    assert backend.accepted == 0
    assert fetch(proxy.address, "/").status == (502 if frames else 200)


def test_a_keep_alive_hint_of_the_backend_is_not_the_clients(stage):
    reply = b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1, max=3\r\nContent-Length: 2\r\n\r\nhi"
    proxy = stage.proxy(stage.backend(raw(reply)))
    assert "Keep-Alive" not in fetch(proxy.address, "/").fields


def test_a_closing_client_does_not_close_the_backend(proxy, origin):
    for _ in range(3):
        fetch(proxy.address, "/")
    assert all("close" not in request.fields.tokens("Connection") for request in origin.requests)
    assert origin.accepted == 1


def test_a_closing_backend_does_not_close_the_client(stage):
    reply = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
    backend = stage.backend(raw(reply, then=lambda connection: connection.close()))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        for _ in range(3):
            assert "close" not in client.get("/").fields.tokens("Connection")
    assert backend.accepted == 3


@pytest.mark.parametrize("name", ["Content-Length", "Transfer-Encoding", "Host", "Authorization",
                                  "Cookie", "X-Forwarded-For", "Via"])
def test_a_nominated_field_that_matters_is_an_attack(proxy, origin, name):
    with Client(proxy.address) as client:
        assert client.get("/", [("Connection", name)]).status == 400
        assert client.ends()
    assert origin.received_bytes == 0


@pytest.mark.parametrize("framing", ["none", "zero", "length", "chunked", "get-chunked"])
def test_a_request_has_at_most_one_framing_field(proxy, origin, framing):
    fetch(proxy.address, "/")  # Before it knows the backend's version, holdfast would avoid chunks.
    with Client(proxy.address) as client:
        if framing == "none":
            client.ask("GET", "/")
        elif framing == "zero":
            client.ask("POST", "/")  # Without any: it gets a length of 0.
        elif framing == "length":
            client.ask("POST", "/", [("Content-Length", "005")])
            client.send(b"hello")
        else:
            client.ask("GET" if framing == "get-chunked" else "POST", "/",
                       [("Transfer-Encoding", "cHuNkEd")])
            client.send(encode_chunks(b"hello"))
        client.answer()
    request = origin.requests[1]
    framed = [(n.lower(), v) for n, v in request.fields
              if n.lower() in ("content-length", "transfer-encoding")]
    assert framed == {
        "none": [], "zero": [("content-length", "0")], "length": [("content-length", "5")],
    }.get(framing, [("transfer-encoding", "chunked")])
    assert request.body == (b"" if framing in ("none", "zero") else b"hello")


def test_chunk_extensions_and_trailers_are_dropped(proxy, origin):
    with Client(proxy.address) as client:
        client.ask("POST", "/", [("Transfer-Encoding", "chunked")])
        client.send(b'2;a="b;c"\r\nhe\r\n3;x\r\nllo\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n')
        assert client.answer().status == 200
    assert origin.requests[0].body == b"hello"  # Our reader takes no extensions, no trailers.


def test_trailers_of_an_answer_are_dropped(stage):
    backend = stage.backend(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                b"2;e=f\r\nhi\r\n0\r\nContent-Length: 9\r\nX-Sum: 1\r\n\r\n"))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        for _ in range(2):
            reply = client.get("/")
            assert (reply.body, "X-Sum" in reply.fields) == (b"hi", False)
    assert backend.accepted == 1


@pytest.mark.parametrize("choice, expected", [
    ("preserve", "shop.example:8080"), ("server", None), ("intern.example", "intern.example")])
def test_host_is_what_the_upstream_says(stage, origin, choice, expected):
    proxy = stage.proxy(origin, upstream={"host": choice})
    fetch(proxy.address, "/", host="shop.example:8080")
    assert origin.requests[0].fields.get("Host") == (expected or origin.server)
    assert origin.requests[0].fields.get("X-Forwarded-Host") == "shop.example:8080"


def test_an_absolute_target_becomes_path_and_host(proxy, origin):
    with Client(proxy.address) as client:
        client.send(b"GET http://shop.example/a?b HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        assert client.answer().status == 200
        client.send(b"GET http://shop.example HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        assert client.answer().status == 200
    assert [request.target for request in origin.requests] == ["/a?b", "/"]
    assert {request.fields.get("Host") for request in origin.requests} == {"shop.example"}


@pytest.mark.parametrize("protocol", ["http/1.0", "http/1.1"])
def test_an_http_1_0_client_without_host_is_sent_on_validly(stage, origin, protocol):
    # The audit at the end lets h11 judge what has arrived: an HTTP/1.1 request must have a Host.
    proxy = stage.proxy(origin, upstream={"protocol": protocol})
    assert fetch(proxy.address, "/", version="1.0", host=None).status == 200


def test_the_backend_learns_who_asked(proxy, origin):
    fetch(proxy.address, "/", host="shop.example")
    fields = origin.requests[0].fields
    assert fields.get("X-Forwarded-For") == "127.0.0.1"
    assert fields.get("X-Forwarded-Proto") == "http"
    assert fields.get("X-Forwarded-Host") == "shop.example"


def test_the_backend_learns_which_way_a_request_came(proxy, origin):
    fetch(proxy.address, "/", [("Via", "1.1 edge")])
    fetch(proxy.address, "/", version="1.0")
    ways = [[w.strip() for v in r.fields.all("Via") for w in v.split(",")] for r in origin.requests]
    assert ways[0][0] == "1.1 edge"
    assert ways[0][1].startswith("1.1 ") and len(ways[0]) == 2
    assert ways[1][0].startswith("1.0 ") and len(ways[1]) == 1


def test_nothing_of_a_spoofed_forwarding_field_survives(proxy, origin):
    fetch(proxy.address, "/", SPOOFED, host="shop.example")
    request = origin.requests[0]
    assert b"6.6.6.6" not in request.head and b"evil" not in request.head
    assert request.fields.get("X-Forwarded-For") == "127.0.0.1"
    assert request.fields.get("X-Forwarded-Proto") == "http"


def test_a_trusted_peer_is_believed(stage, origin):
    proxy = stage.proxy(origin, listener=TRUSTING)
    fetch(proxy.address, "/", SPOOFED, host="shop.example")
    fields = origin.requests[0].fields
    assert [w.strip() for v in fields.all("X-Forwarded-For") for w in v.split(",")] == [
        "6.6.6.6", "127.0.0.1"]
    assert fields.get("X-Forwarded-Proto") == "https"
    assert fields.get("X-Forwarded-Host") == "evil.example"


def test_a_network_that_is_not_ours_is_not_trusted(stage, origin):
    proxy = stage.proxy(origin, listener={"trusted_peers": ["10.0.0.0/8"]})
    fetch(proxy.address, "/", SPOOFED)
    assert origin.requests[0].fields.get("X-Forwarded-For") == "127.0.0.1"


def test_the_proxy_field_is_not_passed_on(proxy, origin):
    # CGI programs would read it as HTTP_PROXY.
    fetch(proxy.address, "/", [("Proxy", "http://evil.example")])
    assert "Proxy" not in origin.requests[0].fields


def test_an_upgrade_is_not_offered_to_the_backend(proxy, origin):
    with Client(proxy.address) as client:
        client.get("/", [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
                         ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")])
        assert client.get("/2").text == "GET /2 0 1.2\n"
    assert not {"upgrade", "http2-settings"} & origin.requests[0].fields.names()


@pytest.mark.parametrize("line", ["HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 299 Whatever it is",
                                  "HTTP/1.1 999 OK"])
def test_status_and_reason_arrive(stage, line):
    proxy = stage.proxy(stage.backend(raw(f"{line}\r\nContent-Length: 0\r\n\r\n".encode())))
    with Client(proxy.address) as client:
        client.ask("GET", "/")
        assert client.wire.until(b"\r\n").decode() == line + "\r\n"


def test_fields_of_an_answer_arrive_as_they_were_sent(stage):
    fields = [("Set-Cookie", "a=1"), ("X-Empty", ""), ("Set-Cookie", "b=2; Path=/"),
              ("ETag", '"x"'), ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("X-Latin", "\xe9")]
    proxy = stage.proxy(stage.backend(keep_alive(fields=fields)))
    reply = fetch(proxy.address, "/")
    names = {name for name, _ in fields}
    assert [(n, v) for n, v in reply.fields if n in names] == fields
