"""How a row of the corpus is played, and what is held against its verdict.

    clear or warm     the backend connection is fresh or was used before
    client            the case is the first or the second message of its connection
    pieces            whole, one byte at a time, or in two at a place; each is read apart
    canary            another client asks, over whatever backend connection is used then

An answer names the connection, the place on it and the request it is for, so a byte of anybody
else's shows.
"""

import dataclasses

from harness.corpus import Case, Message
from harness.lanes import Client, Lane
from harness.strict import Malformed, Read

WHOLE, BYTES = 0, -1
# Messages longer than this go in small pieces instead of single bytes, and are not split at every
# place; the longest go whole only.
LONG, ENDLESS = 1500, 100_000
SMALL = 61
PORTION = 16 * 1024  # of what is sent at once


@dataclasses.dataclass(slots=True)
class Run:
    """One performance of a case. `cut`: WHOLE, BYTES, or the place where it is split."""
    case: Case
    cut: int
    second: bool
    reused: bool
    old_backend: bool = False  # it is taken for HTTP/1.0

    def __str__(self) -> str:
        cut = {WHOLE: "whole", BYTES: "byte by byte"}.get(self.cut, f"split at {self.cut}")
        return (f"{self.case.id}, {cut}, as the {'second' if self.second else 'first'} message, "
                f"{'reused' if self.reused else 'fresh'} backend connection"
                f"{', HTTP/1.0' if self.old_backend else ''}")

    @property
    def pieces(self) -> list[bytes]:
        content = self.case.bytes
        if self.cut == BYTES:
            step = 1 if len(content) <= LONG else SMALL
            return [content[i:i + step] for i in range(0, len(content), step)]
        return [content] if self.cut == WHOLE else [content[:self.cut], content[self.cut:]]


def perform(lane: Lane, run: Run):
    if run.reused:
        yield from warm(lane)
    else:
        yield from clear(lane)
    if run.case.kind == "Q":
        yield from play_request(lane, run)
    else:
        yield from play_answer(lane, run)
    lane.clients.clear()


# --- What all plays say ---

def clear(lane: Lane):
    """No backend connection is left. A byte out of turn makes holdfast close it."""
    for backend in lane.backends:
        backend.send(b"x")
    for backend in lane.backends:
        while not backend.ended:
            yield
        backend.close()
    lane.backends.clear()


def warm(lane: Lane):
    """There is one backend connection, and it has been used."""
    open_ones = [backend for backend in lane.backends if not backend.ended]
    if len(open_ones) != 1 or len(lane.backends) != 1:
        yield from clear(lane)
        yield from canary(lane)


def ask(lane: Lane, client: Client, target: bytes):
    """A good request, answered with its own answer and nothing else. Gives its place and tag."""
    seen = len(lane.seen)
    client.send(b"GET %s HTTP/1.1\r\nHost: canary\r\n\r\n" % target)
    answer = yield from next_answer(client, b"GET")
    assert len(lane.seen) == seen + 1, f"{target!r}: the backend saw {lane.seen[seen:]}"
    tag, request = lane.seen.pop()
    assert request.start == (b"GET", target) and request.body is None, request
    assert answer.start == (b"200",) and answer.body == tag, f"{target!r} got {answer}, not {tag!r}"
    assert not client.received, f"behind the answer: {client.received!r}"
    return tag


def canary(lane: Lane):
    """Another client asks. Gives the ordinal of the backend connection that served it."""
    if lane.canary is None:
        lane.canary = Client(lane)
    lane.canaries += 1
    tag = yield from ask(lane, lane.canary, b"/canary/%d" % (lane.canaries % 16))
    return int(tag.split(b".")[0])


def next_answer(client: Client, method: bytes):
    while True:
        answer = client.answer(method)
        if answer is not None:
            return answer
        assert not client.ended, f"no answer but {client.received!r}, " \
                                 f"{'reset' if client.reset else 'end'}"
        yield


def send_apart(wire, pieces: list[bytes]):
    """Sends each piece when the one before has been read, until the far side has closed."""
    for piece in pieces:
        for begin in range(0, len(piece), PORTION):
            if wire.ended:
                return
            wire.send(piece[begin:begin + PORTION])
            yield from wire.lane.until_read(wire)


def compare(read: Read, due: Message, old_backend: bool) -> None:
    assert not due.start or read.start == due.start, f"{read} instead of {due}"
    assert (read.body or b"") == (due.body or b""), f"{read} instead of {due}"
    for name, value in due.present:
        if old_backend and name == b"transfer-encoding":
            continue
        assert (name, value) in read.fields, f"{name!r}: {value!r} is not in {read}"
    for name in due.absent:
        if old_backend and name == b"connection":
            continue
        assert not read.values(name), f"{name!r} is in {read}"


# --- Requests ---

