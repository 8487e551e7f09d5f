"""Faults of the machine and of the network between the machines, each under load. The numbers are
those of the table in tests/README.md."""

import hashlib
import os
import re
import socket

import pytest

from harness.binary import sanitized
from harness.client import Client
from harness.load import TaggedLoad, ab
from harness.messages import encode_chunks
from harness.namespace import Namespace, Wire, run
from harness.scripts import Gate, answer, faulty, keep_alive
from harness.shim import Clock, build, preloaded
from harness.waiting import Stopwatch, scaled, wait_until

ROUNDS = scaled(20)
BIG = b"b" * 8_000_000  # More than all sockets on its way can hold.
TIME_WAIT = "06"


@pytest.fixture
def wire(stage, dice):
    """Two networks: holdfast is in the near one."""
    return stage.adopt(Wire(dice.randrange(1 << 20)))


def near(wire, **settings) -> dict:
    """Settings of a trial whose holdfast and first backend are at the near end, for all the world."""
    return {"make_socket": wire.near.socket, "prefix": wire.near.prefix,
            "listener": {"address": f"{wire.near_address}:0"}, **settings}


# The other end is gone, without a word.

def test_fault_24_a_client_vanishes_with_unread_bytes(trial, wire):
    def fault(connection, request):
        connection.read_body(request)
        connection.reply(BIG)
        connection.wire.rest()
    settings = near(wire)
    settings["listener"]["timeouts"] = {"write": "300ms"}
    trial = trial(faulty(fault), **settings)
    trial.bystanders(make_socket=wire.near.socket)
    clients = [Client(trial.proxy.address, make_socket=wire.far.socket) for _ in range(ROUNDS)]
    for number, client in enumerate(clients):
        client.ask("GET", "/fault", [("X-Id", f"GET-gone-{number}")])
        client.wire.exactly(1000)
        trial.note(f"GET-gone-{number}", "left")
    wire.cut = True
    counts = trial.finish()
    assert counts.errors == {"client_stalled": ROUNDS}
    for client in clients:
        client.close()


def test_fault_25_a_client_vanishes_while_idle(trial, wire):
    settings = near(wire)
    settings["listener"]["timeouts"] = {"idle": "300ms"}
    trial = trial(keep_alive(), **settings)
    trial.bystanders(make_socket=wire.near.socket)
    clients = [Client(trial.proxy.address, make_socket=wire.far.socket) for _ in range(ROUNDS)]
    for number, client in enumerate(clients):
        assert client.get("/", [("X-Id", f"GET-gone-{number}")]).status == 200
        trial.note(f"GET-gone-{number}", "200")
    wire.cut = True
    trial.finish()  # No descriptor is left, though nobody has said goodbye.
    for client in clients:
        client.close()


def test_fault_61_the_power_of_the_backend_is_cut_in_the_middle_of_its_answer(stage, trial, wire):
    def fault(connection, request):
        connection.read_body(request)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        connection.wait_for_end()
    distant = stage.backend(faulty(fault), make_socket=wire.far.socket,
                            address=(wire.far_address, 0))
    trial = trial(keep_alive(), beside=[distant.server],
                  beside_with={"timeouts": {"read": "300ms", "connect": "300ms"}}, **near(wire))
    trial.bystanders(make_socket=wire.near.socket)
    trial.backends.append(distant)
    half_way = [Client(trial.proxy.addresses[1], make_socket=wire.near.socket) for _ in range(5)]
    for number, client in enumerate(half_way):
        client.ask("GET", "/fault", [("X-Id", f"GET-half-{number}")])
        client.wire.until(b"half")
    wire.cut = True
    for number, client in enumerate(half_way):
        with pytest.raises(ConnectionError):
            client.rest()
        client.close()
        trial.note(f"GET-half-{number}", "cut")
    assert trial.victim("/", "POST", address=trial.proxy.addresses[1],
                        make_socket=wire.near.socket) == "504"
    wire.cut = False
    assert trial.victim("/", "POST", address=trial.proxy.addresses[1],
                        make_socket=wire.near.socket) == "200"
    distant.drop_connections()
    assert trial.finish().errors == {"connection_read_timeout": 5, "connection_timeout": 1}


def test_fault_54_packets_are_lost_reordered_doubled_and_late(stage, trial, wire):
    """Clients and backend are at the far end of a wire that loses 5 % of the packets, doubles 5 %
    and delays each by up to 50 ms, so that they overtake one another."""
    distant = stage.backend(echo, make_socket=wire.far.socket, address=(wire.far_address, 0))
    trial = trial(distant, **near(wire))
    wire.loss, wire.doubles, wire.jitter = 0.05, 0.05, 0.05
    load = TaggedLoad(trial.proxy.address, 10, limit=scaled(10), make_socket=wire.far.socket)
    bodies = Bodies(trial, make_socket=wire.far.socket)
    bodies.exchange([1, 100, 20_000, 100_000])
    load.join()
    trial.load = load
    wire.loss = wire.doubles = wire.jitter = 0.0
    assert wire.lost > 10
    trial.finish()


