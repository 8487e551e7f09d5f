"""The command line: what it prints where, and the exit codes that scripts rely on."""

import json
import os
import re
import socket
import subprocess

import pytest

from harness.binary import holdfast_binary
from harness.client import fetch
from harness.scripts import keep_alive
from harness.servers import free_port
from harness.waiting import PATIENCE

GOOD = """\
workers: 1
listeners:
  web:
    address: 127.0.0.1:0
    upstream: legacy
upstreams:
  legacy:
    servers: ["127.0.0.1:9"]
"""


def call(*arguments, env=None, within: float = 3 * PATIENCE) -> subprocess.CompletedProcess:
    return subprocess.run([holdfast_binary(), *map(str, arguments)], capture_output=True, text=True,
                          timeout=within, env={**os.environ, **(env or {})}, check=False,
                          stdin=subprocess.DEVNULL)


@pytest.fixture
def config(binary, tmp_path):
    """Writes a file and gives its path."""
    def write(text: str):
        path = tmp_path / "holdfast.yaml"
        path.write_text(text, encoding="utf-8")
        return path
    return write


def check(config, text: str, **how) -> subprocess.CompletedProcess:
    return call("check", config(text), **how)


def test_check_accepts_a_good_file(config):
    result = check(config, GOOD)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("arguments", [["check"], ["-t", "-c"], ["run", "-c"]])
def test_a_bad_file_is_exit_code_78_wherever_it_is_met(config, arguments):
    path = config(GOOD.replace("servers", "server"))
    result = call(*arguments, path)
    assert result.returncode == 78
    assert f"{path}:8:5: error:" in result.stderr


def test_nginx_t_accepts_a_good_file(config):
    assert call("-t", "-c", config(GOOD)).returncode == 0


@pytest.mark.parametrize("old, new, place, said", [
    ("servers:", "severs:", "8:5", "did you mean 'servers'?"),
    ("workers: 1", "wokers: 1", "1:1", "did you mean 'workers'?"),
    ("workers: 1", "workers: many", "1:10", "workers"),
    ("workers: 1", "workers: -1", "1:10", "workers"),
    ("workers: 1", "workers: 1\nworkers: 2", "2:1", "workers"),
    ("upstream: legacy", "upstream: lagacy", "5:15", "legacy"),
    ("address: 127.0.0.1:0", "address: 127.0.0.1:99999", "4:14", "address"),
    ("    upstream: legacy", "    upstream: legacy\n    timeouts: { idle: 5 }", "6:23", "5s"),
    ("    upstream: legacy", "    upstream: legacy\n    limits: { head: 1000 }", "6:21", "head"),
    ("    upstream: legacy", "    upstream: legacy\n    half_close: perhaps", "6:17", "serve"),
    ("    upstream: legacy", "    upstream: legacy\n    limits: { fields: 999 }", "6:23", "fields"),
    ("workers: 1", "control: { socket: '/run/holdfast.sock' }", "1:1", "control"),
], ids=["unknown-key", "unknown-top-key", "wrong-type", "out-of-range", "duplicate",
        "unknown-upstream", "bad-port", "no-unit", "no-size-unit", "unknown-word",
        "too-many-fields", "not-built-yet"])
def test_an_error_says_where_and_what(config, old, new, place, said):
    text = GOOD.replace(old, new)
    path = config(text)
    result = call("check", path)
    assert result.returncode == 78, result.stderr
    error = next(line for line in result.stderr.splitlines() if "error:" in line)
    assert error.startswith(f"{path}:{place}: error: "), result.stderr
    assert said in error
    lines = result.stderr.splitlines()
    shown = lines[lines.index(error) + 1 :]
    source = text.splitlines()[int(place.split(":")[0]) - 1].strip()
    assert any(source in line for line in shown[:1]), result.stderr
    assert "^" in shown[1]


def test_all_errors_are_told_at_once(config):
    text = GOOD.replace("workers: 1", "wokers: 1").replace("servers:", "severs:")
    result = check(config, text.replace("address: 127.0.0.1:0", "address: nowhere"))
    errors = re.findall(r":(\d+):\d+: error:", result.stderr)
    assert {"1", "4", "8"} <= set(errors), result.stderr


def test_a_file_that_is_no_yaml_is_told_with_its_place(config):
    path = config("listeners: [")
    result = call("check", path)
    assert result.returncode == 78
    assert re.search(re.escape(str(path)) + r":\d+:\d+: error:", result.stderr), result.stderr


def test_a_file_that_is_not_there_is_named(binary, tmp_path):
    result = call("check", tmp_path / "nothing.yaml")
    assert result.returncode in (1, 78)
    assert "nothing.yaml" in result.stderr


