"""The end of a client's connection: answers are not lost by it, and who has vanished is noticed."""

import threading

import pytest

from harness.client import Client, fetch
from harness.messages import Ended, Truncated
from harness.namespace import Wire
from harness.scripts import answer, keep_alive, one_by_one
from harness.waiting import wait_until

BIG = 8 << 20  # Of a request's body: far more than is read of it behind the answer.
FAST = {"timeouts": {"head": "1s", "body": "1s", "write": "1s", "idle": "1s"}}


@pytest.fixture
def wire():
    wire = Wire()
    yield wire
    wire.stop()


@pytest.fixture(params=["loopback", "wire"])
def place(request, stage):
    """Starts holdfast and its clients: on one machine, or on two with a wire between them."""
    if request.param == "loopback":
        yield stage.proxy, Client
        return
    wire = Wire()

    def proxy(*backends, listener=None, **how):
        # The backends are here, too; the control of the stage is not.
        return stage.proxy(*backends, prefix=wire.near.prefix,
                           listener={"address": f"{wire.near_address}:8080", **(listener or {})}, **how)

    def client(address, **how):
        return Client(address, make_socket=wire.far.socket, **how)
    client.backend_socket = wire.near.socket
    yield proxy, client
    wire.stop()


def backend_of(stage, make_client, script):
    make_socket = getattr(make_client, "backend_socket", None)
    if make_socket is None:
        return stage.backend(script)
    return stage.backend(script, make_socket=make_socket, address=("127.0.0.1", 9000))


def refuse_early(connection):
    connection.read_head()
    connection.send(b"garbage\r\n")
    connection.wait_until_left()


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
REFUSALS = {
    400: HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    413: HEAD + b"Content-Length: %d\r\n\r\n" % (64 << 20),
    431: HEAD + b"X: " + b"x" * 20_000,
    501: HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    502: HEAD + b"Content-Length: %d\r\n\r\n" % BIG,
}


@pytest.mark.parametrize("reads", ["while-it-sends", "when-all-is-sent"])
@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_is_read_by_a_client_that_is_still_sending(stage, place, status, reads):
    make_proxy, make_client = place
    backend = backend_of(stage, make_client, refuse_early)
    backend.expects_broken_requests = True
    proxy = make_proxy(backend, listener={"limits": {"body": "32m"}})
    with make_client(proxy.address) as client:
        client.send(REFUSALS[status])
        sender = threading.Thread(target=send_all, args=(client,), daemon=True)
        sender.start()
        if reads == "when-all-is-sent":
            sender.join(20)
        reply = client.answer()
        assert reply.status == status
        assert "close" in reply.fields.tokens("Connection")
        sender.join(20)
        assert not sender.is_alive()


def send_all(client: Client) -> None:
    try:
        for _ in range(BIG >> 16):
            client.send(b"x" * 65536)
    except OSError:
        pass  # It may be stopped, as long as it has its answer.


def test_a_client_that_sends_no_more_than_a_little_is_never_reset(stage, place):
    make_proxy, make_client = place
    backend = backend_of(stage, make_client, keep_alive())
    proxy = make_proxy(backend)
    with make_client(proxy.address) as client:
        client.send(REFUSALS[400])
        for _ in range(6):
            client.send(b"x" * 10_000)
        assert client.answer().status == 400
        assert client.rest() == b""  # An end of stream and not a reset.
        client.send(b"x" * 3_000)  # Still taken.


def waits_for_ever(connection):
    connection.read_request()
    connection.wait_until_left()


def streams(connection):
    """Answers with more than all sockets on its way can hold."""
    answer(connection, connection.read_request(), b"b" * (32 << 20))


@pytest.mark.parametrize("when", ["idle", "in-its-head", "in-its-body", "in-its-answer"])
def test_a_client_that_vanishes_costs_nothing_for_long(stage, wire, when):
    backend = stage.backend(one_by_one(streams if when == "in-its-answer" else keep_alive(),
                                       keep_alive()),
                            make_socket=wire.near.socket, address=("127.0.0.1", 9000))
    backend.expects_broken_requests = True
    proxy = stage.proxy(backend, prefix=wire.near.prefix,
                        listener={"address": f"{wire.near_address}:8080", **FAST})
    idle = proxy.descriptors()
    with Client(proxy.address, make_socket=wire.far.socket) as client:
        if when == "in-its-answer":
            client.ask("GET", "/big")
            client.wire.exactly(100_000)
        else:
            assert client.get("/1").status == 200
        client.send({"in-its-head": b"GET /2 HT", "in-its-body": REFUSALS[502]}.get(when, b""))
        if when == "in-its-body":
            backend.wait_for_begun(2)
        wire.cut = True
        # The connection to the backend may stay where no request was under way.
        wait_until(lambda: proxy.descriptors() <= idle + (when in ("idle", "in-its-head")),
                   "the client's connection is gone")
    reasons = {"in-its-body": "request_unsent", "in-its-answer": "client_left"}
    assert proxy.retirements() == {reasons.get(when, "shutdown"): 1}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_backend_that_vanishes_while_idle_costs_one_timeout(stage, wire, method):
    backend = stage.backend(keep_alive(), make_socket=wire.far.socket,
                            address=(wire.far_address, 9000))
    proxy = stage.proxy(backend, prefix=wire.near.prefix,
                        listener={"address": "127.0.0.1:8080"},
                        upstream={"timeouts": {"response": "1s", "connect": "1s"}})
    with Client(proxy.address, make_socket=wire.near.socket) as client:
        assert client.get("/1").status == 200
        wire.cut = True
        assert client.exchange(method, "/2").status == 504
    assert proxy.retirements() == {"timed_out": 1}
    assert backend.executions["/2"] <= 1


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_backend_that_vanishes_in_its_answer_is_cut_off_visibly(stage, wire, version):
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        connection.wait_until_left()
    backend = stage.backend(script, make_socket=wire.far.socket, address=(wire.far_address, 9000))
    proxy = stage.proxy(backend, prefix=wire.near.prefix,
                        listener={"address": "127.0.0.1:8080"},
                        upstream={"timeouts": {"read": "1s"}})
    with Client(proxy.address, make_socket=wire.near.socket) as client:
        client.ask("GET", "/", version=version)
        assert client.wire.until(b"half")
        wire.cut = True
        with pytest.raises((Truncated, Ended, ConnectionError)):
            client.wire.rest() and client.wire.exactly(1)
    assert proxy.retirements() == {"timed_out": 1}
