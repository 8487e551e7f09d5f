"""Signals, ends and standstills of holdfast itself, each under load. The numbers are those of the
table in tests/README.md."""

import random
import signal
import subprocess

import pytest

from harness.binary import holdfast_binary
from harness.client import Client
from harness.load import TaggedLoad
from harness.moves import overlap
from harness.scripts import Gate, answer, closing_10, faulty, keep_alive
from harness.servers import free_port
from harness.waiting import PATIENCE, Stopwatch, scaled, wait_until

CLIENTS = 12
BIG = b"b" * 8_000_000  # More than all sockets on its way can hold.


def test_fault_40_broken_pipes(trial):
    def fault(connection, request):
        connection.read_body(request)
        connection.reply(BIG)
        connection.wire.rest()
    trial = trial(faulty(fault))
    trial.bystanders()
    for number in range(scaled(20)):
        with Client(trial.proxy.address, receive_buffer=8192) as client:
            client.ask("GET", "/fault", [("X-Id", f"GET-left-{number}")])
            client.wire.exactly(1000)
            trial.proxy.send_signal(signal.SIGPIPE)
            client.reset()  # holdfast is in the middle of writing to it.
        trial.note(f"GET-left-{number}", "left")
    assert trial.finish().errors == {"client_left": scaled(20)}


def drained(trial, number: int):
    """Ends holdfast under the load that runs, and compares what was taken with what was answered."""
    watch = Stopwatch()
    trial.measure()
    assert trial.proxy.stop(number) == 0
    assert watch.seconds < PATIENCE
    trial.load.stop()
    return trial.finish_ended({"200", "503", "refused", "closed"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT])
@pytest.mark.parametrize("script", [keep_alive(), closing_10], ids=["keep-alive", "closing"])
def test_fault_41_a_drain_under_load_answers_all_that_was_taken(trial, number, script):
    trial = trial(script, shutdown={"timeout": "10s"})
    trial.bystanders(CLIENTS, pause=0)
    drained(trial, number)


def test_fault_41_two_workers_drain_under_load_as_well(trial):
    trial = trial(keep_alive(), workers=2, shutdown={"timeout": "10s"},
                  upstream={"pool": {"max_connections": 4}})
    trial.bystanders(CLIENTS, pause=0)
    drained(trial, signal.SIGTERM)


def until_it_leaves(connection, request) -> None:
    connection.read_body(request)
    connection.wait_for_end()


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_fault_42_a_second_signal_cuts_what_is_under_way(trial, second):
    trial = trial(faulty(until_it_leaves), shutdown={"timeout": "30s"})
    trial.bystanders()
    held = [Client(trial.proxy.address) for _ in range(5)]
    for number, client in enumerate(held):
        client.ask("GET", "/fault", [("X-Id", f"GET-held-{number}")])
        trial.note(f"GET-held-{number}", "cut")
    trial.backend.wait(lambda b: sum(b.executions[n] for n in trial.outcomes) == 5, "all are asked")
    trial.measure()
    trial.proxy.send_signal(signal.SIGTERM)
    trial.proxy.wait_for_line("finishing what is under way")
    watch = Stopwatch()
    trial.proxy.send_signal(second)
    assert trial.proxy.wait() == 1
    assert watch.seconds < PATIENCE
    for client in held:
        with pytest.raises(ConnectionResetError):
            client.rest()
        client.close()
    trial.load.stop()
    counts = trial.finish_ended({"200", "503", "refused", "closed", "cut"})
    assert counts.errors["client_left"] >= 5  # They are counted.


def test_fault_43_a_hangup_with_a_broken_configuration_changes_nothing(stage, trial):
    """The reload of a configuration comes later: today a hangup says that nothing was reloaded."""
    trial = trial(keep_alive())
    load = trial.bystanders()
    path = next(stage.folder.glob("*.yaml"))
    path.write_text("listeners: [\n", encoding="utf-8")
    for _ in range(3):
        trial.proxy.send_signal(signal.SIGHUP)
        trial.proxy.wait_for_line("nothing was reloaded")
        load.wait_for(scaled(50))
    result = subprocess.run([str(holdfast_binary()), "check", str(path)], capture_output=True,
                            text=True, timeout=PATIENCE, check=False)
    assert result.returncode == 78
    trial.finish()


