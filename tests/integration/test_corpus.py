"""Every row of the corpus through the program: see tests/corpus/README.md.

Each case goes whole, one byte at a time and split at every byte; as the first and as the second
message of its client connection; over a fresh and over a reused backend connection. After each a
canary of another client must get its own answer, and the backend must have seen just what the
verdict allows. Whole and byte by byte all four combinations are played, at each split one of them by
turns; corpus_test.cpp has more of them. An instrumented build plays a fifth of the splits, chosen by
the seed.
"""

import itertools
import subprocess
import sys

import pytest

from harness.binary import sanitized
from harness.corpus import FOLDER, cases
from harness.corpus_plays import BYTES, ENDLESS, LONG, WHOLE, Run, perform
from harness.lanes import Lane, Turns

LANES = 64
MOST_FAILURES = 20
PARTS = 12
COMBINATIONS = list(itertools.product((False, True), repeat=2))  # second, reused


class Performance:
    """One holdfast with many lanes, and what became of the runs."""

    def __init__(self, stage, protocol: str, limits=None) -> None:
        self.turns = Turns()
        self.lanes = [Lane(self.turns, number) for number in range(LANES)]
        upstreams = {f"lane{lane.number}": {"servers": [lane.server], "protocol": protocol,
                                            "timeouts": {"response": "1h", "read": "1h"}}
                     for lane in self.lanes}
        # A byte at a time is slow on a busy machine, and time is not what is tried here.
        limits = {"body_rate": 0, "write_rate": 0, **(limits or {})}
        listeners = {name: {"address": "127.0.0.1:0", "upstream": name, "limits": limits,
                            "timeouts": {"head": "1h", "body": "1h", "idle": "1h"}}
                     for name in upstreams}
        config = stage.config(listeners=listeners, upstreams=upstreams)
        self.proxy = stage.run(["run", "-c", str(config)], listeners=LANES)
        addresses = self.proxy.named_addresses()
        for lane in self.lanes:
            lane.address = addresses[f"lane{lane.number}"]
        self.count = 0
        self.failures: dict[str, str] = {}  # the first of each case

    def play(self, runs) -> None:
        """Performs them all; fails if one does not get its verdict."""
        shared = iter(runs)
        self.turns.run(self.lanes, lambda lane: self._plays(lane, shared))
        for lane in self.lanes:
            lane.close()
        self.turns.close()
        assert not self.failures, "\n".join(self.failures.values())
        assert self.count > 0

    def _plays(self, lane, runs):
        for run in runs:
            if len(self.failures) >= MOST_FAILURES:
                return
            if run.case.id in self.failures:
                continue
            self.count += 1
            try:
                yield from perform(lane, run)
            except Exception as problem:
                self.failures[run.case.id] = f"{run}: {type(problem).__name__}: {problem}"
                lane.forget_everything()


def places(case, dice) -> list[int]:
    """Where a case is split: at every byte, a long one near both ends and at some other places."""
    size = len(case.bytes)
    if size > ENDLESS:
        return []
    found = list(range(1, size))
    if size > LONG:
        found = [*found[:32], *sorted(dice.sample(found[32:-32], 64)), *found[-32:]]
    return dice.sample(found, len(found) // 5) if sanitized() else found


def runs_of(found, dice):
    """All runs of these cases; for an instrumented build a part of them."""
    for number, case in enumerate(found):
        for second, reused in COMBINATIONS:
            yield Run(case, WHOLE, second, reused)
        turn = number % 4
        if len(case.bytes) <= ENDLESS:
            for second, reused in COMBINATIONS[turn:turn + 1] if sanitized() else COMBINATIONS:
                yield Run(case, BYTES, second, reused)
        for place in places(case, dice):
            yield Run(case, place, *COMBINATIONS[(number + place) % 4])


def report(record_property, name: str, performance: Performance) -> None:
    apart, hidden = (performance.turns.counts[c] for c in ("read apart", "not read apart"))
    record_property("corpus", f"{name}: {performance.count} runs, {apart} pieces read apart, "
                              f"{hidden} not read")


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_case_gets_its_verdict_at_every_split(stage, dice, record_property, part):
    found = [case for case in cases() if not case.id.startswith("L-body")][part::PARTS]
    performance = Performance(stage, "http/1.1")
    performance.play(runs_of(found, dice))
    report(record_property, f"HTTP/1.1, part {part + 1} of {PARTS}", performance)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_every_request_gets_its_verdict_before_an_http_1_0_backend(stage, dice, record_property):
    # Chunked bodies are collected here, so that nothing at all of a broken one may arrive.
    found = [case for case in cases() if case.kind == "Q" and not case.id.startswith("L-body")]
    performance = Performance(stage, "http/1.0")
    performance.play(Run(case, cut, second, reused, old_backend=True)
                     for case in found if len(case.bytes) <= ENDLESS
                     for cut, second, reused in ((WHOLE, False, False), (BYTES, True, True)))
    report(record_property, "HTTP/1.0", performance)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_body_over_the_limit_gets_its_verdict(stage, dice, record_property):
    performance = Performance(stage, "http/1.1", {"body": "1000b"})
    performance.play(runs_of(cases("body_limit.tsv"), dice))
    report(record_property, "limits.body", performance)


def test_the_generated_rows_are_what_their_rules_say():
    subprocess.run([sys.executable, FOLDER / "generate.py", "--check"], check=True)


def test_no_two_rows_have_the_same_name():
    names = [case.id for case in cases()]
    assert len(names) == len(set(names))
