"""Faults of clients, and of there being too many of them, each under load. The numbers are those of
the table in tests/README.md."""

import pytest

from harness.binary import sanitized
from harness.client import Client, fence
from harness.messages import encode_head
from harness.scripts import Gate, faulty, keep_alive
from harness.waiting import Stopwatch, scaled, wait_until

ROUNDS = scaled(20)
BIG = b"b" * 8_000_000  # More than all sockets on its way can hold.


def leaver(trial, number: int, target: str = "/fault", **how) -> Client:
    """A client that has asked and will not wait for its answer."""
    client = Client(trial.proxy.address, **how)
    client.ask("GET", target, [("X-Id", f"GET-left-{number}")])
    trial.note(f"GET-left-{number}", "left")
    return client


def until_it_leaves(connection, request) -> None:
    """Owes an answer until holdfast ends the connection."""
    connection.read_body(request)
    connection.wait_for_end()


def test_fault_21_a_client_that_half_closes_has_left(trial):
    trial = trial(faulty(until_it_leaves))
    trial.bystanders()
    for number in range(ROUNDS):
        with leaver(trial, number) as client:
            trial.backend.wait(lambda b: b.executions[f"GET-left-{number}"], "it was asked")
            client.half_close()
            assert client.ends()
    counts = trial.finish()
    assert counts.errors == {"client_left": ROUNDS}
    assert counts.retired["client_left"] == ROUNDS


def test_fault_21_a_client_that_half_closes_is_served_where_the_listener_says_so(trial):
    trial = trial(keep_alive(), listener={"half_close": "serve"})
    trial.bystanders()
    for number in range(ROUNDS):
        with Client(trial.proxy.address) as client:
            client.ask("GET", "/", [("X-Id", f"GET-half-{number}")])
            client.half_close()
            reply = client.answer()
            assert reply.text.startswith(f"GET GET-half-{number} ")
            assert client.ends()
            trial.note(f"GET-half-{number}", str(reply.status))
    trial.finish()


def test_fault_22_a_client_that_resets_before_its_answer(trial):
    trial = trial(faulty(until_it_leaves))
    trial.bystanders()
    for number in range(ROUNDS):
        client = leaver(trial, number)
        trial.backend.wait(lambda b: b.executions[f"GET-left-{number}"], "it was asked")
        client.reset()
    trial.backend.wait(lambda b: not any(owes(c) for c in b.connections), "they are retired")
    assert trial.finish().retired["client_left"] == ROUNDS


def owes(connection) -> bool:
    return connection.open and len(connection.requests) > connection.answered and (
        connection.requests[-1].target == "/fault")


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_fault_23_a_client_that_resets_in_the_middle_of_its_answer(trial, framing):
    body = BIG if framing == "length" else BIG[:100_000]

    def fault(connection, request):
        connection.read_body(request)
        if framing == "length":
            connection.reply(body)
        else:
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" + body)
        connection.wire.rest()
    trial = trial(faulty(fault))
    trial.bystanders()
    for number in range(ROUNDS):
        client = leaver(trial, number, receive_buffer=8192)
        client.wire.exactly(1000)
        client.reset()
    counts = trial.finish()
    assert counts.errors == {"client_left": ROUNDS}
    assert counts.retired["client_left"] == ROUNDS


def test_fault_27_a_body_that_comes_one_byte_at_a_time(trial):
    # holdfast has a limit of its own between two reads; whoever stops is cut off.
    trial = trial(keep_alive(), listener={"timeouts": {"body": "100ms"}})
    trial.backend.expects_broken_requests = True
    trial.bystanders()
    for number in range(5):
        with Client(trial.proxy.address) as client:
            client.ask("POST", "/", [("X-Id", f"POST-slow-{number}"), ("Content-Length", "10")])
            for byte in b"half.":
                client.send(bytes([byte]))
                assert client.silent(0.02)
            trial.note(f"POST-slow-{number}", str(client.answer().status))
    assert set(trial.outcomes.values()) == {"408"}
    trial.finish()