# Ports.

def test_fault_33_no_free_port_is_reported_and_costs_no_connection(trial, wire):
    # Four ports make four connections; more requests have none, and the four go on.
    gate = Gate(free="GET-")
    def script(connection):
        while True:
            request = connection.read_request()
            if request.target == "/fault":
                gate.hold(connection, request)
            answer(connection, request)
    settings = near(wire, upstream={"pool": {"queue": {"timeout": "300ms"}}})
    trial = trial(script, **settings)
    wire.near.sysctl("net.ipv4.ip_local_port_range=40000 40003")
    clients = [Client(trial.proxy.address, make_socket=wire.far.socket) for _ in range(6)]
    for count, client in enumerate(clients[:4], 1):
        client.ask("GET", "/fault", [("X-Id", f"held-{count}")])
        trial.backend.wait_for_begun(count)
    for number, client in enumerate(clients[4:]):
        client.ask("GET", "/", [("X-Id", f"GET-unlucky-{number}")])
    for number, client in enumerate(clients[4:]):
        trial.note(f"GET-unlucky-{number}", str(client.answer().status))
    assert set(trial.outcomes.values()) == {"503"}
    gate.open()
    for count, client in enumerate(clients[:4], 1):
        trial.note(f"held-{count}", str(client.answer().status))
    # The backend was not blamed: it serves at once whoever comes now.
    trial.bystanders(4, make_socket=wire.far.socket, pause=0)
    for client in clients:
        client.close()
    assert trial.finish().opened == 4


def test_fault_34_a_hundred_ports_carry_ten_thousand_short_clients(stage, trial):
    here, there = stage.adopt(Namespace()), stage.adopt(Namespace())
    run("ip", "-n", here.name, "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns",
        there.name)
    for namespace, device, address in ((here, "v0", "10.78.0.1/24"), (there, "v1", "10.78.0.2/24")):
        run("ip", "-n", namespace.name, "addr", "add", address, "dev", device)
        run("ip", "-n", namespace.name, "link", "set", device, "up")
    count, most = scaled(10_000), 64
    trial = trial(keep_alive(), make_socket=here.socket, prefix=here.prefix,
                  listener={"address": "10.78.0.1:0"},
                  upstream={"pool": {"max_connections": most}})
    trial.backend.records = False
    here.sysctl("net.ipv4.ip_local_port_range=40000 40099")
    watch = Stopwatch()
    ab(f"{trial.proxy.url}/", count, 100, prefix=there.prefix).check(count)
    print(f"{count / watch.seconds:.0f} requests per second")
    assert waiting(trial) <= most
    assert trial.backend.accepted <= most
    trial.backend.executions.clear()  # ab's requests have no names.
    trial.finish(anonymous=count)


