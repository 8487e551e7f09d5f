"""The status page, as people see it: in a browser, beside the metrics, and when holdfast is silent."""

import contextlib
import json
import re
import signal
import socket

import pytest

from harness.browser import ESCAPE, TAB, Browser
from harness.client import fetch
from harness.load import ab
from harness.scripts import keep_alive
from harness.waiting import PATIENCE, wait_until
from test_status import status_address

LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
READABLE = 4.5  # WCAG 2.1, level AA


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.stop()


@pytest.fixture
def shown(stage):
    """holdfast before a backend, and its status listener's address."""
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, status={"address": "127.0.0.1:0"})
    return proxy, status_address(proxy)


def url(address) -> str:
    return "http://%s:%d/" % address


def ask(address, target: str):
    return fetch(address, target, host="localhost")


def metrics(address) -> dict[str, float]:
    """The metrics, summed over their labels; who only watches is left out."""
    sums: dict[str, float] = {}
    for line in ask(address, "/metrics").body.decode().splitlines():
        if line and not line.startswith("#") and 'listener="status"' not in line:
            name, value = re.sub(r"\{.*\}", "", line).rsplit(" ", 1)
            sums[name] = sums.get(name, 0) + float(value)
    return sums


def test_the_page_says_that_nobody_came_yet_and_how_to_try(browser, shown):
    proxy, status = shown
    browser.look_like(1280, "light")
    browser.open(url(status))
    browser.wait_for("#verdict-text", "No traffic yet")
    assert browser.text("#try").startswith("curl -s http://127.0.0.1:")
    assert browser.complaints() == []


def test_the_numbers_on_the_page_are_those_of_the_metrics(browser, shown, tmp_path):
    proxy, status = shown
    browser.complaints()
    browser.look_like(1280, "light")
    browser.open(url(status))
    browser.wait_for("#link-text", "live")
    ab(f"{proxy.url}/", 2000, 8)
    wait_until(lambda: metrics(status)["holdfast_client_connections"] == 0, "all clients have left")
    counted = metrics(status)
    opened = int(counted["holdfast_client_connections_opened_total"])
    assert opened >= 2000  # ab opens one more now and then
    browser.wait_for("#clients-total", f"^{opened:,}$")
    browser.wait_for("#verdict-text", "Pooling works|Quiet")
    wait_until(lambda: browser.number("#requests-total") == counted["holdfast_requests_total"] == 2000,
               "all requests have ended")
    assert browser.number("#opened-total") == counted["holdfast_upstream_connections_opened_total"]
    assert browser.number("#pool-size") == counted["holdfast_upstream_connections"]
    assert browser.number("#pool-limit") == counted["holdfast_upstream_connections_limit"]
    reused = int(browser.text("#server-rows .number").split("/")[1].replace(",", ""))
    assert reused == counted["holdfast_upstream_connection_reuses_total"]
    assert browser.complaints() == []
    for width, theme in LOOKS:
        browser.look_like(width, theme)
        wide = browser.run("const all = document.documentElement;"
                           "return [all.scrollWidth, all.clientWidth]")
        assert wide[0] <= wide[1], f"scrolls sideways at {width}"
        faint = [(text, ratio) for text, ratio in browser.contrasts() if ratio < READABLE]
        assert faint == [], theme
        background = browser.run("return getComputedStyle(document.body).backgroundColor")
        dark = sum(int(part) for part in re.findall(r"\d+", background)[:3]) < 3 * 128
        assert dark == (theme == "dark")
        browser.picture(tmp_path / f"{width}-{theme}.png")
    assert browser.complaints() == []


def test_the_page_says_for_how_long_it_has_heard_nothing(browser, shown):
    proxy, status = shown
    browser.look_like(390, "light")
    browser.open(url(status))
    browser.wait_for("#link-text", "live")
    proxy.send_signal(signal.SIGSTOP)
    try:
        browser.wait_for("#link-text", r"^stale \d+ s$")
        assert "No word from holdfast since" in browser.text("#banner")
        browser.wait_for("#link-text", r"^stale [4-9] s$")
        assert [text for text, ratio in browser.contrasts() if ratio < READABLE] == []
    finally:
        proxy.send_signal(signal.SIGCONT)
    browser.wait_for("#link-text", "live")
    assert browser.run("return document.querySelector('#banner').hidden")


def test_everything_on_the_page_is_reached_by_keys(browser, shown):
    proxy, status = shown
    fetch(proxy.address, "/")
    browser.look_like(1280, "light")
    browser.open(url(status))
    browser.wait_for("#clients-total", "^1$")
    wanted = browser.run("return [...document.querySelectorAll('button, summary, a')]"
                         ".filter((one) => one.checkVisibility()).length")
    reached = []
    for _ in range(wanted):
        browser.press(TAB)
        name, outline = browser.run(
            "const at = document.activeElement;"
            "return [at.id || at.textContent, getComputedStyle(at).outlineStyle]")
        assert outline != "none", f"nobody sees that {name} has the focus"
        reached.append(name)
        if name == "Pool":
            tip = ".tip:not([hidden])"
            assert "never exceeded" in browser.text(tip)
            browser.press(ESCAPE)
            assert browser.run("return document.querySelector(arguments[0])", tip) is None
    assert {"theme", "Pool", "Reuse", "Answers"} <= set(reached) and len(reached) == wanted
    browser.run("document.querySelector('#theme').click()")
    assert browser.run("return document.documentElement.dataset.theme") == "dark"


