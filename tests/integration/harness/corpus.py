"""The message corpus of tests/corpus, read: see the README there for the form of a row."""

import dataclasses
import functools
import re

from harness.binary import SOURCE_ROOT

FOLDER = SOURCE_ROOT / "tests" / "corpus"
PLAIN = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}
TOKENS = re.compile(r"\\x([0-9a-f]{2})|\\\((\d+)\*|(\\\))|\\(.)|([^\\]+)")


def unescape(text: str) -> bytes:
    r"""\r \n \t \\ \xHH, and \(N*text\) for N times the text."""
    open_ones: list[tuple[int, bytearray]] = [(1, bytearray())]
    for code, count, close, plain, other in TOKENS.findall(text):
        if count:
            open_ones.append((int(count), bytearray()))
        elif close:
            times, repeated = open_ones.pop()
            open_ones[-1][1].extend(repeated * times)
        else:
            open_ones[-1][1].extend(bytes([int(code, 16)]) if code else
                                    PLAIN[plain] if plain else other.encode("ascii"))
    (_, whole), = open_ones
    return bytes(whole)


@dataclasses.dataclass(frozen=True)
class Message:
    """What must have arrived of one message: a request at the backend, or an answer at the client."""
    start: tuple[bytes, ...]            # method and target of a request; nothing for an answer
    body: bytes | None                  # None: it has none
    present: tuple[tuple[bytes, bytes], ...]
    absent: frozenset[bytes]


def message(words: list[str], start: int) -> Message:
    body, present, absent = None, [], set()
    for word in words[start:]:
        if word.startswith("="):
            body = unescape(word[1:])
        elif word.startswith("!"):
            absent.add(word[1:].encode())
        else:
            name, _, value = word.partition("=")
            present.append((name.encode(), unescape(value)))
    return Message(tuple(unescape(word) for word in words[:start]), body, tuple(present),
                   frozenset(absent))


@dataclasses.dataclass(eq=False)
class Case:
    """One row. `kind` is Q, S or H; see the README of the corpus."""
    id: str
    kind: str
    verdict: str
    after: str
    bytes: bytes

    @property
    def ends(self) -> bool:
        """The backend sends end of stream behind its answer."""
        return self.kind.endswith(".")

    @functools.cached_property
    def forwarded(self) -> list[Message]:
        """The whole requests that the backend gets of a Q row, in this order."""
        if self.after in ("-", "cut"):
            return []
        return [message(one.split(" "), 2) for one in self.after.split(" ; ")]

    @functools.cached_property
    def statuses(self) -> list[str]:
        """What the client is told, one after the other; "ok" is an answer of the backend's."""
        return re.findall(r"(?<!\S)(?:ok|\d{3})(?!\S)", self.verdict.split("=")[0])

    @functools.cached_property
    def delivered(self) -> Message:
        """What of the last answer of an S or H row reaches the client."""
        words = self.verdict.split(" ")
        return message(words[len(self.statuses):], 0)


def cases(*names: str) -> list[Case]:
    """The rows of these files of the corpus, all without names."""
    found = []
    for path in [FOLDER / name for name in names] or sorted(FOLDER.glob("*.tsv")):
        for line in path.read_text("ascii").splitlines():
            if not line.startswith("#"):
                name, kind, verdict, after, content = line.split("\t")
                found.append(Case(name, kind, verdict, after, unescape(content)))
    return found
