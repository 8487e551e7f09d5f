"""holdfast doctor: what it says of a machine and of backends, in words and as JSON."""

import json
import re
import subprocess
import threading
import time

import pytest

from harness.backend import Backend
from harness.binary import holdfast_binary
from harness.client import fetch
from harness.holdfast import bare_environment
from harness.namespace import Namespace
from harness.scripts import (answer, close_after, close_delimited_10, closing_10, keep_alive,
                             keep_alive_10, raw)
from harness.servers import RealServer, free_port
from harness.waiting import PATIENCE, wait_until

HEALTHY, SICK, WARNING, USAGE, CONFIG = 0, 1, 3, 2, 78
LIMITS = {"nginx": "keepalive_timeout 7s; keepalive_requests 50;",
          "apache": "KeepAliveTimeout 7\nMaxKeepAliveRequests 50"}


def start(*arguments, prefix=(), environment=None) -> subprocess.Popen:
    return subprocess.Popen(
        [*prefix, str(holdfast_binary()), "doctor", *map(str, arguments)], text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**bare_environment(), **(environment or {})})


def finish(child: subprocess.Popen) -> tuple[int, str, str]:
    try:
        printed, said = child.communicate(timeout=3 * PATIENCE)
    finally:
        child.kill()
    return child.returncode, printed, said


def examine(*arguments, **how) -> tuple[int, str]:
    """The exit code, and what it printed with its lines joined."""
    code, printed, said = finish(start(*arguments, **how))
    assert printed, said
    return code, re.sub(r"\s+", " ", printed)


def diagnose(*arguments, **how) -> dict:
    code, printed, said = finish(start(*arguments, "--json", **how))
    assert printed, said
    diagnosis = json.loads(printed)
    assert diagnosis["exit_code"] == code
    return diagnosis


def finding(diagnosis: dict, check: str) -> dict:
    found = [one for chapter in diagnosis["chapters"] for one in chapter["findings"]
             if one["check"] == check]
    assert found, f"nothing is said of {check}"
    return found[0]


def check_block(folder, block: str) -> None:
    """holdfast takes the block that was printed."""
    path = folder / "advised.yaml"
    path.write_text('listeners: { web: { address: "127.0.0.1:0", upstream: backend } }\n' + block,
                    encoding="utf-8")
    result = subprocess.run([holdfast_binary(), "check", path], capture_output=True, text=True,
                            timeout=PATIENCE, check=False, env=bare_environment())
    assert result.returncode == 0 and "warning" not in result.stdout, result.stderr


# The machine.

def test_the_machine_is_told_of_in_words_and_numbers(binary):
    code, printed = examine()
    assert code in (HEALTHY, WARNING, SICK)
    for words in ("This machine", "local ports for each destination", "tcp_tw_reuse",
                  "tcp_fin_timeout", "does not shorten TIME_WAIT", "tcp_tw_recycle", "somaxconn"):
        assert words in printed
    machine = diagnose()["machine"]
    assert machine["short_connections_per_second"] == machine["local_ports"] // 60
    assert "\x1b" not in printed


def test_few_ports_and_time_wait_towards_a_destination_make_it_sick(stage):
    """All in a network of its own. No port is used again, though it is one machine."""
    place = stage.adopt(Namespace())
    place.sysctl("net.ipv4.ip_local_port_range=40000 40199")
    place.sysctl("net.ipv4.tcp_tw_reuse=0")
    subprocess.run(["ip", "-n", place.name, "addr", "add", "10.99.0.1/32", "dev", "lo"], check=True)
    server = place.socket(2, 1)
    server.bind(("10.99.0.1", 80))
    server.listen(200)
    for _ in range(200):
        client = place.socket(2, 1)
        client.connect(("10.99.0.1", 80))
        accepted, _ = server.accept()
        client.close()
        accepted.close()
    try:
        def seen():
            diagnosis = diagnose(prefix=place.prefix)
            return diagnosis if diagnosis["machine"]["time_wait"] == 200 else None
        wait_until(seen, "200 TIME_WAIT are there")
        diagnosis = diagnose(prefix=place.prefix)
        code, printed = examine("10.99.0.1:80", prefix=place.prefix)
    finally:
        server.close()
    assert code == SICK
    assert "10.99.0.1:80: no local port is left to connect from (EADDRNOTAVAIL)." in printed
    assert diagnosis["exit_code"] == SICK
    assert diagnosis["machine"]["local_ports"] == 200
    assert finding(diagnosis, "local_ports")["verdict"] == "sick"
    assert "for 3 new connections a second" in finding(diagnosis, "local_ports")["advice"]
    assert finding(diagnosis, "time_wait")["verdict"] == "sick"
    worst = diagnosis["machine"]["destinations"][0]
    assert worst == {"from": "10.99.0.1", "to": "10.99.0.1:80", "time_wait": 200, "open": 0,
                     "reused_after_a_second": False}
    assert finding(diagnosis, "tcp_tw_reuse")["what"].startswith("tcp_tw_reuse = 0")


