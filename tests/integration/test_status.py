"""The status listener: what it answers, to whom, and how long."""

import http.client
import re
import signal
import socket
import threading

import pytest

from harness.client import Client, fetch
from harness.scripts import keep_alive
from harness.waiting import wait_until

STATUS = re.compile(r"status on http://([0-9.]+):([0-9]+)/")
ON = {"status": {"address": "127.0.0.1:0"}}


def status_address(proxy):
    """Where its status listener is."""
    wait_until(lambda: STATUS.search(proxy.stderr), "the status listener is told of")
    found = STATUS.search(proxy.stderr)
    return found[1], int(found[2])


def ask(proxy, path, method="GET", **fields):
    connection = http.client.HTTPConnection(*status_address(proxy), timeout=10)
    connection.request(method, path, headers=fields)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.workers)])
def test_is_alive_while_its_loops_turn(stage, workers):
    proxy = stage.proxy(stage.backend(keep_alive()), workers=workers, **ON)
    answer, body = ask(proxy, "/livez")
    assert (answer.status, body) == (200, "ok\n")


def test_is_ready(stage):
    proxy = stage.proxy(stage.backend(keep_alive()), **ON)
    for path in "/readyz", "/healthz":
        answer, body = ask(proxy, path)
        assert (answer.status, body) == (200, "ok\n")
    answer, body = ask(proxy, "/readyz?verbose")
    assert body.splitlines() == ["[+] configuration: loaded", "[+] listeners: open",
                                 "[+] draining: no", "[+] upstream legacy: 1 of 1 servers in use",
                                 "ok"]


def test_readiness_tells_of_servers_but_does_not_depend_on_them(stage):
    proxy = stage.proxy("127.0.0.1:1", "unix:/nowhere/app.sock", "gone.invalid:80", **ON)
    assert fetch(proxy.address, "/").status == 503
    proxy.wait_for_line("cannot be resolved")
    answer, body = ask(proxy, "/readyz?verbose")
    assert answer.status == 200
    lines = body.splitlines()
    assert lines[-1] == "ok" and ask(proxy, "/readyz")[0].status == 200
    assert lines[-2] == ("[!] upstream legacy: 0 of 3 servers in use; readiness does not depend on "
                         "it")
    for words in ("127.0.0.1:1: set aside", "Its socket file does not exist. Start the backend",
                  "gone.invalid:80: without an address for"):
        assert any(words in line for line in lines), body


def test_is_not_ready_once_it_is_to_end_but_serves(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, **ON, shutdown={"delay": "30s", "timeout": "4s"})
    proxy.send_signal(signal.SIGTERM)
    wait_until(lambda: ask(proxy, "/readyz")[0].status == 503, "it is not ready")
    assert ask(proxy, "/livez")[0].status == 200
    assert fetch(proxy.address, "/").status == 200
    proxy.send_signal(signal.SIGTERM)
    assert proxy.wait() == 1


def test_shows_itself_while_it_drains(stage):
    held = threading.Event()

    def script(connection):
        connection.read_request()
        connection.pause_until(held)
        connection.reply(b"ok")
    backend = stage.backend(script)
    proxy = stage.proxy(backend, **ON)
    client = Client(proxy.address)
    client.ask("GET", "/")
    backend.wait_for_begun(1)
    proxy.send_signal(signal.SIGTERM)
    wait_until(lambda: ask(proxy, "/readyz")[0].status == 503, "it is not ready")
    held.set()
    assert client.answer().status == 200
    assert proxy.wait() == 0


def test_answers_get_and_head_only(stage):
    proxy = stage.proxy(stage.backend(keep_alive()), **ON)
    answer, body = ask(proxy, "/livez", "HEAD")
    assert (answer.status, body) == (200, "")
    answer, _ = ask(proxy, "/livez", "POST")
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"


def test_knows_nothing_else(stage):
    proxy = stage.proxy(stage.backend(keep_alive()), **ON)
    for path in "/nothing", "/livez/", "//livez", "/../livez":
        answer, body = ask(proxy, path)
        assert answer.status == 404
        assert body == ("There is nothing at this path. There is /, /api/v1/status, /events, "
                        "/livez, /readyz, /healthz and /metrics.\n")


@pytest.mark.parametrize("host", ["127.0.0.1:8081", "localhost", "[::1]:8081", "status.localhost"])
def test_answers_under_names_of_this_machine(stage, host):
    proxy = stage.proxy(stage.backend(keep_alive()), **ON)
    assert ask(proxy, "/livez", Host=host)[0].status == 200


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1.attacker.example", "localhost.example",
                                  "notlocalhost"])
def test_does_not_answer_under_a_stranger_s_name(stage, host):
    proxy = stage.proxy(stage.backend(keep_alive()), **ON)
    assert ask(proxy, "/livez", Host=host)[0].status == 421


def test_tells_browsers_to_be_careful(stage):
    answer, _ = ask(stage.proxy(stage.backend(keep_alive()), **ON), "/livez")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_keeps_a_connection_for_the_next_question(stage):
    proxy = stage.proxy(stage.backend(keep_alive()), **ON)
    connection = http.client.HTTPConnection(*status_address(proxy), timeout=10)
    used = set()
    for _ in range(3):
        connection.request("GET", "/livez")
        assert connection.getresponse().read() == b"ok\n"
        used.add(connection.sock.getsockname())
    assert len(used) == 1
    connection.close()


def test_answers_pipelined_questions_in_order(stage):
    proxy = stage.proxy(stage.backend(keep_alive()), **ON)
    with socket.create_connection(status_address(proxy), 10) as far:
        far.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    b"GET /no HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        got = b""
        while part := far.recv(4096):
            got += part
    assert re.findall(rb"HTTP/1.1 (\d+)", got) == [b"200", b"404"]


def test_says_that_its_address_is_taken(stage):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        path = stage.config(stage.backend(keep_alive()), status={"address": address})
        done = stage.run(["run", "-c", str(path)], listeners=0)
        assert done.wait() == 1
        assert "status: cannot listen on 127.0.0.1" in done.stderr