def waiting(trial) -> int:
    """Connections to the backend that holdfast's network keeps in TIME_WAIT."""
    port = f":{trial.backend.address[1]:04X}"
    with open(f"/proc/{trial.proxy.pid}/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in list(table)[1:]]
    return sum(row[3] == TIME_WAIT and row[2].endswith(port) for row in rows)


# The log, the names, the clock.

def swear(trial, count: int) -> None:
    """Provokes a line of the log, so many times."""
    for number in range(count):
        assert trial.victim(f"/fault/{number}") == "502"


def no_http(connection, request) -> None:
    connection.read_body(request)
    connection.send(b"no HTTP\r\n\r\n")
    connection.wait_for_end()


def test_fault_38_the_disk_of_the_log_is_full(trial):
    trial = trial(faulty(no_http), log={"level": "debug"}, stderr="/dev/full")
    trial.bystanders()
    swear(trial, scaled(200))
    trial.finish(counted=False)


def test_fault_38_nobody_reads_the_log(trial):
    trial = trial(faulty(no_http), log={"level": "debug"})
    trial.bystanders()
    trial.proxy.neglect_log()
    swear(trial, 300)
    trial.proxy.read_log()
    counts = trial.finish()
    assert counts.errors == {"http_protocol_error": len(trial.outcomes)}
    lost = re.findall(r"(\d+) log lines were lost", trial.proxy.stderr)
    told = trial.proxy.stderr.count("http_protocol_error (")
    assert lost and told + sum(map(int, lost)) >= 300


@pytest.mark.parametrize("stderr", ["&-", " >(head -n 1)"], ids=["from-the-start", "while-it-runs"])
def test_fault_39_standard_error_is_closed(trial, stderr):
    trial = trial(faulty(no_http), log={"level": "debug"}, stderr=stderr)
    trial.bystanders()
    swear(trial, scaled(100))
    # No line of the log has gone to somebody's connection: all that came there was an answer.
    trial.finish(counted=False)


def test_fault_50_a_name_server_that_is_silent(stage, trial, tmp_path):
    """Lookups hold up neither the requests nor the start; test_names has the rest."""
    inside = stage.adopt(Namespace())
    server = inside.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    run("ip", "-n", inside.name, "addr", "add", "10.79.0.1/32", "dev", "lo")
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    (tmp_path / "hosts").write_text("127.0.0.1 here.test\n")
    prefix = [*inside.prefix, "unshare", "-m", "sh", "-c",
              f'mount --bind {tmp_path}/resolv.conf /etc/resolv.conf && '
              f'mount --bind {tmp_path}/hosts /etc/hosts && exec "$@"', "sh"]
    trial = trial(keep_alive(), make_socket=inside.socket, prefix=prefix, named="here.test",
                  listener={"address": "127.0.0.1:0"})
    trial.bystanders(make_socket=inside.socket, limit=scaled(200)).join()
    trial.backend.drop_connections()
    trial.victim("/", make_socket=inside.socket)
    trial.finish()
    server.setblocking(False)
    with pytest.raises(BlockingIOError):
        server.recv(512)  # Nobody has asked anything.
    other = stage.proxy("elsewhere.test:80", prefix=prefix)
    other.wait_for_line("'elsewhere.test' cannot be resolved: no DNS server gave an answer")
    assert b"elsewhere" in server.recv(512)
    server.close()


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    return build(tmp_path_factory.mktemp("shim"))


@pytest.mark.parametrize("jump", [-3600, 86_400, 1], ids=["an-hour-back", "a-day-on", "a-second"])
def test_fault_51_the_wall_clock_jumps(trial, tmp_path, shim, jump):
    clock = Clock(tmp_path)
    gate = Gate(free="GET-")

    def fault(connection, request):
        connection.read_body(request)
        gate.hold(connection, request)
        answer(connection, request)
        return True
    trial = trial(faulty(fault), env=preloaded(shim, clock=clock.path),
                  listener={"timeouts": {"idle": "1h"}})
    load = trial.bystanders()
    with Client(trial.proxy.address) as held:
        held.ask("GET", "/fault", [("X-Id", "held")])
        trial.backend.wait(lambda b: b.executions["held"] == 1, "it is asked")
        clock.jump(jump)
        load.wait_for(scaled(200))
        gate.open()
        trial.note("held", str(held.answer().status))
    counts = trial.finish()
    # No request is late and no connection has grown old by that; only the log has noticed.
    assert (counts.errors, set(counts.retired)) == ({}, {"shutdown"})
    stamps = re.findall(r'"time":"(\d+)-(\d+)-(\d+)T(\d+)', trial.proxy.stderr)
    assert stamps[0] != stamps[-1] or jump == 1, stamps


# Every read and write in pieces.

def echo(connection) -> None:
    """Answers a POST with its own body, in the framing of the target."""
    while True:
        request = connection.read_request()
        if request.method != "POST" or not request.target.startswith("/echo"):
            answer(connection, request)
        elif request.target == "/echo/chunked":
            connection.reply(request.body, framing="chunked")
        else:
            connection.reply(request.body)


class Bodies:
    """Bodies of all framings, sent and to be got back as they were."""

    def __init__(self, trial, **how) -> None:
        self._trial = trial
        self._how = how

    def exchange(self, sizes) -> None:
        with Client(self._trial.proxy.address, **self._how) as client:
            for size in sizes:
                for framing in ("length", "chunked"):
                    self._once(client, os.urandom(size), framing)

    def _once(self, client: Client, body: bytes, framing: str) -> None:
        name = f"POST-body-{framing}-{len(body)}"
        target = f"/echo/{framing}"
        if framing == "length":
            client.ask("POST", target, [("X-Id", name)], body)
        else:
            client.ask("POST", target, [("X-Id", name), ("Transfer-Encoding", "chunked")])
            client.send(encode_chunks(body, 1 + len(body) // 7))
        reply = client.answer("POST")
        assert hashlib.sha256(reply.body).digest() == hashlib.sha256(body).digest(), name
        self._trial.note(name, str(reply.status))


def in_pieces(trial, shim, **how) -> None:
    trial = trial(echo, env=preloaded(shim, **how))
    load = TaggedLoad(trial.proxy.address, 6, limit=scaled(25))
    Bodies(trial).exchange([0, 1, 2, 100, 4000])
    load.join()
    trial.load = load
    trial.finish()


def test_fault_55_every_read_and_write_moves_one_byte(trial, shim):
    in_pieces(trial, shim, most=1)


@pytest.mark.parametrize("most", [1, 50, 3000])
def test_fault_56_reads_and_writes_are_partial_or_refused_at_every_offset(trial, shim, dice, most):
    in_pieces(trial, shim, most=most, refuses=4, seed=dice.randrange(1 << 30))
