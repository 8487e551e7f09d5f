"""What holdfast says about a backend that it cannot use: what happened, where, and what to do, once."""

import socket

import pytest

from harness.client import fetch
from harness.scripts import keep_alive


def said(proxy, words: str) -> str:
    """The one line with these words, once it is there."""
    proxy.wait_for_line(words)
    lines = [line for line in proxy.stderr.splitlines() if words in line]
    assert len(lines) == 1, lines
    return lines[0]


def test_a_backend_that_refuses(stage):
    proxy = stage.proxy("127.0.0.1:1")
    assert fetch(proxy.address, "/").status == 503
    line = said(proxy, "cannot be reached")
    assert ("upstream legacy: 127.0.0.1:1 cannot be reached: The backend refused the connection. "
            "Check that it runs and listens at this address and port. It is set aside, but no "
            "other server is left: it is asked all the same, and requests get 503 "
            "(connection_refused) while it fails") in line
    assert "Connection refused" not in line


@pytest.fixture
def deaf(stage):
    """A server whose queue is full: the kernel answers no SYN more."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = [socket.socket() for _ in range(2)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
    yield "%s:%d" % listener.getsockname()
    for one in [listener, *waiting]:
        one.close()


def test_a_backend_that_does_not_accept(stage, deaf):
    proxy = stage.proxy(deaf, upstream={"timeouts": {"connect": "200ms"}})
    assert fetch(proxy.address, "/").status == 504
    line = said(proxy, "cannot be reached")
    assert f"upstream legacy: {deaf} cannot be reached: The backend did not accept" in line
    assert "Check the address, and the routes and firewalls" in line


def test_a_socket_file_that_is_not_there(stage):
    server = f"unix:{stage.folder}/app.sock"
    proxy = stage.proxy(server)
    assert fetch(proxy.address, "/").status == 503
    assert (f"upstream legacy: {server} cannot be reached: Its socket file does not exist. "
            "Start the backend, or correct the path.") in said(proxy, "cannot be reached")


def test_a_socket_file_that_nobody_listens_at(stage):
    path = f"{stage.folder}/app.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    proxy = stage.proxy(f"unix:{path}")
    assert fetch(proxy.address, "/").status == 503
    assert "Nobody listens at its socket file. Start the backend" in said(proxy, "cannot be reached")


def test_a_name_that_does_not_resolve(stage):
    proxy = stage.proxy("gone.invalid:80")
    line = said(proxy, "cannot be resolved")
    assert "upstream legacy: the name 'gone.invalid' cannot be resolved: " in line
    assert "requests for legacy get a 503 (dns_error)" in line and "getent hosts gone.invalid" in line


def test_servers_that_fail_for_different_reasons_are_told_of_each(stage):
    missing = f"unix:{stage.folder}/app.sock"
    proxy = stage.proxy("127.0.0.1:1", missing, "gone.invalid:80")
    assert fetch(proxy.address, "/").status == 503
    refused, absent = (said(proxy, f"{server} cannot be reached")
                       for server in ("127.0.0.1:1", missing))
    assert "refused the connection" in refused and "does not exist" in absent
    # The first to fail has another to stand in for it, the second has not.
    assert sorted("others get its requests" in line for line in (refused, absent)) == [False, True]
    assert "upstream legacy: the name 'gone.invalid'" in said(proxy, "cannot be resolved")


def test_one_that_fails_beside_another_is_set_aside(stage):
    proxy = stage.proxy("127.0.0.1:1", stage.backend(keep_alive()))
    assert {fetch(proxy.address, "/").status for _ in range(4)} == {200}
    assert "set aside for" in said(proxy, "127.0.0.1:1 cannot be reached")
