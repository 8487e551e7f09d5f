"""A fault on trial: it happens under load, and afterwards all books must agree.

Bystanders ask the same holdfast, and unless told otherwise the same backend, all the time; whoever
provokes the fault asks through `victim`. finish() holds the clients' book against the backend's and
against the counts that holdfast gives at its end, and notes the figures that the summary prints.
"""

import re
from dataclasses import dataclass, field

from harness.binary import sanitized
from harness.client import CLOSE, Client
from harness.load import TaggedLoad, outcome_of
from harness.waiting import scaled, wait_until

ENDED = re.compile(
    r"ended: (\d+) requests over (\d+) client connections and (\d+) backend connections"
    r"; (\d+) requests sent once more .*?; backend connections retired:(.*?); errors:([^;\n]*);")
# What a fault may cost at its worst moment; an instrumented build keeps what it has freed for long.
MOST_MEMORY = 24 << 20
# Between two requests of a bystander: longer than a connection counts as just used, so that some
# of them find one that has to be asked first whether it is still there.
PAUSE = 0.0015


@dataclass
class Counts:
    """What holdfast says at its end."""

    requests: int = 0
    clients: int = 0
    opened: int = 0
    replays: int = 0
    retired: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, log: str) -> "Counts":
        match = ENDED.search(log)
        assert match, f"holdfast has not counted:\n{log[-2000:]}"
        numbers = [int(number) for number in match.groups()[:4]]
        return cls(*numbers, *(
            {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", text)}
            for text in match.groups()[4:]))


class Trial:
    """One holdfast, its backends, its bystanders, and the victims of the fault."""

    def __init__(self, proxy, backends, *, note, seed: int) -> None:
        self.proxy = proxy
        self.backends = backends
        self.outcomes: dict[str, str] = {}  # of the victims
        self.memory = proxy.status_bytes("VmRSS")
        self.descriptors = proxy.descriptors()
        self.load: TaggedLoad | None = None
        self.counts = Counts()
        self.figures = {"rss before": self.memory, "fds before": self.descriptors}
        self._note = note
        self._seed = seed

    @property
    def backend(self):
        return self.backends[0]

    def bystanders(self, clients: int = 2, **how) -> TaggedLoad:
        """Starts the load; the fault happens once it is under way."""
        how = {"pause": 0 if "limit" in how else PAUSE, **how}
        self.load = TaggedLoad(self.proxy.address, clients, seed=self._seed, **how)
        self.load.wait_for(scaled(50))
        return self.load

    def victim(self, target: str, method: str = "GET", *, address=None, fields=(),
               body: bytes | None = None, name: str | None = None, **how) -> str:
        """One request of a short client, and what became of it."""
        name = name or f"{method}-{target}-{len(self.outcomes)}"
        with Client(address or self.proxy.address, **how) as client:
            outcome, _ = outcome_of(client, method, name, [CLOSE, *fields], target=target,
                                    body=body)
        self.outcomes[name] = outcome
        return outcome

    def note(self, name: str, outcome: str) -> None:
        """The outcome of a victim that has been a client of its own kind."""
        self.outcomes[name] = outcome

    def check_executions(self, allowed: set[str]) -> None:
        """Nobody got another's answer; what may not be asked twice was not."""
        everyone = {**self.load.outcomes, **self.outcomes} if self.load else self.outcomes
        assert "foreign" not in everyone.values()
        if self.load:
            assert set(self.load.outcomes.values()) <= allowed, self.load.summary()
        for name, outcome in everyone.items():
            count = sum(backend.executions[name] for backend in self.backends)
            if outcome == "200":
                assert 1 <= count <= 2, (name, count)
            assert count <= (1 if name.startswith(("POST", "PATCH")) else 2), (name, count)

    def settle(self) -> None:
        """Waits until holdfast holds nothing but its idle connections to the backends."""
        wait_until(lambda: self.proxy.descriptors() <= self.descriptors + self._open(),
                   "no descriptor is left behind")

    def _open(self) -> int:
        return sum(backend.open for backend in self.backends)

    def finish(self, allowed=frozenset({"200"}), *, local: int | None = None,
               anonymous: int = 0, counted: bool = True) -> Counts:
        """Stops and judges. `allowed` is what bystanders may meet; `local` is how many requests did
        not end with an answer of the backend, if that is not what the outcomes say. An outcome
        "refused ..." was no request yet: its head was not accepted. `anonymous` requests have been
        answered that are in no book of ours; not `counted`: nobody hears what holdfast says."""
        if self.load:
            self.load.stop()
        self.check_executions(set(allowed))
        self.settle()
        self.measure()
        assert self.proxy.stop() == 0, self.proxy.stderr
        everyone = [*self.outcomes.values(), *(self.load.outcomes.values() if self.load else ())]
        if counted:
            self.counts = Counts.of(self.proxy.stderr)
        failed = sum(not outcome.startswith("200") for outcome in everyone)
        self._tell(len(everyone) + anonymous, failed)
        if counted:
            accepted = sum(not outcome.startswith("refused") for outcome in everyone)
            self._check_counts(accepted + anonymous, failed if local is None else local)
        return self.counts

    def measure(self) -> None:
        """What holdfast holds: to be looked at while it is still there."""
        peak = self.proxy.status_bytes("VmHWM")
        self.figures |= {"rss peak": peak, "rss after": self.proxy.status_bytes("VmRSS"),
                         "fds after": self.proxy.descriptors() - self._open()}
        assert sanitized() or peak <= self.memory + MOST_MEMORY, f"{peak} bytes of memory"

    def _tell(self, requests: int, failed: int) -> None:
        self._note({
            **self.figures, "requests": requests, "errors": failed,
            "executions": sum(sum(b.executions.values()) for b in self.backends),
            "connections": sum(b.accepted for b in self.backends),
            "replays": self.counts.replays if self.counts.requests else "-",
        })

    def finish_ended(self, allowed: set[str]) -> Counts:
        """As finish(), for a holdfast that was ended under the load: whoever came too late was not
        taken, and all that was taken has been answered, as the backend's book knows; or cut, where
        that is among what is allowed: before a byte of the answer that is "closed" to a client."""
        self.check_executions(allowed)
        self.counts = Counts.of(self.proxy.stderr)
        everyone = {**self.load.outcomes, **self.outcomes}
        taken = {name for backend in self.backends for name, n in backend.executions.items() if n}
        answered = {name for name, outcome in everyone.items() if outcome == "200"}
        ends = ("cut", "closed") if "cut" in allowed else ()
        cut = {name for name, outcome in everyone.items() if outcome.startswith(ends)}
        assert taken <= answered | cut and answered <= taken, taken ^ answered
        self._tell(len(everyone), len(everyone) - len(answered))
        return self.counts

    def _check_counts(self, requests: int, failed: int) -> None:
        counts = self.counts
        assert counts.requests == requests, (counts, requests)
        assert sum(counts.errors.values()) == failed, (counts, failed)
        # What was opened has been closed, each for one reason.
        not_closed = sum(counts.retired.get(name, 0) for name in ("connect_failed", "moved"))
        assert sum(counts.retired.values()) - not_closed == counts.opened, counts
