"""Clients that leave: at any moment, politely or not. Nobody else may notice."""

import pytest

from harness.client import Client, fence, fetch
from harness.messages import Ended, Truncated, encode_head
from harness.scripts import Gate, answer, keep_alive, one_by_one
from harness.waiting import scaled

ONE = {"pool": {"max_connections": 1}}
POST_HEAD = encode_head("POST /left HTTP/1.1", [("Host", "a"), ("Content-Length", "10")])
BIG = b"b" * 32_000_000  # More than all sockets on its way can hold.


def leave(client: Client, how: str) -> None:
    client.reset() if how == "reset" else client.close()


@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("said", [
    b"", b"GET /left HT", POST_HEAD[:-2], POST_HEAD, POST_HEAD + b"five.",
], ids=["nothing", "half-a-line", "half-a-head", "a-head", "half-a-body"])
def test_a_client_may_leave_in_the_middle_of_its_request(stage, said, how):
    backend = stage.backend(keep_alive())
    backend.expects_broken_requests = True
    proxy = stage.proxy(backend, upstream=ONE)
    with Client(proxy.address) as client:
        client.send(said)
        leave(client, how)
    assert fetch(proxy.address, "/next").text.startswith("GET /next 0 ")
    assert backend.executions == {"/next": 1}
    assert all(c.ended_by == "holdfast" for c in backend.connections[:-1])


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_a_client_may_leave_before_its_answer(stage, how):
    gate = Gate()
    backend = stage.backend(gate.script)
    proxy = stage.proxy(backend, upstream=ONE)
    with Client(proxy.address) as client:
        client.ask("GET", "/left")
        backend.wait_for_begun(1)
        leave(client, how)
    # The connection still owes an answer to somebody who has left: it must not serve anyone else.
    backend.wait(lambda b: b.connections[0].ended_by == "holdfast", "the connection retired")
    assert fetch(proxy.address, "/free").text == "GET /free 0 2.1\n"


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_a_client_may_leave_in_the_middle_of_its_answer(stage, how):
    def script(connection):
        answer(connection, connection.read_request(), BIG)
        keep_alive()(connection)
    backend = stage.backend(one_by_one(script, keep_alive()))
    proxy = stage.proxy(backend, upstream=ONE)
    with Client(proxy.address, receive_buffer=8192) as client:
        client.ask("GET", "/left")
        client.wire.exactly(1000)
        leave(client, how)
    assert fetch(proxy.address, "/next").text == "GET /next 0 2.1\n"
    assert backend.connections[0].ended_by == "holdfast"


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_a_client_that_leaves_while_queued_is_never_served(stage, how):
    gate = Gate()
    backend = stage.backend(gate.script)
    proxy = stage.proxy(backend, upstream=ONE)
    with Client(proxy.address) as first, Client(proxy.address) as second:
        first.ask("GET", "/first")
        backend.wait_for_begun(1)
        second.ask("POST", "/left", body=b"x")
        fence(proxy.address)
        leave(second, how)
        fence(proxy.address)
        gate.open()
        assert first.answer().text == "GET /first 0 1.1\n"
        assert fetch(proxy.address, "/next").text == "GET /next 0 1.2\n"
    assert "/left" not in backend.executions
    assert backend.accepted == 1


def test_a_half_closed_client_has_left_by_default(stage):
    backend = stage.backend(Gate().script)
    proxy = stage.proxy(backend, upstream=ONE)
    with Client(proxy.address) as client:
        client.ask("GET", "/left")
        backend.wait_for_begun(1)
        client.half_close()
        backend.wait(lambda b: b.connections[0].ended_by == "holdfast", "the connection retired")
        assert client.ends()
    assert fetch(proxy.address, "/free").status == 200


def test_a_half_closed_client_is_served_where_the_listener_says_so(stage):
    gate = Gate()
    backend = stage.backend(gate.script)
    proxy = stage.proxy(backend, upstream=ONE, listener={"half_close": "serve"})
    with Client(proxy.address) as client:
        client.ask("POST", "/served", body=b"hello")
        client.half_close()
        backend.wait_for_begun(1)
        fence(proxy.address)
        gate.open()
        assert client.answer().text == "POST /served 5 1.1\n"
        assert client.ends()
    assert fetch(proxy.address, "/next").text == "GET /next 0 1.2\n"  # It came back to the pool.


def test_a_half_closed_client_is_served_all_it_has_pipelined(stage):
    proxy = stage.proxy(stage.backend(keep_alive()), listener={"half_close": "serve"})
    with Client(proxy.address) as client:
        client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(5)))
        client.half_close()
        assert [client.answer().text.split()[1] for _ in range(5)] == [f"/{n}" for n in range(5)]
        assert client.ends()


def test_a_client_that_half_closes_inside_its_request_is_not_served(stage):
    backend = stage.backend(keep_alive())
    backend.expects_broken_requests = True
    proxy = stage.proxy(backend, upstream=ONE, listener={"half_close": "serve"})
    with Client(proxy.address) as client:
        client.send(POST_HEAD + b"five.")
        client.half_close()
        try:
            assert client.answer().status == 400
        except (Ended, Truncated):
            pass  # To say nothing to who has left is as good.
    assert fetch(proxy.address, "/next").status == 200
    assert "/left" not in backend.executions


def test_nobody_gets_the_answer_of_a_client_that_left(stage, dice):
    # Clients leave at random moments of random exchanges; all others get exactly their own answers.
    def script(connection):
        while True:
            request = connection.read_request()
            times = (1, 50, 20_000)[int(request.target[1:]) % 3]
            answer(connection, request, request.target.encode() * times)
    backend = stage.backend(script)
    backend.expects_broken_requests = True
    proxy = stage.proxy(backend, upstream={"pool": {"max_connections": 3}})
    for number in range(scaled(300)):
        with Client(proxy.address) as client:
            target = f"/{number:06}"
            whole = encode_head(f"POST {target} HTTP/1.1", [("Host", "a"), ("Content-Length", "9")])
            whole += b"nine more"
            if dice.random() < 0.4:
                client.send(whole[: dice.randrange(len(whole) + 1)])
                if dice.random() < 0.5:
                    client.sock.settimeout(0.002)
                    try:
                        client.wire.more()
                    except OSError:
                        pass  # It leaves in the middle, wherever that is.
                leave(client, dice.choice(["fin", "reset"]))
                continue
            client.send(whole)
            body = client.answer().body
            assert body == target.encode() * (len(body) // len(target)) and body, target
    assert backend.max_open <= 3