# Backends.

@pytest.mark.long
def test_it_measures_the_limits_of_real_servers(stage):
    """Done when 7: nginx's and Apache's, within a tenth, and a pool block that loads."""
    children = {}
    for kind, more in LIMITS.items():
        server = stage.adopt(RealServer(kind, stage.folder / kind, more=more))
        children[kind] = start(server.server, "--limit", "20s", "--rps", "200", "--latency", "50ms",
                               "--json")
    for kind, child in children.items():
        code, printed, said = finish(child)
        assert code in (HEALTHY, WARNING, SICK), said
        diagnosis = json.loads(printed)
        backend = diagnosis["backends"][0]
        assert 6.3 <= backend["idle_limit"] <= 7.7, kind
        assert 45 <= backend["request_limit"] <= 55, kind
        assert backend["keeps_http11"] and backend["keeps_http10"] and backend["version"] == "1.1"
        assert backend["framing"] == "length"
        pool = diagnosis["pool"]
        assert pool["max_connections"] == "23" and pool["idle_timeout"] in ("5s", "6s")
        assert pool["max_requests"] == str(backend["request_limit"])
        assert finding(diagnosis, "pool_size")["what"].startswith("200 requests a second")
        check_block(stage.folder, diagnosis["yaml"])


def test_the_block_it_prints_is_the_one_of_the_json(stage):
    backend = stage.backend(keep_alive())
    _, printed, _ = finish(start(backend.server, "--fast"))
    block = re.search(r"^upstreams:\n(?:  .*\n)+", printed, re.M)[0]
    assert block == diagnose(backend.server, "--fast")["yaml"]
    assert f'["{backend.server}"]' in block
    check_block(stage.folder, block)


def test_limits_that_a_script_sets_are_measured(stage):
    """Closes without a word after the third answer, and after 300 ms."""
    def script(connection):
        connection.sock.settimeout(0.3)
        for _ in range(3):
            try:
                answer(connection, connection.read_request(),
                       fields=[("Keep-Alive", "timeout=9, max=3")])
            except TimeoutError:
                break
        connection.close()
    backend = stage.backend(script)
    diagnosis = diagnose(backend.server, "--limit", "5s")
    found = diagnosis["backends"][0]
    assert 0.25 <= found["idle_limit"] <= 0.6
    assert found["request_limit"] == 3
    assert found["promised_idle"] == 9
    assert "sooner than it says" in finding(diagnosis, "idle_limit")["advice"]
    assert "without a word" in finding(diagnosis, "request_limit")["what"]
    assert diagnosis["pool"]["max_requests"] == "3"


def test_a_backend_with_one_worker_is_found_out(stage):
    """A connection that is kept holds the only worker until it is closed for being idle."""
    worker = threading.Lock()

    def script(connection):
        with worker:
            connection.sock.settimeout(1.0)
            try:
                while True:
                    answer(connection, connection.read_request())
            except TimeoutError:
                connection.close()
    backend = stage.backend(script)
    diagnosis = diagnose(backend.server, "--limit", "20s", "--timeout", "300ms", "--requests", "20")
    found = diagnosis["backends"][0]
    assert found["most_side_by_side"] == 1
    assert diagnosis["pool"]["max_connections"] == "1"
    assert 0.9 <= found["idle_limit"] <= 1.6
    assert "Answered 20 requests" in finding(diagnosis, "request_limit")["what"]


def test_what_does_not_end_is_bounded(stage):
    backend = stage.backend(keep_alive())
    diagnosis = diagnose(backend.server, "--limit", "400ms", "--requests", "20")
    found = diagnosis["backends"][0]
    assert found["idle_limit"] is None and found["idle_watched"] >= 0.3
    assert found["request_limit"] is None
    assert len(backend.requests) < 50


