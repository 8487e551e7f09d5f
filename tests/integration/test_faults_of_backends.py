"""Faults of backends, each of them under load: others are served meanwhile, by the same backend and
often by the same connections, and afterwards all books agree. The numbers are those of the table in
tests/README.md."""

import random
import socket
import threading
import time

import pytest

from harness.backlog import BlackHole
from harness.client import Client
from harness.load import outcome_of
from harness.messages import Ended, Truncated
from harness.moves import overlap
from harness.scripts import Gate, answer, close_after, faulty, keep_alive
from harness.waiting import PATIENCE, Stopwatch, scaled, wait_until

ROUNDS = scaled(20)
WAYS = pytest.mark.parametrize("how", ["fin", "reset"])
OK = b"HTTP/1.1 200 OK\r\n"


def end(connection, how: str) -> None:
    connection.reset() if how == "reset" else connection.close()


def many(trial, outcome: str, method: str = "GET", **how) -> None:
    """The fault again and again, always with this outcome."""
    for number in range(ROUNDS):
        found = trial.victim(f"/fault/{number}", method, **how)
        assert found.startswith(outcome), (number, found)


# While a connection is idle.

def sleepers(trial) -> list:
    """Connections that have been used once and stay idle below those that the load uses."""
    gate = trial.gate
    overlap(trial.proxy, gate, trial.backend, [f"/asleep/{n}" for n in range(8)])
    trial.bystanders(2)
    asleep = [c for c in trial.backend.connections if c.open and len(c.requests) == 1]
    assert len(asleep) >= 6
    return asleep


@pytest.fixture
def sleeping(trial):
    """A trial whose connections can be put to sleep; what they have served is in its book."""
    gate = Gate(free="GET-")

    def script(connection):
        while True:
            request = connection.read_request()
            if request.id.startswith("/"):
                gate.hold(connection, request)
            answer(connection, request)
    started = trial(script)
    started.gate = gate
    return started


def judge_sleepers(trial, asleep, reason: str) -> None:
    """Every one of them is retired for this reason, and those who come next get their own answers."""
    trial.backend.wait(lambda b: not any(c.open for c in asleep), "they are gone")
    trial.load.wait_for(scaled(50))
    overlap(trial.proxy, trial.gate, trial.backend, [f"/after/{n}" for n in range(8)])
    for number in range(8):
        trial.note(f"/asleep/{number}", "200")
        trial.note(f"/after/{number}", "200")
    counts = trial.finish()
    assert counts.retired[reason] == len(asleep), counts


def test_fault_01_an_idle_connection_is_closed_by_the_backend(sleeping):
    asleep = sleepers(sleeping)
    for connection in asleep:
        connection.drop("fin")
    judge_sleepers(sleeping, asleep, "ended_while_idle")


def test_fault_04_an_idle_connection_is_reset_by_the_backend(sleeping):
    asleep = sleepers(sleeping)
    for connection in asleep:
        connection.drop("reset")
    judge_sleepers(sleeping, asleep, "ended_while_idle")


def test_fault_09_twelve_stray_bytes_while_idle(sleeping):
    asleep = sleepers(sleeping)
    for connection in asleep:
        connection.send(b"stray bytes!")
    judge_sleepers(sleeping, asleep, "spoke_while_idle")


def test_fault_10_a_whole_answer_that_nobody_asked_for_while_idle(sleeping):
    asleep = sleepers(sleeping)
    for connection in asleep:
        connection.send(OK + b"Content-Length: 15\r\n\r\nGET poison 0 9\n")
    judge_sleepers(sleeping, asleep, "spoke_while_idle")


# Before the answer.

def stale(how: str):
    """Ends instead of answering, if the connection has answered before."""
    def fault(connection, request):
        connection.read_body(request)
        if connection.answered:
            return end(connection, how)
        answer(connection, request)
        return True
    return fault


@WAYS
def test_fault_02_a_connection_that_ends_as_a_get_is_sent(trial, how):
    # How much a budget allows is not the question here, and a slow machine's load earns little of it.
    trial = trial(faulty(stale(how)), upstream={"replay": {"budget": "100%"}})
    trial.bystanders()
    many(trial, "200")
    counts = trial.finish()
    again = [n for n in trial.outcomes if trial.backend.executions[n] == 2]
    assert counts.replays >= len(again) > 0