def test_fault_28_a_client_that_does_not_read_its_answer(trial):
    def fault(connection, request):
        connection.read_body(request)
        connection.reply(BIG)
        connection.wire.rest()
    trial = trial(faulty(fault), listener={"timeouts": {"write": "200ms"}})
    trial.bystanders()
    clients = [leaver(trial, number, receive_buffer=1024) for number in range(ROUNDS)]
    wait_until(lambda: trial.proxy.descriptors() <= trial.descriptors + 4, "all are cut off")
    counts = trial.finish()
    assert counts.errors == {"client_stalled": ROUNDS}
    for client in clients:
        client.close()


# Too many.

def test_fault_29_thousands_of_idle_clients(trial):
    """As many as the descriptors of a test machine allow; what each costs does not depend on it."""
    count = scaled(6000)
    trial = trial(keep_alive())
    trial.backend.records = False
    trial.bystanders()
    idle = []
    for number in range(count):
        client = Client(trial.proxy.address)
        client.ask("GET", "/", [("X-Id", f"GET-idle-{number}")])
        idle.append(client)
    for number, client in enumerate(idle):
        trial.note(f"GET-idle-{number}", str(client.answer().status))
    each = (trial.proxy.status_bytes("VmRSS") - trial.memory) / count
    assert sanitized() or each <= 4096, f"{each:.0f} bytes for an idle client"
    took = []
    for number in range(20):
        watch = Stopwatch()
        assert trial.victim("/") == "200"
        took.append(watch.seconds)
    assert min(took) < (0.05 if sanitized() else 0.005)
    for client in idle:
        client.close()
    trial.finish()


@pytest.mark.workers
@pytest.mark.parametrize("connections", [1, 3])
def test_fault_63_two_workers_race_for_the_last_idle_connection(trial, connections):
    trial = trial(keep_alive(), workers=2, upstream={"pool": {"max_connections": connections}})
    trial.bystanders(12, limit=scaled(150)).join()
    counts = trial.finish()
    assert (trial.backend.max_open, trial.backend.accepted) == (connections, connections)
    assert set(trial.backend.executions.values()) == {1}
    assert counts.retired.get("moved", 0) > 0


def queueing(stage, trial, **queue):
    """A second upstream with one connection, whose answers the test lets go."""
    gate = Gate()
    held = stage.backend(gate.script)
    pool = {"max_connections": 1, "queue": {"timeout": "30s", **queue}}
    trial = trial(keep_alive(), beside=[held.server], beside_with={"pool": pool})
    trial.bystanders()
    trial.backends.append(held)
    return trial, gate, held


def ask_beside(trial, name: str) -> Client:
    client = Client(trial.proxy.addresses[1])
    client.ask("GET", "/", [("X-Id", name)])
    return client


def end_well(trial, client: Client, name: str) -> None:
    reply = client.answer()
    trial.note(name, str(reply.status))
    assert reply.text.startswith(f"GET {name} "), reply.text
    client.close()


def test_fault_64_the_queue_is_full(stage, trial):
    trial, gate, held = queueing(stage, trial, max=2)
    first = ask_beside(trial, "GET-0")
    held.wait_for_begun(1)
    waiting = []
    for number in (1, 2):
        waiting.append(ask_beside(trial, f"GET-{number}"))
        fence(trial.proxy.addresses[1])
    took = []
    for number in range(ROUNDS):
        with Client(trial.proxy.addresses[1]) as client:
            watch = Stopwatch()
            reply = client.get("/", [("X-Id", f"GET-refused-{number}")])
            took.append(watch.seconds)
            assert (reply.status, int(reply.fields.get("Retry-After")) >= 1) == (503, True)
            trial.note(f"GET-refused-{number}", "503")
    # The busy machine's share apart, a refusal waits for nothing.
    assert min(took) < (0.05 if sanitized() else 0.005)
    gate.open()
    for number, client in enumerate([first, *waiting]):
        end_well(trial, client, f"GET-{number}")
    finish_fenced(trial, 4)
    assert trial.counts.errors["connection_limit_reached"] == ROUNDS
    assert held.accepted == 1  # No connection was disturbed.


def finish_fenced(trial, fences: int) -> None:
    """A fence asks twice for HTTP/3, which is refused before it is a request."""
    for number in range(fences):
        trial.note(f"fence-{number}", "refused 505")
    trial.finish()


