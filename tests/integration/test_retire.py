"""`retire` on the wire: who closes first, what the backend reads, and who holds TIME_WAIT.

Over a cable between two networks; test_kinds_of_close shows what the kernel makes of each close.
"""

import pytest

from harness.cable import Cable
from harness.client import Client
from harness.scripts import idle_limit, keep_alive
from harness.waiting import wait_until

SHORT = {"idle_timeout": "300ms"}


@pytest.fixture
def cable(stage):
    return stage.adopt(Cable())


class Ended:
    """One request, and what became of its connection when nobody needed it any more."""

    def __init__(self, stage, cable, script, **upstream) -> None:
        self.backend = cable.backend(stage, script)
        self.proxy = stage.proxy(self.backend, upstream=upstream, **cable.where())
        with Client(self.proxy.address, make_socket=cable.near.socket) as client:
            assert client.get("/").status == 200
        self.backend.wait_for_open(0)
        cable.settle(self.backend.address[1])
        connection, = self.backend.connections
        self.how = (connection.ended_by, connection.ended_how)
        port = self.backend.address[1]
        self.time_wait = (cable.our_time_wait(port), cable.their_time_wait(port))


def test_fin_closes_by_fin_and_pays(stage, cable):
    ended = Ended(stage, cable, keep_alive(), pool=SHORT, retire="fin")
    assert ended.how == ("holdfast", "fin")
    assert ended.time_wait == (1, 0)


def test_reset_closes_by_a_reset_and_nobody_pays(stage, cable):
    ended = Ended(stage, cable, keep_alive(), pool=SHORT, retire="reset")
    assert ended.how == ("holdfast", "reset")
    assert ended.time_wait == (0, 0)


def test_peer_first_leaves_it_to_the_backend_which_pays(stage, cable):
    ended = Ended(stage, cable, idle_limit(0.8), pool=SHORT, retire="peer_first")
    assert ended.how == ("backend", "fin")
    wait_until(lambda: cable.their_time_wait(ended.backend.address[1]) == 1, "it is the backend's")
    assert cable.our_time_wait(ended.backend.address[1]) == 0


def test_auto_leaves_it_to_the_backend_and_nobody_pays(stage, cable):
    ended = Ended(stage, cable, idle_limit(0.8), pool=SHORT)
    assert ended.how == ("backend", "fin")
    assert ended.time_wait == (0, 0)


def test_auto_closes_by_fin_what_the_backend_leaves_open(stage, cable):
    ended = Ended(stage, cable, keep_alive(), pool=SHORT)
    assert ended.how == ("holdfast", "fin")
    assert ended.time_wait == (1, 0)


@pytest.mark.parametrize("mode", ["auto", "peer_first", "fin", "reset"])
def test_a_limit_of_requests(stage, cable, mode):
    def script(connection):
        request = connection.read_request()
        close = "close" in request.fields.tokens("Connection")
        connection.reply(b"ok", fields=[("Connection", "close")] if close else [])
        if not close:
            connection.read_request()
    ended = Ended(stage, cable, script, pool={"max_requests": 1}, retire=mode)
    assert ended.how == {"fin": ("holdfast", "fin"), "reset": ("holdfast", "reset")}.get(
        mode, ("backend", "fin"))
    assert ended.time_wait[0] == (1 if mode == "fin" else 0)
