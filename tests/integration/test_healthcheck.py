"""holdfast healthcheck: what it says of a holdfast that runs, and how it ends."""

import os
import signal
import subprocess

import pytest

from harness.binary import holdfast_binary
from harness.client import Client
from harness.holdfast import bare_environment
from harness.scripts import answer, keep_alive, raw
from harness.servers import free_port
from harness.waiting import PATIENCE, wait_until

OK, FAILURE, USAGE, CONFIG = 0, 1, 2, 78
FEW = "500ms"


def check(*arguments, environment=None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(holdfast_binary()), "healthcheck", *map(str, arguments)], text=True, check=False,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=3 * PATIENCE,
        env={**bare_environment(), **(environment or {})})


def failure(*arguments, **how) -> str:
    """The one line that says why."""
    result = check(*arguments, **how)
    assert result.returncode == FAILURE and not result.stdout, result.stdout + result.stderr
    assert result.stderr.startswith("holdfast healthcheck: ") and result.stderr.count("\n") == 1
    return result.stderr


@pytest.fixture
def place() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.mark.parametrize("flags, path", [([], "/readyz"), (["--live"], "/livez")])
def test_it_asks_where_the_configuration_says(stage, place, flags, path):
    config = stage.config("127.0.0.1:9", status={"address": place})
    stage.run(["run", "-c", str(config)])
    for named in ([config], ["-c", config], ["--address", place]):
        result = check(*named, *flags)
        assert result.returncode == OK and not result.stderr, result.stderr
        assert result.stdout.startswith(f"http://{place}{path}: 200 and 'ok', in ")


@pytest.mark.parametrize("address, asked", [
    ("0.0.0.0:{}", "127.0.0.1:{}"), (":{}", "127.0.0.1:{}"), ("[::1]:{}", "[::1]:{}")])
def test_the_environment_alone_configures_it_as_it_configures_run(stage, address, asked):
    port = free_port()
    environment = {"HOLDFAST_LISTEN": "127.0.0.1:0", "HOLDFAST_UPSTREAM": "127.0.0.1:9",
                   "HOLDFAST_STATUS_ADDRESS": address.format(port)}
    stage.run(["run"], env=environment)
    result = check(environment=environment)
    assert result.returncode == OK, result.stderr
    assert result.stdout.startswith(f"http://{asked.format(port)}/readyz: 200 ")


def test_flags_configure_it_as_they_configure_run(stage, place):
    flags = ["--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:9", "--set",
             f"status.address={place}"]
    stage.run(["run", *flags])
    assert check(*flags).returncode == OK


@pytest.mark.parametrize("told", [{}, {"HOLDFAST_LISTEN": "127.0.0.1:0"},
                                  {"HOLDFAST_UPSTREAM": "127.0.0.1:9"}])
def test_what_run_was_told_by_flags_need_not_be_told_again(stage, place, told):
    """A container's health check has the environment of its program, and not its flags."""
    environment = {**told, "HOLDFAST_STATUS_ADDRESS": place}
    stage.run(["run", "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:9"], env=environment)
    assert check(environment=environment).returncode == OK


def test_a_unix_socket_is_asked(stage):
    address = f"unix:{stage.folder}/status.sock"
    stage.proxy("127.0.0.1:9", status={"address": address})
    result = check("--address", address)
    assert result.returncode == OK and result.stdout.startswith(f"/readyz of {address}: 200 ")


def test_a_holdfast_that_drains_is_alive_but_not_ready(stage, place):
    backend = stage.backend(lambda connection: answer(connection, connection.read_request()))
    proxy = stage.proxy(backend, status={"address": place}, shutdown={"delay": "30s"})
    with Client(proxy.address):
        proxy.send_signal(signal.SIGTERM)
        wait_until(lambda: check("--address", place).returncode == FAILURE, "it is not ready")
        assert "/readyz: 503 and 'draining: about to end'" in failure("--address", place)
        assert check("--address", place, "--live").returncode == OK
    proxy.kill()


def test_nobody_there_is_said_with_what_to_look_at(place):
    said = failure("--address", place)
    assert f"http://{place}/readyz: nobody listens there; is holdfast running" in said
    said = failure("--address", "unix:/nowhere/at/all")
    assert "No such file or directory" in said and "is holdfast running" in said


def test_one_that_stands_still_is_given_up_in_time(stage, place):
    proxy = stage.proxy("127.0.0.1:9", status={"address": place})
    os.kill(proxy.pid, signal.SIGSTOP)
    try:
        said = failure("--address", place, "--timeout", FEW)
    finally:
        os.kill(proxy.pid, signal.SIGCONT)
    assert f"no answer within {FEW}" in said


def test_another_program_at_that_address_is_not_taken_for_holdfast(stage):
    other = stage.backend(raw(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nsorry"))
    assert "404 and 'sorry'; is that holdfast?" in failure("--address", other.server)
    mute = stage.backend(raw(b"220 mail\r\n"))
    assert "no answer: " in failure("--address", mute.server)


def test_a_text_of_another_program_cannot_write_to_the_terminal(stage):
    body = b"\x1b[31m" + b"x" * 100_000
    other = stage.backend(raw(b"HTTP/1.1 503 No\r\nContent-Length: %d\r\n\r\n%s"
                              % (len(body), body)))
    said = failure("--address", other.server)
    assert "\x1b" not in said and len(said) < 400


@pytest.mark.parametrize("status, said", [
    ("off", "status.address is off"), ("127.0.0.1:0", "the port of status.address is 0")])
def test_a_configuration_that_does_not_tell_where_is_named(stage, status, said):
    assert said in failure(stage.config("127.0.0.1:9", status={"address": status}))


def test_bad_usage_and_bad_configurations_end_as_everywhere(stage, place):
    config = stage.config("127.0.0.1:9", upstream={"severs": []})
    assert check(config).returncode == CONFIG
    for arguments in (["--timeout", "5"], ["--timeout", "0"], ["--address", "127.0.0.1:0"],
                      ["--address", ""], ["--address", place, config], ["--adress", place]):
        assert check(*arguments).returncode == USAGE, arguments
    assert "did you mean '--address'?" in check("--adress", place).stderr
    assert "exclude each other" in check("--address", place, "-c", config).stderr


def test_it_asks_as_often_as_one_likes_without_troubling_anybody(stage, place):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, status={"address": place})
    for _ in range(20):
        assert check("--address", place).returncode == OK
    assert not backend.requests and proxy.running