@WAYS
def test_fault_03_a_connection_that_ends_as_a_post_is_sent(trial, how):
    trial = trial(faulty(stale(how)))
    trial.bystanders()
    for number in range(ROUNDS):
        assert trial.victim(f"/fault/{number}", "POST") in ("200", "502")
    counts = trial.finish()
    lost = sum(outcome == "502" for outcome in trial.outcomes.values())
    assert counts.errors["connection_terminated"] == lost > 0


@WAYS
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_fault_05_a_connection_that_ends_in_the_head_of_its_answer(trial, how, method):
    def fault(connection, request):
        connection.read_body(request)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        end(connection, how)
    trial = trial(faulty(fault))
    trial.bystanders()
    many(trial, "502", method)
    assert trial.finish().retired["broken"] == ROUNDS
    assert all(trial.backend.executions[name] == 1 for name in trial.outcomes)


@WAYS
def test_fault_06_a_connection_that_ends_in_a_body_with_a_length(trial, how):
    def fault(connection, request):
        connection.read_body(request)
        connection.send(OK + b"Content-Length: 1000\r\n\r\n" + b"x" * 500)
        end(connection, how)
    trial = trial(faulty(fault))
    trial.bystanders()
    many(trial, "cut")
    assert trial.finish().errors == {"http_response_incomplete": ROUNDS}


@WAYS
@pytest.mark.parametrize("rest", [b"", b"5\r\nhel", b"5\r\nhello\r\n", b"5\r\nhello\r\n0\r\n"],
                         ids=["no-chunk", "in-a-chunk", "between-chunks", "in-the-last-chunk"])
def test_fault_07_a_connection_that_ends_in_a_chunked_body(trial, how, rest):
    def fault(connection, request):
        connection.read_body(request)
        connection.send(OK + b"Transfer-Encoding: chunked\r\n\r\n" + rest)
        end(connection, how)
    trial = trial(faulty(fault))
    trial.bystanders()
    for number in range(ROUNDS):
        # The head may still be with us when the backend ends: then it was no answer at all.
        found = trial.victim(f"/fault/{number}")
        assert found == "502" or found.startswith("cut"), found
    assert trial.finish().errors == {"http_response_incomplete": ROUNDS}


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_fault_08_the_end_of_the_stream_ends_the_body(trial, version):
    def fault(connection, request):
        answer(connection, connection.read_body(request), version="1.0", framing="close")
    trial = trial(faulty(fault))
    trial.bystanders()
    with Client(trial.proxy.address) as client:
        for number in range(ROUNDS):
            name = f"GET-kept-{number}"
            outcome, keep = outcome_of(client, "GET", name, target="/fault")
            trial.note(name, outcome)
            assert (outcome, keep) == ("200", True)  # in chunks: the client's connection goes on
    many(trial, "200")
    assert trial.finish().retired["close_delimited"] == 2 * ROUNDS


def test_fault_11_bytes_behind_the_body(trial):
    def fault(connection, request):
        connection.read_body(request)
        body = f"GET {request.id} \n".encode()
        connection.send(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body + OK + b"extra")
        connection.wait_for_end()
    trial = trial(faulty(fault))
    trial.bystanders()
    many(trial, "200")
    assert trial.finish().retired["extra_bytes"] == ROUNDS


# Too early, too late, never.

def upload(trial, name: str, size: int) -> str:
    """Uploads so many bytes, as long as they are wanted; gives the status of the answer."""
    with Client(trial.proxy.address) as client:
        client.ask("POST", "/fault", [("X-Id", name), ("Content-Length", str(size))])
        client.sock.setblocking(False)
        watch = Stopwatch()
        while size and not answered(client):
            try:
                size -= client.sock.send(b"x" * min(size, 1 << 16))
            except BlockingIOError:
                assert watch.seconds < PATIENCE, "neither an answer nor room for more"
                time.sleep(0)
            except ConnectionError:
                break
        client.sock.settimeout(PATIENCE)
        status = str(client.answer("POST").status)
        assert client.ends()  # What was left of the upload could not be told from a request.
        return status


def answered(client: Client) -> bool:
    try:
        return client.sock.recv(1, socket.MSG_PEEK) is not None
    except BlockingIOError:
        return False


def test_fault_12_an_early_413_while_a_hundred_megabytes_are_uploaded(trial):
    def fault(connection, request):
        connection.wire.exactly(100_000)
        connection.reply(b"too much", status=413)
        connection.wire.rest()
    trial = trial(faulty(fault))
    trial.backend.expects_broken_requests = True
    trial.bystanders()
    for number in range(3):
        name = f"POST-early-{number}"
        trial.note(name, upload(trial, name, 100 << 20))
    assert set(trial.outcomes.values()) == {"413"}
    assert trial.finish(local=0).retired["request_unsent"] == 3