def play_request(lane: Lane, run: Run):
    case = run.case
    client = Client(lane)
    lane.clients.append(client)
    if run.second:
        yield from ask(lane, client, b"/first")
    lane.seen.clear()
    yield from send_apart(client, run.pieces)
    if case.verdict == "wait":
        yield from canary(lane)
        client.received = client.received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert not client.received and not client.ended, f"not waiting: {client.received!r}"
    else:
        yield from hear_answers(lane, client, case)
        yield from canary(lane)
    client.close()
    yield from judge_backend(lane, run)


def hear_answers(lane: Lane, client: Client, case: Case):
    due = case.forwarded
    for place, status in enumerate(case.statuses):
        if status == "ok":
            method = due[place].start[0]
        else:
            method = b"HEAD" if place == 0 and case.bytes.startswith(b"HEAD") else b"GET"
        answer = yield from next_answer(client, method)
        while answer.start == (b"100",) and b"expect:" in case.bytes.lower():
            answer = yield from next_answer(client, method)
        if status != "ok":
            assert answer.start == (status.encode(),), f"{answer} instead of {status}"
            assert answer.values(b"connection") == [b"close"], answer
        else:
            assert answer.start == (b"200",), f"{answer} instead of ok"
            assert len(lane.seen) > place, f"{answer} of a request that the backend did not see"
            tag = lane.seen[place][0]
            assert answer.body == (None if method == b"HEAD" else tag), f"{answer}, not {tag!r}"
    refused = case.statuses[-1] != "ok"
    if refused or case.verdict.endswith("close"):
        while not client.ended:
            yield
        assert not client.received, f"behind the last answer: {client.received!r}"
        # Whoever sends on and on after a refusal is reset in the end.
        assert not (refused and client.reset) or len(case.bytes) > 4 * PORTION, "it is reset"
    else:
        yield from ask(lane, client, b"/after")


def judge_backend(lane: Lane, run: Run):
    """What arrived is what the verdict allows, and no half request holds a connection."""
    due = run.case.forwarded
    assert len(lane.seen) == len(due), f"the backend saw {lane.seen}"
    for (_, read), message in zip(lane.seen, due):
        compare(read, message, run.old_backend)
    lane.seen.clear()
    for backend in lane.backends:
        if run.case.after == "-":
            assert not backend.received, f"a byte at the backend: {backend.received!r}"
        while backend.received and not backend.ended:
            yield
    yield from sweep(lane)


def sweep(lane: Lane):
    for backend in [one for one in lane.backends if one.ended]:
        backend.close()
        lane.backends.remove(backend)
    return
    yield


# --- Answers ---

def play_answer(lane: Lane, run: Run):
    case = run.case
    client = Client(lane)
    lane.clients.append(client)
    if run.second:
        yield from ask(lane, client, b"/first")
    lane.seen.clear()
    method = b"HEAD" if case.kind.startswith("H") else b"GET"
    client.send(method + b" /answer-of-the-play HTTP/1.1\r\nHost: a\r\n\r\n")
    while lane.asked is None:
        yield
    backend, lane.asked = lane.asked, None
    assert run.reused == (backend.requests > 1) or run.second, "not the connection that is meant"
    yield from send_apart(backend, run.pieces)
    if case.ends and not backend.ended:
        backend.end()
    yield from hear_delivery(lane, client, case, method)
    del lane.seen[:1]
    used = yield from canary(lane)
    assert not lane.seen, f"the backend saw {lane.seen}"
    client.close()
    if case.after == "keep":
        assert used == backend.ordinal, f"the canary went over {used}, not {backend.ordinal}"
        assert not backend.ended, "the connection was retired"
    else:
        assert used != backend.ordinal, "a connection was used that had to be retired"
        if not backend.ended:
            backend.end()
        while not backend.ended:
            yield
    yield from sweep(lane)


def hear_delivery(lane: Lane, client: Client, case: Case, method: bytes):
    if case.verdict.endswith(" cut"):
        yield from hear_cut(client, case, method)
        return
    for status in case.statuses:
        answer = yield from next_answer(client, method)
        assert answer.start == (status.encode(),), f"{answer} instead of {status}"
    if case.statuses[-1] != "502":
        compare(answer, case.delivered, False)
    yield from ask(lane, client, b"/after")


def hear_cut(client: Client, case: Case, method: bytes):
    """The head comes, and the client sees that its body is not whole."""
    while not client.ended:
        yield
    assert client.received.startswith(b"HTTP/1.1 " + case.statuses[0].encode()), client.received
    assert b"\r\n\r\n" in client.received, client.received
    try:
        whole = client.answer(method)
    except Malformed:
        whole = None
    assert whole is None, f"what is cut looks whole: {whole}"
    assert client.reset, "what is cut ends cleanly"