def test_fast_measures_nothing(stage):
    backend = stage.backend(keep_alive())
    diagnosis = diagnose(backend.server, "--fast")
    assert diagnosis["backends"][0]["idle_watched"] is None
    assert "not measured" in finding(diagnosis, "idle_limit")["what"]
    assert len(backend.requests) < 10


@pytest.mark.parametrize("script, words", [
    (closing_10, "Cannot be pooled, for it speaks HTTP/1.0 without keep-alive"),
    (close_delimited_10, "Cannot be pooled, for its answers end with the connection"),
    (close_after(1, announced=True), "Cannot be pooled, for it closes after each answer"),
    (close_after(1, announced=False), "Cannot be pooled, for it promises to keep the connection"),
    (keep_alive_10, "only then. They can be pooled; write protocol: http/1.0"),
], ids=["http10", "close_delimited", "closes", "breaks_its_word", "http10_keep_alive"])
def test_it_says_whether_and_why_not_connections_can_be_pooled(stage, script, words):
    code, printed = examine(stage.backend(script).server, "--fast")
    assert words in printed
    assert code == WARNING or "errno 99" in printed or "only then" in words


def never(connection) -> None:
    connection.read_request()
    connection.wait_until_left()


def without_end(connection) -> None:
    connection.read_request()
    connection.send(b"HTTP/1.0 200 OK\r\n\r\n")
    while not connection.left():
        connection.send(bytes(65536))


def closing(connection) -> None:
    connection.read_request()
    connection.close()


@pytest.mark.parametrize("script, words", [
    (never, "did not answer GET / within 300 ms"),
    (closing, "closed it without an answer"),
    (raw(b"SSH-2.0-OpenSSH\r\n\r\n"), "is not HTTP/1.0 or HTTP/1.1"),
    (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "had not finished after 300 ms"),
    (without_end, "had not finished after 300 ms"),
], ids=["never", "closes", "no_http", "half", "without_end"])
def test_a_backend_that_does_not_answer_is_sick(stage, script, words):
    code, printed = examine(stage.backend(script).server, "--timeout", "300ms")
    assert code == SICK and words in printed
    assert "Write into your configuration" not in printed


def test_a_backend_that_is_down_is_sick(binary):
    code, printed = examine(f"127.0.0.1:{free_port()}")
    assert code == SICK and "nobody listens there (connection refused)" in printed


def test_a_socket_that_is_not_there_is_sick(binary, tmp_path):
    code, printed = examine(f"unix:{tmp_path}/nothing")
    assert code == SICK and "No such file or directory" in printed
    assert "Check that the path is right" in printed


def test_a_name_that_does_not_resolve_is_sick(binary):
    code, printed = examine("nosuch.invalid:80")
    assert code == SICK
    assert "nosuch.invalid:80: the name does not resolve:" in printed
    assert "getent ahosts nosuch.invalid" in printed


def test_a_server_behind_a_unix_socket_is_asked(stage):
    server = stage.adopt(RealServer("nginx", stage.folder / "nginx", unix=True))
    diagnosis = diagnose(server.server, "--fast", "--rps", "10")
    assert diagnosis["backends"][0]["keeps_http11"]
    check_block(stage.folder, diagnosis["yaml"])


def test_the_path_and_the_host_are_those_that_were_given(stage):
    backend = stage.backend(keep_alive())
    diagnose(backend.server, "--fast", "--path", "/health?full=1", "--host", "shop.example")
    assert {request.target for request in backend.requests} == {"/health?full=1"}
    assert {request.fields.get("Host") for request in backend.requests} == {"shop.example"}


def test_an_error_of_the_backend_is_a_warning(stage):
    diagnosis = diagnose(stage.backend(keep_alive(status=503)).server, "--fast")
    assert finding(diagnosis, "answer")["verdict"] == "warning"
    assert "--path" in finding(diagnosis, "answer")["advice"]


# A configuration.

