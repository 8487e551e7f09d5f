"""Unix sockets: listeners and servers that are a file, or a name, instead of an address and a port."""

import os
import re
import signal
import socket
import stat
import subprocess

import pytest

from harness.client import Client, fetch
from harness.scripts import Gate, keep_alive
from harness.servers import RealServer
from harness.waiting import PATIENCE, wait_until


@pytest.fixture
def path(tmp_path) -> str:
    """Where holdfast listens."""
    return str(tmp_path / "holdfast.sock")


def listener_at(path: str, **options) -> dict:
    return {"listener": {"address": f"unix:{path}", **options}}


def curl(path: str, *arguments: str) -> str:
    done = subprocess.run(["curl", "--silent", "--show-error", "--unix-socket", path, *arguments],
                          capture_output=True, text=True, timeout=PATIENCE, check=True)
    return done.stdout


def test_curl_is_served_over_a_file(stage, path):
    proxy = stage.proxy(stage.backend(keep_alive()), **listener_at(path))
    assert curl(path, "http://localhost/a", "http://localhost/b").startswith("GET /a 0 1.1\n")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o666
    assert proxy.stop() == 0
    assert not os.path.exists(path)


def test_the_mode_of_the_file_is_the_configured_one(stage, path):
    stage.proxy(stage.backend(keep_alive()), **listener_at(path, mode="0600"))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_two_connections_ago_nothing_is_left_but_one_to_the_backend(stage, path):
    backend = stage.backend(keep_alive())
    stage.proxy(backend, **listener_at(path))
    for number in range(50):
        assert fetch(path, f"/{number}").status == 200
    assert backend.accepted == 1


def test_an_abstract_name_needs_no_file(stage):
    name = f"@holdfast-{os.getpid()}"
    stage.proxy(stage.backend(keep_alive()), listener={"address": f"unix:{name}"})
    assert fetch("\0" + name[1:], "/").status == 200


def test_nginx_serves_over_a_file(stage, path, tmp_path):
    nginx = stage.adopt(RealServer("nginx", tmp_path / "nginx", unix=True))
    stage.proxy(nginx.server, **listener_at(path))
    with Client(path) as client:
        for _ in range(20):
            assert client.get("/").body == RealServer.page
            assert client.get("/file").body == RealServer.file


def test_the_status_pages_can_be_shown_there(stage, path, tmp_path):
    status = str(tmp_path / "status.sock")
    proxy = stage.proxy(stage.backend(keep_alive()), **listener_at(path),
                        status={"address": f"unix:{status}"})
    proxy.wait_for_line(re.escape(f"http://unix:{status}/"))
    with Client(status) as client:
        assert client.get("/livez").status == 200


def test_the_backend_hears_of_a_client_without_an_address(stage, path):
    backend = stage.backend(keep_alive())
    stage.proxy(backend, **listener_at(path))
    fetch(path, "/", [("X-Forwarded-For", "10.1.1.1")])
    assert backend.requests[0].fields.get("X-Forwarded-For") == "unix:"


def test_those_who_come_over_unix_sockets_can_be_trusted(stage, path):
    backend = stage.backend(keep_alive())
    stage.proxy(backend, **listener_at(path, trusted_peers=["unix:"]))
    fetch(path, "/", [("X-Forwarded-For", "10.1.1.1")])
    assert backend.requests[0].fields.get("X-Forwarded-For") == "10.1.1.1, unix:"


@pytest.mark.parametrize("host, expected", [("server", "localhost"), ("preserve", "test.example"),
                                            ("old.test", "old.test")])
def test_a_server_without_an_address_is_called_localhost(stage, tmp_path, host, expected):
    backend = stage.backend(keep_alive(), address=str(tmp_path / "backend.sock"))
    proxy = stage.proxy(backend, upstream={"host": host})
    fetch(proxy.address, "/")
    assert backend.requests[0].fields.get("Host") == expected