@pytest.mark.parametrize("status", [200, 413])
def test_fault_13_an_early_answer_of_a_backend_that_reads_no_more(trial, status):
    over = threading.Event()

    def fault(connection, request):
        connection.reply(b"early", status=status)
        connection.pause_until(over)
    trial = trial(faulty(fault))
    trial.backend.expects_broken_requests = True
    trial.bystanders()
    for number in range(3):
        name = f"POST-early-{number}"
        trial.note(name, f"{upload(trial, name, 100 << 20)} early")
    assert set(trial.outcomes.values()) == {f"{status} early"}
    # The end of the stream waits behind what the backend does not take; holdfast has closed it.
    trial.load.stop()
    deaf = [c for c in trial.backend.connections
            if c.requests and c.requests[-1].target.startswith("/fault")]
    kept = sum(c.open for c in trial.backend.connections if c not in deaf)
    wait_until(lambda: trial.proxy.descriptors() <= trial.descriptors + kept, "they are retired")
    over.set()
    assert trial.finish(local=0).retired["request_unsent"] == 3


def test_fault_14_a_backend_that_never_answers(trial):
    def fault(connection, request):
        connection.read_body(request)
        connection.wait_for_end()
    trial = trial(faulty(fault), upstream={"timeouts": {"response": "100ms"}})
    trial.bystanders()
    rounds = 5
    for number in range(rounds):
        assert trial.victim(f"/fault/{number}", random.Random(number).choice(["GET", "POST"])) == "504"
    assert trial.finish().retired["timed_out"] == rounds
    assert all(trial.backend.executions[name] == 1 for name in trial.outcomes)


def test_fault_15_the_head_of_an_answer_comes_one_byte_at_a_time(trial):
    def fault(connection, request):
        connection.read_body(request)
        for byte in OK * 100:
            connection.send(bytes([byte]))
            if not connection.holdfast_waits(0.02):
                return
    trial = trial(faulty(fault), upstream={"timeouts": {"response": "200ms"}})
    trial.bystanders()
    for number in range(5):
        watch = Stopwatch()
        assert trial.victim(f"/fault/{number}") == "504"
        assert 0.15 < watch.seconds < PATIENCE
    assert trial.finish().retired["timed_out"] == 5


@pytest.mark.parametrize("framing", [b"Content-Length: 10", b"Transfer-Encoding: chunked"],
                         ids=["length", "chunked"])
def test_fault_16_a_backend_that_stops_in_the_body(trial, framing):
    def fault(connection, request):
        connection.read_body(request)
        connection.send(OK + framing + b"\r\n\r\n5\r\nhe")
        connection.wait_for_end()
    trial = trial(faulty(fault), upstream={"timeouts": {"read": "100ms"}})
    trial.bystanders()
    for number in range(5):
        assert trial.victim(f"/fault/{number}").startswith("cut")
    assert trial.finish().errors == {"connection_read_timeout": 5}


@pytest.mark.parametrize("count", [9, 100_000], ids=["nine", "endless"])
def test_fault_17_more_than_eight_interim_answers(trial, count):
    def fault(connection, request):
        connection.read_body(request)
        for _ in range(0, count, 9):
            connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 9)
        connection.wait_for_end()
    trial = trial(faulty(fault))
    trial.bystanders()
    many(trial, "502")
    counts = trial.finish()
    assert counts.errors == {"http_too_many_interim": ROUNDS}
    assert counts.retired["malformed_response"] == ROUNDS


# No connection to be had.

def test_fault_18_one_of_two_backends_answers_no_syn(stage, trial):
    hole = stage.adopt(BlackHole())
    trial = trial(keep_alive(), also=[hole.server],
                  upstream={"timeouts": {"connect": "100ms"}})
    watch = Stopwatch()
    trial.bystanders(4)
    wait_until(lambda: watch.seconds > 1, "some of them have met it")
    trial.finish()


def test_fault_18_no_backend_answers_a_syn(stage, trial):
    hole = stage.adopt(BlackHole())
    trial = trial(keep_alive(), beside=[hole.server],
                  beside_with={"timeouts": {"connect": "100ms"}})
    trial.bystanders()
    for number in range(5):
        watch = Stopwatch()
        assert trial.victim("/", "POST", address=trial.proxy.addresses[1]) == "504"
        # After three attempts nobody waits for another one.
        assert (0.08 if number < 3 else 0) < watch.seconds < PATIENCE
    assert trial.finish().errors == {"connection_timeout": 5}