def test_the_environment_fills_in_what_a_file_leaves_open(config):
    text = GOOD.replace("workers: 1", "workers: ${HOLDFAST_TEST_WORKERS:-1}")
    assert check(config, text).returncode == 0
    assert check(config, text, env={"HOLDFAST_TEST_WORKERS": "2"}).returncode == 0
    assert check(config, text, env={"HOLDFAST_TEST_WORKERS": "soup"}).returncode == 78


@pytest.mark.parametrize("arguments", [["fly"], ["run", "--no-such-flag"], ["--no-such-flag"],
                                       ["run", "-c"], ["demo", "--requests", "soup"]])
def test_bad_usage_is_exit_code_2(binary, arguments):
    result = call(*arguments)
    assert result.returncode == 2
    assert result.stderr and not result.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["check", "--help"],
                                       ["demo", "--help"]])
def test_help_goes_to_stdout(binary, arguments):
    result = call(*arguments)
    assert (result.returncode, result.stderr) == (0, "")
    assert "holdfast" in result.stdout


@pytest.mark.parametrize("flag", ["-v", "-V", "--version"])
def test_the_version_is_told(binary, flag):
    result = call(flag)
    assert result.returncode == 0
    assert re.search(r"holdfast\D{0,12}\d+\.\d+\.\d+", result.stdout + result.stderr)


def test_it_runs_without_a_file(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.run(["run", "--listen", "127.0.0.1:0", "--upstream", backend.server])
    assert fetch(proxy.address, "/").text == "GET / 0 1.1\n"
    assert proxy.stop() == 0


def test_it_runs_from_the_environment(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.run(["run"], env={"HOLDFAST_LISTEN": "127.0.0.1:0",
                                    "HOLDFAST_UPSTREAM": backend.server})
    assert fetch(proxy.address, "/").text == "GET / 0 1.1\n"


def test_it_runs_as_nginx_would(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.run(["-c", str(stage.config(backend))])
    assert fetch(proxy.address, "/").text == "GET / 0 1.1\n"


def test_it_runs_a_file_that_is_named_plainly(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.run(["run", str(stage.config(backend))])
    assert fetch(proxy.address, "/").text == "GET / 0 1.1\n"


@pytest.mark.parametrize("arguments", [["-c", ""], ["check", ""], ["run", ""]])
def test_an_empty_file_name_is_bad_usage(binary, arguments):
    result = call(*arguments)
    assert result.returncode == 2
    assert "the name of the file is empty" in result.stderr


def test_an_address_in_use_is_a_runtime_failure(config):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        result = call("run", "-c", config(GOOD.replace("127.0.0.1:0", address)))
    assert result.returncode == 1
    assert address in result.stderr


def test_the_log_is_one_json_object_a_line(stage):
    proxy = stage.proxy(stage.backend(keep_alive()), log={"format": "json"})
    proxy.stop()
    lines = [json.loads(line) for line in proxy.stderr.splitlines()]
    assert any("listening on" in str(line) for line in lines)


def test_the_demo_shows_what_a_pool_saves(binary):
    result = call("demo", "--once", "--requests", "200", within=55)
    assert result.returncode == 0, result.stderr
    assert "TIME_WAIT" in result.stdout
    counts = [int(n.replace(",", "")) for n in re.findall(r"\b\d[\d,]*\b", result.stdout)]
    # Connections to the backend: one for each request directly, few through the pool.
    assert 200 in counts, result.stdout


def test_the_demo_says_once_that_its_port_is_taken(binary):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = call("demo", "--requests", "1", "--port", port)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"holdfast demo: port {port} of 127.0.0.1 is taken.")
    assert result.stderr.count("\n") == 1


def test_the_demo_goes_on_serving_until_it_is_interrupted(stage):
    proxy = stage.run(["demo", "--requests", "50", "--port", str(free_port())], listeners=0)
    line = proxy.wait_for_line(r"http://127\.0\.0\.1:[0-9]+")
    port = int(re.search(r"http://127\.0\.0\.1:([0-9]+)", line)[1])
    assert fetch(("127.0.0.1", port), "/").status == 200
    proxy.send_signal(2)
    assert proxy.wait() == 0


def test_what_is_shipped_needs_nothing_but_glibc(binary):
    if "/release/" not in str(holdfast_binary()):
        pytest.skip("not the release build")
    listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    needed = {line.split()[0].rpartition("/")[2] for line in listed.splitlines()}
    assert needed <= {"linux-vdso.so.1", "libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2",
                      "ld-linux-aarch64.so.1"}
