"""Interim answers, and clients that wait for one before they send their body."""

import subprocess

import pytest

from harness.client import Client, fetch
from harness.scripts import answer, keep_alive, one_by_one
from harness.waiting import PATIENCE, WATCH

HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
EXPECT = ("Expect", "100-continue")


def hinting(count: int):
    def script(connection):
        while True:
            request = connection.read_request()
            connection.send(HINT * count)
            answer(connection, request)
    return script


@pytest.mark.parametrize("count", [1, 2, 8])
def test_interim_answers_are_relayed_to_http_1_1_clients(stage, count):
    proxy = stage.proxy(stage.backend(hinting(count)))
    with Client(proxy.address) as client:
        for ordinal in (1, 2):
            reply = client.get("/")
            assert [i.status for i in reply.interim] == [103] * count
            assert reply.interim[0].fields == [("Link", "</style.css>")]
            assert reply.text == f"GET / 0 1.{ordinal}\n"


@pytest.mark.parametrize("fields", [[], [("Connection", "keep-alive")]], ids=["close", "keep"])
def test_interim_answers_are_not_relayed_to_http_1_0_clients(stage, fields):
    proxy = stage.proxy(stage.backend(hinting(3)))
    with Client(proxy.address) as client:
        reply = client.get("/", fields, version="1.0")
        assert (reply.interim, reply.status) == ([], 200)


def test_an_interim_answer_does_not_wait_for_the_final_one(stage):
    gates = {}

    def script(connection):
        request = connection.read_request()
        connection.send(HINT)
        connection.wire.wait_for_message()  # Ended, at the end: there is no final answer.
        gates["bytes"] = request
    proxy = stage.proxy(stage.backend(script))
    with Client(proxy.address) as client:
        client.ask("GET", "/")
        assert client.wire.until(b"\r\n\r\n").startswith(b"HTTP/1.1 103 ")
    assert not gates


def test_the_ninth_interim_answer_is_one_too_many(stage):
    backend = stage.backend(one_by_one(hinting(9), keep_alive()))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        reply = client.get("/")
        assert (reply.status, len(reply.interim)) == (502, 8)
    backend.wait(lambda b: b.connections[0].ended_by == "holdfast", "the connection retired")
    assert fetch(proxy.address, "/next").text == "GET /next 0 2.1\n"


def test_an_interim_answer_that_nobody_asked_for_shifts_nothing(stage):
    def script(connection):
        while True:
            request = connection.read_request()
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 3)
            answer(connection, request)
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    with Client(proxy.address) as one, Client(proxy.address) as other:
        for ordinal in range(1, 10, 2):
            reply = one.get(f"/{ordinal}")
            assert (reply.interim, reply.text) == ([], f"GET /{ordinal} 0 1.{ordinal}\n")
            reply = other.exchange("POST", "/post", body=b"x")
            assert (reply.interim, reply.text) == ([], f"POST /post 1 1.{ordinal + 1}\n")
    assert proxy.retirements() == {"shutdown": 1}


def test_an_upload_is_not_disturbed_by_interim_answers(stage):
    # Neither side waits for the other: hints come while the body is still on its way.
    def script(connection):
        request = connection.read_head()
        connection.send(HINT * 4)
        connection.read_body(request)
        connection.send(HINT * 4)
        answer(connection, request)
    proxy = stage.proxy(stage.backend(script))
    with Client(proxy.address) as client:
        client.ask("POST", "/", [("Content-Length", "10")])
        assert client.wire.until(b"\r\n\r\n").startswith(b"HTTP/1.1 103 ")
        client.send(b"ten bytes!")
        reply = client.answer()
        assert (len(reply.interim), reply.text) == (7, "POST / 10 1.1\n")


