"""What holdfast says when it answers a request itself."""

import json
import re

import pytest

from harness.client import Client, fetch
from harness.scripts import keep_alive, raw

MADE = "[0-9a-f]{32}"


@pytest.fixture
def origin(stage):
    return stage.backend(keep_alive())


@pytest.fixture
def down(stage, origin):
    """A proxy whose only backend refuses connections."""
    proxy = stage.proxy(origin)
    origin.stop()
    return proxy


def test_an_error_is_a_short_text(down):
    answer = fetch(down.address, "/")
    assert answer.status == 503
    assert answer.fields.get("Content-Type") == "text/plain; charset=utf-8"
    assert answer.fields.get("Proxy-Status") == "holdfast; error=connection_refused"
    name = answer.fields.get("X-Request-ID")
    assert re.fullmatch(MADE, name)
    assert answer.text == ("503 Service Unavailable: connection_refused\n"
                           "The backend refused the connection. Trying again in a moment may help.\n"
                           f"Request id: {name}\n")


@pytest.mark.parametrize(("accept", "form"), [
    ("application/json", "application/json"),
    ("application/json, text/plain, */*", "application/json"),
    ("application/problem+json", "application/problem+json"),
])
def test_an_error_is_json_for_whoever_asks_for_it(down, accept, form):
    answer = fetch(down.address, "/", [("Accept", accept), ("X-Request-ID", "mine")])
    assert answer.fields.get("Content-Type") == form
    assert json.loads(answer.body) == {
        "status": 503, "title": "Service Unavailable", "error": "connection_refused",
        "detail": "The backend refused the connection.",
        "hint": "Trying again in a moment may help.", "request_id": "mine"}


def test_an_error_names_nothing_that_is_behind_the_proxy(down, origin):
    for accept in ("*/*", "application/json"):
        with Client(down.address) as client:
            client.ask("GET", "/", [("Accept", accept)])
            whole = client.wire.until(b"\r\n\r\n") + client.wire.take(1 << 16)
        assert origin.server.encode() not in whole
        assert b"127.0.0.1" not in whole and b"legacy" not in whole


@pytest.mark.parametrize(("request_head", "status", "proxy_status"), [
    (b"GET / HTTP/1.1\r\n\r\n", 400, "http_request_error"),
    (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405,
     'http_request_denied; details="http_request_method_denied"'),
    (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505,
     'http_request_error; details="http_request_version"'),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414,
     'http_request_error; details="http_request_target_size"'),
])
def test_a_refusal_says_why_in_the_form_that_was_asked_for(stage, origin, request_head, status,
                                                           proxy_status):
    proxy = stage.proxy(origin)
    for accept in (b"", b"Accept: application/json\r\nX-Request-ID: mine\r\n"):
        with Client(proxy.address) as client:
            client.send(request_head.replace(b"\r\n", b"\r\n" + accept, 1))
            answer = client.answer()
        assert answer.status == status
        assert answer.fields.get("Proxy-Status") == f"holdfast; error={proxy_status}"
        if accept and status != 414:  # Its fields stand behind what is kept of a refused head.
            assert json.loads(answer.body)["status"] == status
            assert answer.fields.get("X-Request-ID") == "mine"
    assert not origin.requests


def test_a_bad_answer_is_told_of_in_the_form_that_was_asked_for(stage):
    proxy = stage.proxy(stage.backend(raw(b"nonsense\r\n\r\n")))
    answer = fetch(proxy.address, "/", [("Accept", "application/json"), ("X-Request-ID", "mine")],
                   method="POST", body=b"x")
    assert answer.status == 502
    assert json.loads(answer.body)["error"] == "http_protocol_error"
    assert answer.fields.get("X-Request-ID") == "mine"


def test_proxy_status_can_be_turned_off(stage, origin):
    proxy = stage.proxy(origin, listener={"proxy_status": "off"})
    origin.stop()
    assert fetch(proxy.address, "/").fields.get("Proxy-Status") is None


INSANE = ["a b", "a,b", "\xe9", "x" * 129, ""]


@pytest.mark.parametrize("insane", INSANE)
def test_an_id_that_is_not_sane_is_not_repeated(down, insane):
    answer = fetch(down.address, "/", [("X-Request-ID", insane)])
    assert re.fullmatch(MADE, answer.fields.get("X-Request-ID"))


def test_a_request_has_no_id_made_for_it_that_nobody_looks_for(stage, origin):
    proxy = stage.proxy(origin)
    answer = fetch(proxy.address, "/")
    fetch(proxy.address, "/", [("X-Request-ID", "a b")])
    assert answer.fields.get("X-Request-ID") is None
    assert [r.fields.get("X-Request-ID") for r in origin.requests] == [None, "a b"]


def test_always_gives_an_id_to_the_backend_and_to_the_client(stage, origin):
    proxy = stage.proxy(origin, listener={"request_id": "always"})
    made = fetch(proxy.address, "/").fields.all("X-Request-ID")
    kept = fetch(proxy.address, "/", [("X-Request-ID", "mine")]).fields.all("X-Request-ID")
    other = fetch(proxy.address, "/", [("X-Request-ID", "a b")]).fields.all("X-Request-ID")
    twice = fetch(proxy.address, "/", [("X-Request-ID", "a"), ("X-Request-ID", "b")]
                  ).fields.all("X-Request-ID")
    assert [r.fields.all("X-Request-ID") for r in origin.requests] == [made, kept, other, twice]
    assert kept == ["mine"]
    assert all(re.fullmatch(MADE, id[0]) for id in (made, other, twice))
    assert len({*made, *other, *twice}) == 3


def test_always_hides_an_id_that_the_backend_gives(stage):
    proxy = stage.proxy(stage.backend(keep_alive(fields=[("X-Request-Id", "theirs")])),
                        listener={"request_id": "always"})
    assert fetch(proxy.address, "/", [("X-Request-ID", "mine")]).fields.all("X-Request-ID") == [
        "mine"]


def test_off_leaves_ids_alone(stage, origin):
    proxy = stage.proxy(origin, listener={"request_id": "off"})
    fetch(proxy.address, "/", [("X-Request-ID", "a b")])
    assert origin.requests[0].fields.get("X-Request-ID") == "a b"
    origin.stop()
    with Client(proxy.address) as client:
        answer = client.get("/", [("X-Request-ID", "mine")])
    assert answer.fields.get("X-Request-ID") is None
    assert "Request id" not in answer.text