def test_all_servers_of_a_configuration_are_asked(stage):
    backend = stage.backend(keep_alive(fields=[("Keep-Alive", "timeout=5")]))
    path = stage.config(backend.server, f"127.0.0.1:{free_port()}", "nosuch.invalid:80",
                        upstream={"pool": {"idle_timeout": "1m"}, "host": "app.example"})
    diagnosis = diagnose("-c", path, "--fast")
    assert [one["answers"] for one in diagnosis["backends"]] == [True, False, False]
    assert {request.fields.get("Host") for request in backend.requests} == {"app.example"}
    titles = [chapter["title"] for chapter in diagnosis["chapters"]]
    assert f"Upstream legacy: {backend.server}" in titles
    assert diagnosis["exit_code"] == SICK
    assert "Write idle_timeout: 4s" in finding(diagnosis, "idle_timeout")["advice"]
    assert finding(diagnosis, "descriptor_needs")["verdict"] in ("healthy", "warning")
    assert "pools of up to 256 connections" in finding(diagnosis, "port_needs")["what"]


def test_pools_that_are_bigger_than_the_ports_are_sick(stage):
    place = stage.adopt(Namespace())
    place.sysctl("net.ipv4.ip_local_port_range=40000 40199")
    path = stage.config(f"127.0.0.1:{free_port()}")
    diagnosis = diagnose("-c", path, "--fast", prefix=place.prefix)
    assert finding(diagnosis, "port_needs")["verdict"] == "sick"


def test_more_connections_than_descriptors_are_sick(stage):
    path = stage.config(f"127.0.0.1:{free_port()}")
    few = ["prlimit", "--nofile=200:200"]
    assert finding(diagnose("-c", path, "--fast", prefix=few),
                   "descriptor_needs")["verdict"] == "sick"


def test_a_bad_configuration_is_refused_first(binary, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("listeners: { web: { adress: \":80\" } }\n", encoding="utf-8")
    code, printed, said = finish(start("-c", path))
    assert code == CONFIG and not printed
    assert "did you mean 'address'?" in said


# The command line.

@pytest.mark.parametrize("arguments, words", [
    (["10.0.0.5"], "the port is missing"),
    (["holdfast.yaml"], "holdfast doctor -c holdfast.yaml"),
    (["a:80", "-c", "x"], "SERVER and --config exclude each other"),
    (["-c", "x", "--rps", "5"], "--config and --rps exclude each other"),
    (["a:80", "--limit", "5"], "--limit:"),
    (["a:80", "--limit", "0"], "--limit:"),
    (["a:80", "--path", "x"], "is not a path"),
    (["a:80", "--path", "/a b"], "is not a path"),
    (["a:80", "--host", "a b"], "--host:"),
    (["a:80", "--rps", "0"], "--rps:"),
    (["a:80", "--quick"], "unknown option"),
])
def test_wrong_usage_is_told_of(binary, arguments, words):
    code, printed, said = finish(start(*arguments))
    assert code == USAGE and not printed
    assert words in said


@pytest.mark.parametrize("no_color, has_colour", [(None, True), ("1", False)])
def test_there_is_colour_on_a_terminal_only_and_never_with_no_color(binary, no_color, has_colour):
    result = subprocess.run(
        ["script", "-qec", f"{holdfast_binary()} doctor", "/dev/null"], capture_output=True,
        timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL,
        env={**bare_environment(), **({"NO_COLOR": no_color} if no_color else {})})
    assert b"This machine" in result.stdout
    assert (b"\x1b[" in result.stdout) == has_colour


def time_wait_towards(server: str) -> int:
    return sum(one["time_wait"] for one in diagnose()["machine"]["destinations"]
               if one["to"] == server)


@pytest.mark.long
def test_the_pool_it_prints_leaves_closing_to_the_backend(stage):
    """Requests come just when the backend closes: none fails, and no TIME_WAIT of ours is left."""
    server = stage.adopt(RealServer("nginx", stage.folder / "nginx", more="keepalive_timeout 2s;"))
    diagnosis = diagnose(server.server, "--limit", "6s", "--requests", "10")
    path = stage.folder / "advised.yaml"
    path.write_text('listeners: { web: { address: "127.0.0.1:0", upstream: backend } }\n'
                    'status: { address: "off" }\n' + diagnosis["yaml"], encoding="utf-8")
    proxy = stage.run(["run", "-c", path])
    before = time_wait_towards(server.server)  # the doctor's own
    for pause in (1.95, 1.98, 2.0, 2.02, 2.05):
        assert fetch(proxy.address, "/").status == 200
        due = time.monotonic() + pause
        wait_until(lambda due=due: time.monotonic() >= due, "the backend closes")
    assert time_wait_towards(server.server) <= before