def test_fault_19_every_backend_refuses_the_connection(stage, trial):
    first, second = stage.backend(keep_alive()), stage.backend(keep_alive())
    for gone in (first, second):
        gone.kill()
    trial = trial(keep_alive(), beside=[first.server, second.server])
    trial.bystanders()
    took = []
    for number in range(ROUNDS):
        watch = Stopwatch()
        assert trial.victim("/", address=trial.proxy.addresses[1]) == "503"
        took.append(watch.seconds)
    assert sorted(took)[len(took) // 2] < 0.05
    second.listen(second.address)
    trial.backends.append(second)
    outcomes = []

    def back() -> bool:
        # It is asked again after a pause of a second at most.
        name = f"GET-back-{len(outcomes)}"
        outcomes.append(trial.victim("/", name=name, address=trial.proxy.addresses[1]))
        return outcomes[-1] == "200"
    wait_until(back, "the server that is back is found")
    assert set(outcomes[:-1]) <= {"503"}
    assert trial.finish().errors == {"connection_refused": ROUNDS + len(outcomes) - 1}


def test_fault_20_a_backend_that_comes_and_goes_every_100_ms(trial):
    trial = trial(keep_alive(), upstream={"pool": {"max_connections": 8}})
    load = trial.bystanders(8)
    attempts = 0
    for number in range(10):
        watch = Stopwatch()
        if number % 2:
            trial.backend.listen(trial.backend.address)
        else:
            trial.backend.kill(("fin", "reset")[number // 2 % 2])
        wait_until(lambda: watch.seconds > 0.1, "100 ms")
    load.wait_for(scaled(50), "200")
    counts = trial.finish({"200", "502", "503"})
    attempts = counts.opened + counts.retired.get("connect_failed", 0)
    assert trial.backend.max_open <= 8
    assert attempts <= len(load.outcomes)


# Odd ends.

@pytest.mark.parametrize("half", [socket.SHUT_RD, socket.SHUT_WR], ids=["reads", "writes"])
def test_fault_57_a_backend_that_half_closes_and_still_answers(trial, half):
    def fault(connection, request):
        connection.read_body(request)
        body = f"GET {request.id} ".encode() + b"x" * 100_000
        if half == socket.SHUT_RD:
            connection.sock.shutdown(half)
        connection.send(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        if half == socket.SHUT_WR:
            connection.sock.shutdown(half)
            connection.wire.rest()
    trial = trial(faulty(fault))
    trial.bystanders(methods=["GET"])  # The end may meet the next request: that is asked again.
    many(trial, "200")
    trial.finish()
    last = [c.requests[-1].target for c in trial.backend.connections if c.requests]
    # None of them has served anybody afterwards.
    assert sum(target.startswith("/fault") for target in last) == ROUNDS


@WAYS
def test_fault_58_a_backend_that_closes_after_each_answer_without_a_word(trial, how):
    def script(connection):
        answer(connection, connection.read_request())
        end(connection, how)
    # Nearly every connection is stale under its second request, far more than a budget is meant for.
    trial = trial(script if how == "reset" else close_after(1, announced=False),
                  upstream={"replay": {"budget": "100%"}})
    load = trial.bystanders(6, limit=scaled(300))
    load.join()
    assert set(load.of("GET").values()) == {"200"}
    counts = trial.finish({"200", "502"})
    lost = load.count("502")
    assert lost <= counts.errors.get("connection_terminated", 0), load.summary()


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"\x15\x03\x01\x00\x02\x02\x46",
                                  b"220 mail.test ESMTP\r\n", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"],
                         ids=["ssh", "tls-alert", "smtp", "http-2-settings"])
@pytest.mark.parametrize("when", ["at-once", "when-asked"])
def test_fault_62_a_backend_that_speaks_another_protocol(stage, trial, said, when):
    def script(connection):
        if when == "at-once":
            connection.send(said)
        connection.read_request()
        connection.send(said)
        connection.wait_for_end()
    stranger = stage.backend(script)
    trial = trial(keep_alive(), beside=[stranger.server])
    trial.bystanders()
    trial.backends.append(stranger)
    for number in range(5):
        found = trial.victim("/", address=trial.proxy.addresses[1])
        assert found == "502", found
    counts = trial.finish()
    assert counts.retired["malformed_response"] == 5
    assert stranger.accepted == 5  # None is used again.