def test_fault_65_the_deadline_in_the_queue_passes(stage, trial):
    trial, gate, held = queueing(stage, trial, timeout="150ms")
    first = ask_beside(trial, "GET-0")
    held.wait_for_begun(1)
    late = [ask_beside(trial, f"GET-late-{number}") for number in range(ROUNDS)]
    for number, client in enumerate(late):
        reply = client.answer()
        assert (reply.status, int(reply.fields.get("Retry-After")) >= 1) == (503, True)
        trial.note(f"GET-late-{number}", "503")
        client.close()
    alive = ask_beside(trial, "GET-1")
    gate.open()
    end_well(trial, first, "GET-0")
    end_well(trial, alive, "GET-1")  # The connection goes to the one that is still there.
    trial.finish()
    assert trial.counts.errors["connection_limit_timeout"] == ROUNDS
    assert held.accepted == 1


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_fault_66_a_client_leaves_while_it_is_queued(stage, trial, how):
    trial, gate, held = queueing(stage, trial)
    first = ask_beside(trial, "GET-0")
    held.wait_for_begun(1)
    leaving = [ask_beside(trial, f"GET-left-{number}") for number in range(ROUNDS)]
    last = ask_beside(trial, "GET-1")
    fence(trial.proxy.addresses[1])
    for number, client in enumerate(leaving):
        client.reset() if how == "reset" else client.close()
        trial.note(f"GET-left-{number}", "left")
    fence(trial.proxy.addresses[1])
    gate.open()
    end_well(trial, first, "GET-0")
    end_well(trial, last, "GET-1")
    finish_fenced(trial, 4)
    assert trial.counts.errors["client_left"] == ROUNDS
    assert (held.accepted, len(held.begun)) == (1, 2)  # Nothing was opened or asked for them.


# Too much.

def chunked(name: str) -> bytes:
    return encode_head("POST / HTTP/1.1", [("Host", "a"), ("X-Id", name),
                                           ("Transfer-Encoding", "chunked")])


HUGE = {
    "a-head-of-a-megabyte": (431, "refused", lambda name: [
        b"GET / HTTP/1.1\r\nHost: a\r\nX: "] + [b"x" * 10_000] * 100 + [b"\r\n\r\n"]),
    "a-hundred-thousand-fields": (431, "refused", lambda name: [
        b"GET / HTTP/1.1\r\nHost: a\r\n"] + [b"X: y\r\n" * 1000] * 100 + [b"\r\n"]),
    "a-target-of-a-megabyte": (414, "refused", lambda name: [
        b"GET /"] + [b"x" * 10_000] * 100 + [b" HTTP/1.1\r\nHost: a\r\n\r\n"]),
    "a-chunk-extension-of-64-kib": (400, "", lambda name: [
        chunked(name) + b"1;x="] + [b"x" * 1024] * 64 + [b"\r\ny\r\n0\r\n\r\n"]),
    "ten-million-chunks-of-a-byte": (400, "", lambda name: [
        chunked(name)] + [b"1\r\nx\r\n" * 10_000] * 1000 + [b"0\r\n\r\n"]),
}


@pytest.mark.long
@pytest.mark.parametrize("case", HUGE)
def test_fault_67_too_much_of(trial, case):
    status, prefix, pieces_of = HUGE[case]
    trial = trial(keep_alive())
    trial.backend.expects_broken_requests = True
    trial.bystanders()
    clients, sent = [], 0
    for number in range(ROUNDS):
        name = f"POST-huge-{number}"
        client = Client(trial.proxy.address)
        clients.append(client)
        for piece in pieces_of(name):
            try:
                client.send(piece)
            except ConnectionError:  # It has been answered and cut off.
                break
            sent += len(piece)
        trial.note(name, f"{prefix} {status_of(client)}".strip())
    assert set(trial.outcomes.values()) == {f"{prefix} {status}".strip()}
    held = trial.proxy.status_bytes("VmHWM") - trial.memory
    assert sanitized() or held <= 16 * sent, f"{held} bytes for {sent}"
    for client in clients:
        client.close()
    trial.finish()
    assert not any(trial.backend.executions[name] for name in trial.outcomes)


def status_of(client: Client) -> int:
    """The status of an answer behind which a reset may follow at once."""
    try:
        return client.answer().status
    except ConnectionError:
        return 0
