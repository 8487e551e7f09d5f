"""A hundred thousand requests over connections that are cut at random moments.

The backend counts the executions of each request; the clients keep a book of the answers. Nobody may
get another's bytes, and no request may be executed more often than its kind allows.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from harness.binary import sanitized
from harness.waiting import Stopwatch

REQUESTS = int(os.environ.get("HOLDFAST_REQUESTS") or (20_000 if sanitized() else 100_000))
FOLDER = pathlib.Path(__file__).parent
# What a client may see: its own answer, a refusal of ours, or an abort.
FATES = {"200", "502", "503", "cut"}
# How often a request may be executed, by what is configured.
MOST = {"safe": {"GET": 2, "PUT": 1, "DELETE": 1, "POST": 1},
        "idempotent": {"GET": 2, "PUT": 2, "DELETE": 2, "POST": 1}}


def start(role: str, **orders) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "harness.cuts", role, json.dumps(orders)],
                            cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def started(stage):
    """Starts a process of harness.cuts; none is left behind."""
    children = []

    def begin(role: str, **orders) -> subprocess.Popen:
        children.append(start(role, **orders))
        return children[-1]
    yield begin
    for child in children:
        child.kill()
        child.communicate()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_no_request_is_executed_too_often_and_no_answer_is_anothers(stage, started, dice):
    backend = started("backend", seed=dice.randrange(1 << 32), cut_share=0.05,
                      restart_every=REQUESTS // 40)
    server = "127.0.0.1:%d" % json.loads(backend.stdout.readline())["port"]
    proxy = stage.proxy(
        workers=2,
        listeners={methods: {"address": "127.0.0.1:0", "upstream": methods} for methods in MOST},
        upstreams={methods: {"servers": [server], "pool": {"max_connections": 24},
                             "replay": {"methods": methods}} for methods in MOST})
    watch = Stopwatch()
    books = {methods: started("clients", seed=dice.randrange(1 << 32), label=methods[0],
                              requests=REQUESTS // 2, clients=32, port=address[1])
             for methods, address in zip(MOST, proxy.addresses)}
    seen = {methods: json.loads(child.communicate(timeout=500)[0])
            for methods, child in books.items()}
    ledger = json.loads(backend.communicate("done\n", timeout=30)[0])
    proxy.stop()
    summary = re.search(r"(\d+) requests sent once more .(\d+) answered", proxy.stderr)
    executions = ledger["executions"]
    print(f"{REQUESTS} requests in {watch.seconds:.1f} s, {ledger['opened']} backend connections, "
          f"{sum(ledger['cuts'].values())} cut: {ledger['cuts']}")
    for methods, book in seen.items():
        print(f"{methods}: {collections.Counter(book['fates'].values())}")
        most = collections.Counter()
        for name, fate in book["fates"].items():
            kind = name.split("-")[0]
            times = executions.get(name, 0)
            most[kind] = max(most[kind], times)
            assert times >= (fate in ("200", "cut")), f"{name}: {fate} without an execution"
        print(f"  executions at most: {dict(most)}")
        assert all(most[kind] <= MOST[methods][kind] for kind in most), most
        assert set(book["fates"].values()) <= FATES, book["outcomes"]
        assert len(book["fates"]) == REQUESTS // 2
        assert most["GET"] == 2, "no replay was seen: the test shows nothing"
    print(f"holdfast: {summary[0]})")
    assert int(summary[2]) > 0
    assert not ledger["mangled"], ledger["mangled"]