def test_fault_46_a_kill_at_any_moment_and_a_clean_next_start(stage, trial, dice):
    address = ("127.0.0.1", free_port())
    backend = stage.backend(keep_alive())
    backend.expects_broken_requests = True
    listener = {"address": "%s:%d" % address}
    for _ in range(5):
        proxy = stage.proxy(backend, listener=listener)  # The port is free at once.
        load = TaggedLoad(proxy.address, 4, seed=dice.randrange(1 << 20))
        load.wait_for(dice.randrange(1, 1 + scaled(200)))
        proxy.kill()
        load.stop()
        # What was on its way is executed yet, and the names of the next load are the same.
        backend.wait(lambda b: b.open == 0, "the last of it has been read")
        assert not {"foreign"} & set(load.outcomes.values())
        assert all(backend.executions[n] <= (1 if n.startswith("POST") else 2)
                   for n in load.outcomes), load.summary()
        backend.executions.clear()
    trial = trial(backend, listener=listener)
    trial.bystanders()
    trial.finish()


# Standstills.

def asleep(trial, gate) -> list:
    """Eight connections, used once and idle."""
    overlap(trial.proxy, gate, trial.backend, [f"/asleep/{n}" for n in range(8)])
    for number in range(8):
        trial.note(f"/asleep/{number}", "200")
    return list(trial.backend.connections)


@pytest.fixture
def sleeping(trial):
    gate = Gate(free="POST-")

    def script(connection):
        while True:
            request = connection.read_request()
            if request.id.startswith("/asleep"):
                gate.hold(connection, request)
            answer(connection, request)

    def start(**settings):
        started = trial(script, **settings)
        return started, asleep(started, gate)
    return start


def ask_while_stopped(trial, count: int) -> list[Client]:
    """Requests that must not be asked twice wait in the kernel."""
    clients = [Client(trial.proxy.address) for _ in range(count)]
    for number, client in enumerate(clients):
        client.ask("POST", "/", [("X-Id", f"POST-stopped-{number}"), ("Connection", "close")], b"x")
    return clients


def all_answered(trial, clients) -> None:
    for number, client in enumerate(clients):
        reply = client.answer("POST")
        trial.note(f"POST-stopped-{number}", str(reply.status))
        assert reply.text.startswith(f"POST POST-stopped-{number} "), reply.text
        client.close()


def stop_for(trial, seconds: float) -> None:
    """Stands still for so long: the only thing there is to wait for is the time."""
    watch = Stopwatch()
    wait_until(lambda: watch.seconds > seconds, "it has stood still")


def test_fault_52_a_long_stop_expires_the_idle_connections(sleeping):
    trial, connections = sleeping(upstream={"pool": {"idle_timeout": "400ms"}})
    trial.bystanders(2, methods=["GET"])
    idle = {c.number for c in connections if len(c.requests) == 1}  # The bystanders have the others.
    assert len(idle) >= 6
    trial.proxy.send_signal(signal.SIGSTOP)
    stop_for(trial, 0.6)
    clients = ask_while_stopped(trial, 6)
    trial.proxy.send_signal(signal.SIGCONT)
    all_answered(trial, clients)
    # What was idle for longer than it may be has served none of them.
    asked = [r.connection for r in trial.backend.requests if r.id.startswith("POST-stopped")]
    assert not set(asked) & idle, asked
    trial.finish()


@pytest.mark.parametrize("fault", ["fin", "reset", "stray"])
def test_fault_53_connections_that_ended_or_spoke_during_a_standstill_are_not_used(sleeping, fault):
    trial, connections = sleeping()
    trial.bystanders(1, methods=["GET"])
    victims = [c for c in connections if len(c.requests) == 1]
    assert len(victims) >= 7
    trial.proxy.send_signal(signal.SIGSTOP)
    clients = ask_while_stopped(trial, 6)
    for connection in victims:
        if fault == "stray":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nGET poison 0 9\n")
        else:
            connection.drop(fault)
    stop_for(trial, 0.5)
    trial.proxy.send_signal(signal.SIGCONT)
    all_answered(trial, clients)
    counts = trial.finish()
    assert set(counts.retired) <= {"stale", "ended_while_idle", "spoke_while_idle", "suspect",
                                   "shutdown"}
    assert counts.errors == {}


def test_fault_52_and_53_leave_no_request_behind(trial):
    trial = trial(keep_alive())
    load = trial.bystanders(6)
    dice = random.Random(53)
    for _ in range(5):
        trial.proxy.send_signal(signal.SIGSTOP)
        stop_for(trial, 0.05 + dice.random() / 10)
        trial.proxy.send_signal(signal.SIGCONT)
        load.wait_for(scaled(50))
    trial.finish()
