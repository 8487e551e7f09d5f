"""Fixtures of the integration tests; the words they speak live in harness/."""

import os
import random
import socket
import sys

import pytest

from harness.backend import Backend
from harness.binary import NoBinary, holdfast_binary
from harness.figures import summary
from harness.servers import free_port
from harness.stage import Stage
from harness.trial import Trial


# Backends and clients are threads that mostly wait; whoever wakes up shall not wait for the others.
sys.setswitchinterval(0.0005)


def pytest_collection_modifyitems(items) -> None:
    """Those that take long come first, so that none of them is alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_report_header() -> str:
    try:
        return f"holdfast: {holdfast_binary()}"
    except NoBinary as problem:
        return f"holdfast: {problem}"


def pytest_terminal_summary(terminalreporter) -> None:
    done = [report for reports in terminalreporter.stats.values() for report in reports]
    lines = summary(done)
    if lines:
        terminalreporter.section("faults under load")
        terminalreporter.write_line(lines)
    runs = [value for report in done for name, value in getattr(report, "user_properties", ())
            if name == "corpus"]
    if runs:
        terminalreporter.section("message corpus")
        terminalreporter.write_line("\n".join(dict.fromkeys(runs)))


@pytest.fixture(scope="session")
def binary():
    """The binary under test; every test fails clearly without one."""
    try:
        return holdfast_binary()
    except NoBinary as problem:
        pytest.fail(str(problem), pytrace=False)


@pytest.fixture
def stage(binary, tmp_path):
    stage = Stage(tmp_path)
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def table_stage(binary, tmp_path_factory):
    """One stage for all rows of a table."""
    stage = Stage(tmp_path_factory.mktemp("table"))
    yield stage
    stage.close()


@pytest.fixture
def dice():
    """Seeded randomness: HOLDFAST_SEED repeats a run, and the seed is printed when a test fails."""
    seed = int(os.environ.get("HOLDFAST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"HOLDFAST_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def trial(stage, dice, record_property):
    """Starts a trial: a backend, or one with this script, and holdfast before it. `also` are more
    servers of its upstream; `beside` those of another upstream, behind the second of holdfast's
    addresses; `stderr` is where its log goes instead of to us, as a shell says it."""
    def start(script, *, also=(), beside=(), beside_with=None, named=None, stderr=None,
              make_socket=socket.socket, **settings) -> Trial:
        backend = script
        if not isinstance(script, Backend):
            backend = stage.backend(script, make_socket=make_socket)
        server = f"{named}:{backend.address[1]}" if named else backend.server
        if beside:
            listener = {"address": "127.0.0.1:0", **settings.get("listener", {})}
            settings |= {"listeners": {
                name: {**listener, "upstream": name} for name in ("legacy", "beside")}, "upstreams": {
                "legacy": {"servers": [server], **settings.pop("upstream", {})},
                "beside": {"servers": [*beside], **(beside_with or {})}}}
        if stderr:
            settings["mute_at"] = ("127.0.0.1", free_port())
            settings["listener"] = {"address": "%s:%d" % settings["mute_at"]}
            settings["prefix"] = ["bash", "-c", f'exec "$@" 2>{stderr}', "bash"]
        proxy = stage.proxy(server, *also, **settings)
        return Trial(proxy, [backend], seed=dice.randrange(1 << 20),
                     note=lambda figures: record_property("figures", figures))
    return start