def test_json_says_the_same_as_the_metrics(shown):
    proxy, status = shown
    for number in range(5):
        fetch(proxy.address, f"/{number}")
    answer = ask(status, "/api/v1/status")
    assert answer.fields.get("content-type") == "application/json"
    numbers, counted = json.loads(answer.body), metrics(status)
    assert numbers["schema"] == 1
    assert numbers["clients"]["opened_total"] == 5
    assert numbers["requests"] == {"total": 5, "by_code": {"200": 5}}
    connections = numbers["backend_connections"]
    assert (connections["opened_total"], connections["reused_total"]) == (1, 4)
    for name in ("opened_total", "limit"):
        assert connections[name] == counted[f"holdfast_upstream_connections_{name}"]
    assert [server["state"] for upstream in numbers["upstreams"]
            for server in upstream["servers"]] == ["up"]


def test_a_server_that_cannot_be_reached_is_told_of_in_words(stage):
    proxy = stage.proxy("127.0.0.1:1", status={"address": "127.0.0.1:0"})
    assert fetch(proxy.address, "/").status == 503
    numbers = json.loads(ask(status_address(proxy), "/api/v1/status").body)
    [server] = numbers["upstreams"][0]["servers"]
    assert server["last_error"]["text"] == "The backend refused the connection."
    assert server["last_error"]["error"] == "connection_refused"
    assert server["last_error"]["remedy"].startswith("Check that it runs")


def test_a_name_without_an_address_stands_in_its_server_s_place(stage):
    proxy = stage.proxy("gone.invalid:80", status={"address": "127.0.0.1:0"})
    proxy.wait_for_line("cannot be resolved")
    numbers = json.loads(ask(status_address(proxy), "/api/v1/status").body)
    [server] = numbers["upstreams"][0]["servers"]
    assert (server["server"], server["state"]) == ("gone.invalid:80", "unresolved")
    assert server["unresolved_seconds"] >= 0 and 0 <= server["retry_in_seconds"] <= 2
    assert server["last_error"]["error"] == "dns_error"
    assert server["last_error"]["text"].startswith("Its name is not resolved: ")
    assert "getent hosts" in server["last_error"]["remedy"]
    assert metrics(status_address(proxy))["holdfast_upstream_name_resolved"] == 0


def test_says_where_a_listener_is_that_asked_for_any_port(shown):
    proxy, status = shown
    [listener] = json.loads(ask(status, "/api/v1/status").body)["listeners"]
    assert listener["address"] == "%s:%d" % proxy.address


class Watcher:
    """Somebody who reads the events."""

    def __init__(self, status) -> None:
        self._socket = socket.create_connection(status, PATIENCE)
        self._socket.sendall(b"GET /events HTTP/1.0\r\n\r\n")

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def read_until(self, claim) -> str:
        """All that came, once the claim holds of it."""
        seen = b""
        while not claim(seen):
            part = self._socket.recv(65536)
            assert part, f"ended after {seen!r}"
            seen += part
        return seen.decode()


def test_events_begin_at_once_and_come_once_a_second(shown):
    _, status = shown
    with Watcher(status) as watcher:
        text = watcher.read_until(lambda seen: seen.count(b"\nevent: status\n") == 2 and
                                  seen.endswith(b"\n\n"))
    assert "text/event-stream" in text and "retry: 2000\n\n" in text
    first, second = [json.loads(found) for found in re.findall(r"^data: (.*)$", text, re.M)]
    assert 0.9 <= second["uptime_seconds"] - first["uptime_seconds"] <= 5


def test_one_watcher_too_many_is_told_so_until_another_leaves(shown):
    _, status = shown
    with contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(Watcher(status)) for _ in range(16)]
        for watcher in watchers:
            watcher.read_until(lambda seen: b"event: status" in seen)
        refusal = ask(status, "/events")
        assert b"event: busy" in refusal.body and b"retry: 10000" in refusal.body
        watchers[0].__exit__()

        def served() -> bool:
            with Watcher(status) as late:
                return "event: status" in late.read_until(lambda seen: b"event: " in seen)
        wait_until(served, "a place is free again")


def test_watchers_do_not_hold_up_the_end(shown):
    proxy, status = shown
    with Watcher(status), Watcher(status) as reader:
        reader.read_until(lambda seen: b"event: status" in seen)
        assert proxy.stop(within=3) == 0