def test_a_server_that_is_away_is_told_apart_and_found_again(stage, tmp_path):
    place = str(tmp_path / "backend.sock")
    backend = stage.backend(keep_alive(), address=place)
    proxy = stage.proxy(backend)
    assert fetch(proxy.address, "/").status == 200
    backend.kill()
    assert fetch(proxy.address, "/").status in (502, 503)  # the file is there, nobody listens
    os.unlink(place)
    assert fetch(proxy.address, "/").status == 503
    backend.listen(place)
    wait_until(lambda: fetch(proxy.address, "/").status == 200, "it is found again")


# The kernel refuses a connection to a Unix socket at once when the server's queue is full.
def test_requests_wait_for_a_server_whose_queue_is_full(stage, tmp_path):
    backend = stage.backend(keep_alive(), address=str(tmp_path / "backend.sock"), backlog=0)
    proxy = stage.proxy(backend)
    backend.accepting.clear()
    clients = [Client(proxy.address) for _ in range(8)]
    for client in clients:
        client.ask("GET", "/")
    assert all(client.silent(0.05) for client in clients)
    backend.accepting.set()
    assert [client.answer().status for client in clients] == [200] * 8
    for client in clients:
        client.close()


def test_the_command_line_takes_files_on_both_sides(stage, path, tmp_path):
    backend = stage.backend(keep_alive(), address=str(tmp_path / "backend.sock"))
    stage.run(["run", "--listen", f"unix:{path}", "--upstream", backend.server])
    assert fetch(path, "/").text == "GET / 0 1.1\n"


def test_a_file_that_a_killed_holdfast_left_behind_is_replaced(stage, path):
    backend = stage.backend(keep_alive())
    stage.proxy(backend, **listener_at(path)).kill()
    assert os.path.exists(path)
    stage.proxy(backend, **listener_at(path))
    assert fetch(path, "/").status == 200


@pytest.mark.parametrize("what, complaint", [
    ("listener", "Another program listens there"), ("file", "not a socket"),
    ("folder", "folder does not exist")])
def test_a_place_that_cannot_be_taken_is_left_alone(stage, path, what, complaint):
    with socket.socket(socket.AF_UNIX) as other:
        if what == "listener":
            other.bind(path)
            other.listen()
        elif what == "file":
            open(path, "w", encoding="ascii").close()
        else:
            path += "/missing/socket"
        proxy = stage.run(["run", "--listen", f"unix:{path}", "--upstream", "127.0.0.1:1"],
                          listeners=0)
        assert proxy.wait() == 1
        assert complaint in proxy.stderr and path in proxy.stderr
        assert os.path.exists(path) == (what != "folder")


@pytest.mark.workers
def test_two_workers_share_the_clients_of_a_file(stage, path):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, workers=2, **listener_at(path),
                        upstream={"pool": {"max_connections": 2}})
    for number in range(100):
        assert fetch(path, f"/{number}").status == 200
    assert backend.max_open <= 2
    assert proxy.stop() == 0
    assert not os.path.exists(path)


# With two workers and one permit the connection has to move to whoever needs it.
@pytest.mark.workers
def test_connections_to_a_file_move_between_workers(stage, tmp_path):
    backend = stage.backend(keep_alive(), address=str(tmp_path / "backend.sock"))
    proxy = stage.proxy(backend, workers=2, upstream={"pool": {"max_connections": 1}})
    for number in range(100):
        assert fetch(proxy.address, f"/{number}").status == 200
    assert backend.accepted == 1


@pytest.mark.workers
@pytest.mark.parametrize("workers", [1, 2])
def test_a_drain_answers_what_is_under_way_and_lets_nobody_in(stage, path, workers):
    gate = Gate()
    backend = stage.backend(gate.script)
    proxy = stage.proxy(backend, workers=workers, **listener_at(path))
    with Client(path) as client:
        client.ask("GET", "/held")
        backend.wait_for_begun(1)
        proxy.send_signal(signal.SIGTERM)

        def refuses() -> bool:
            try:
                Client(path).close()
            except (ConnectionRefusedError, FileNotFoundError):
                return True
            return False
        wait_until(refuses, "nobody is let in")
        gate.open("/held")
        assert client.answer().status == 200
    assert proxy.wait() == 0
    assert not os.path.exists(path)
