"""A backend that comes and goes ten times a second."""

import re

from harness.client import fetch
from harness.load import TaggedLoad
from harness.scripts import keep_alive
from harness.waiting import Stopwatch, wait_until

CLIENTS = 8


def test_a_backend_that_flaps_every_100_ms_gets_no_storm_of_attempts(stage, dice):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, upstream={"pool": {"max_connections": 4}})
    load = TaggedLoad(proxy.address, CLIENTS, methods=("GET",), short=1.0,
                      seed=dice.randrange(1 << 20))
    flaps, whole = 10, Stopwatch()
    for _ in range(flaps):
        for change in (lambda: backend.kill("reset"), lambda: backend.listen(backend.address)):
            change()
            watch = Stopwatch()
            wait_until(lambda: watch.seconds > 0.1, "a tenth of a second")
    wait_until(lambda: fetch(proxy.address, "/after").status == 200, "it is found again")
    load.stop()
    proxy.stop()
    failed = int((re.search(r"connect_failed=(\d+)", proxy.stderr) or [0, 0])[1])
    told = len(re.findall("cannot be reached", proxy.stderr))
    print(f"{load.summary()}; {failed} attempts failed in {flaps} breaks of 100 ms; told {told} times")
    assert backend.max_open <= 4
    # In each break those under way when it began (4), three that are tolerated, and then one after
    # each pause, which is 50 ms at least.
    assert failed <= flaps * (4 + 3 + 3)
    assert load.count("503") > failed, load.summary()
    assert set(load.outcomes.values()) <= {"200", "502", "503"}, load.summary()
    assert told <= 1 + whole.seconds