UPGRADES = {
    "websocket": ([("Connection", "Upgrade"), ("Upgrade", "websocket")], "1.1"),
    "h2c": ([("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
             ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")], "1.1"),
    "named-but-not-there": ([("Connection", "Upgrade")], "1.1"),
    "not-named": ([("Upgrade", "websocket")], "1.1"),
    "http-1.0": ([("Connection", "Upgrade, keep-alive"), ("Upgrade", "websocket")], "1.0"),
}


@pytest.mark.parametrize("switches", [False, True], ids=["ignored", "switched"])
@pytest.mark.parametrize("case", UPGRADES)
def test_no_upgrade_is_asked_of_a_backend_or_taken_from_it(stage, case, switches):
    fields, version = UPGRADES[case]

    def switch(connection):
        request = connection.read_request()
        if switches:
            connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                            b"Upgrade: websocket\r\n\r\nraw bytes")
            connection.wait_until_left()
        else:
            answer(connection, request)
    backend = stage.backend(one_by_one(switch, keep_alive()))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        reply = client.get("/", fields, version=version)
        assert reply.status == (502 if switches else 200)
        assert b"raw" not in reply.body
    seen = backend.requests[0].fields
    assert seen.names().isdisjoint({"upgrade", "http2-settings"})
    assert set(seen.tokens("Connection")) <= {"keep-alive"}
    assert fetch(proxy.address, "/next").status == 200
    if switches:
        assert proxy.retirements()["malformed_response"] == 1


def test_a_switch_of_protocols_that_nobody_asked_for_is_refused(stage):
    def switch(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                        b"Upgrade: x\r\n\r\nraw bytes")
        connection.wait_for_end()
    proxy = stage.proxy(stage.backend(one_by_one(switch, keep_alive())))
    with Client(proxy.address) as client:
        assert client.get("/").status == 502
    assert fetch(proxy.address, "/next").text == "GET /next 0 2.1\n"


def test_a_client_that_waits_for_100_gets_it_from_holdfast(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        for ordinal in (1, 2):
            client.ask("POST", "/upload", [EXPECT, ("Content-Length", "5")])
            assert client.wire.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.send(b"hello")
            assert client.answer().text == f"POST /upload 5 1.{ordinal}\n"
    assert all("Expect" not in request.fields for request in backend.requests)


def test_a_client_that_does_not_wait_for_100_is_served(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        reply = client.exchange("POST", "/", [EXPECT], b"hello")
        assert reply.text == "POST / 5 1.1\n"
        assert client.get("/next").text == "GET /next 0 1.2\n"
    assert "Expect" not in backend.requests[0].fields


def test_a_chunked_request_may_wait_for_100_too(stage):
    proxy = stage.proxy(stage.backend(keep_alive()))
    with Client(proxy.address) as client:
        client.ask("POST", "/", [EXPECT, ("Transfer-Encoding", "chunked")])
        assert client.wire.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"5\r\nhello\r\n0\r\n\r\n")
        assert client.answer().text == "POST / 5 1.1\n"


def test_an_http_1_0_client_is_never_sent_100(stage):
    proxy = stage.proxy(stage.backend(keep_alive()))
    with Client(proxy.address) as client:
        client.ask("POST", "/", [EXPECT, ("Content-Length", "5")], version="1.0")
        assert client.silent(WATCH)
        client.send(b"hello")
        reply = client.answer()
        assert (reply.interim, reply.text) == ([], "POST / 5 1.1\n")


def test_a_body_that_is_too_large_is_refused_before_100(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, listener={"limits": {"body": "10b"}})
    with Client(proxy.address) as client:
        client.ask("POST", "/", [EXPECT, ("Content-Length", "11")])
        reply = client.answer()
        assert (reply.status, reply.interim) == (413, [])
        assert client.ends()
    assert backend.received_bytes == 0


def test_an_unknown_expectation_fails(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        assert client.get("/", [("Expect", "the-spanish-inquisition")]).status == 417
    assert backend.received_bytes == 0


def test_curl_uploads_with_expect_without_waiting_in_vain(stage, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(b"x" * 2_000_000)
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend)
    result = subprocess.run(
        ["curl", "-sS", "-H", "Expect: 100-continue", "--expect100-timeout", "30", "-T", upload,
         f"{proxy.url}/put"], capture_output=True, text=True, timeout=3 * PATIENCE, check=False)
    assert (result.returncode, result.stdout) == (0, "PUT /put 2000000 1.1\n"), result.stderr
