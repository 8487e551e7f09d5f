"""HTTP/1.x messages as the tests see them: read strictly, by nothing that holdfast is made of."""

import re
import socket
from dataclasses import dataclass, field

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rf"({TOKEN}) ([\x21-\x7e\x80-\xff]+) HTTP/(1\.[01])")
STATUS_LINE = re.compile(r"HTTP/(1\.[01]) ([1-9][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
FIELD_LINE = re.compile(rf"({TOKEN}):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
CHUNK_LINE = re.compile(rb"[0-9A-Fa-f]{1,16}\r\n")


class Malformed(Exception):
    """The other side broke the grammar."""


class Truncated(Exception):
    """The stream ended inside a message."""


class Ended(Exception):
    """The stream ended, or was reset, between two messages."""


class Fields(list):
    """The fields of a head, (name, value) in order of arrival."""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else None

    def tokens(self, name: str) -> list[str]:
        tokens = [token.strip().lower() for token in ",".join(self.all(name)).split(",")]
        return [token for token in tokens if token]

    def names(self) -> set[str]:
        return {key.lower() for key, _ in self}

    def __contains__(self, name: object) -> bool:
        return str(name).lower() in self.names()


@dataclass
class Request:
    """A request as a backend has read it."""

    method: str
    target: str
    version: str
    fields: Fields
    head: bytes
    body: bytes = b""
    connection: int = 0  # which connection of the backend, from 1
    ordinal: int = 0  # which request on it, from 1

    @property
    def id(self) -> str:
        """What the tests count executions by."""
        return self.fields.get("X-Id") or self.target


@dataclass
class Answer:
    """A final answer as a client has read it, with the interim ones before it."""

    status: int
    version: str
    fields: Fields
    body: bytes = b""
    interim: list["Answer"] = field(default_factory=list)
    framing: str = "none"  # none, length, chunked or close

    @property
    def text(self) -> str:
        return self.body.decode("latin-1")


class Wire:
    """A socket with a buffer before it. `tap` is told of every byte that arrives."""

    def __init__(self, sock: socket.socket, tap=None) -> None:
        self.sock = sock
        self.buffer = bytearray()
        self._tap = tap

    def more(self) -> bool:
        """Waits for bytes. False: end of stream. A reset is a ConnectionResetError."""
        chunk = self.sock.recv(1 << 18)
        self.buffer += chunk
        if self._tap:
            self._tap(chunk)
        return bool(chunk)

    def until(self, mark: bytes, limit: int = 1 << 20) -> bytes:
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            if len(self.buffer) > limit:
                raise Malformed(f"no {mark!r} in {limit} bytes")
            start = max(0, len(self.buffer) - len(mark) + 1)
            if not self.more():
                raise Truncated(f"end of stream after {bytes(self.buffer[-200:])!r}")
        return self.take(at + len(mark))

    def exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            if not self.more():
                raise Truncated(f"{len(self.buffer)} of {size} bytes")
        return self.take(size)

    def rest(self) -> bytes:
        while self.more():
            pass
        return self.take(len(self.buffer))

    def take(self, size: int) -> bytes:
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    def wait_for_message(self) -> None:
        """Returns when the first byte of a message is there; Ended if none will come."""
        try:
            if not self.buffer and not self.more():
                raise Ended("end of stream")
        except ConnectionError as error:
            raise Ended(str(error)) from error


def split_head(raw: bytes) -> tuple[str, Fields]:
    """The start line and the fields of a whole head; Malformed if they break the grammar."""
    lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    fields = Fields()
    for line in lines[1:]:
        match = FIELD_LINE.fullmatch(line)
        if not match:
            raise Malformed(f"field line {line!r}")
        fields.append((match[1], match[2]))
    return lines[0], fields


def framing_of(fields: Fields) -> str | int | None:
    """'chunked', a length or None; Malformed if there is more than one opinion."""
    codings, lengths = fields.all("Transfer-Encoding"), fields.all("Content-Length")
    if len(codings) + len(lengths) > 1:
        raise Malformed(f"framed more than once: {codings} {lengths}")
    if codings:
        if codings[0] != "chunked":
            raise Malformed(f"transfer coding {codings[0]!r}")
        return "chunked"
    if lengths:
        if not re.fullmatch("0|[1-9][0-9]*", lengths[0]):
            raise Malformed(f"length {lengths[0]!r}")
        return int(lengths[0])
    return None


def read_chunks(wire: Wire) -> bytes:
    """A chunked body as holdfast must write it: no extensions, no trailers."""
    body = bytearray()
    while True:
        line = wire.until(b"\r\n", 64)
        if not CHUNK_LINE.fullmatch(line):
            raise Malformed(f"chunk line {line!r}")
        size = int(line, 16)
        body += wire.exactly(size)
        if wire.exactly(2) != b"\r\n":
            raise Malformed("no CRLF after a chunk")
        if size == 0:
            return bytes(body)


def read_request_head(wire: Wire) -> Request:
    wire.wait_for_message()
    raw = wire.until(b"\r\n\r\n")
    line, fields = split_head(raw)
    match = REQUEST_LINE.fullmatch(line)
    if not match:
        raise Malformed(f"request line {line!r}")
    return Request(match[1], match[2], match[3], fields, raw)


def read_request_body(wire: Wire, request: Request) -> bytes:
    framing = framing_of(request.fields)
    if framing == "chunked":
        if request.version == "1.0":
            raise Malformed("a chunked HTTP/1.0 request")
        return read_chunks(wire)
    return wire.exactly(framing or 0)


def read_answer_head(wire: Wire) -> Answer:
    wire.wait_for_message()
    line, fields = split_head(wire.until(b"\r\n\r\n"))
    match = STATUS_LINE.fullmatch(line)
    if not match:
        raise Malformed(f"status line {line!r}")
    return Answer(int(match[2]), match[1], fields)


def read_answer(wire: Wire, method: str = "GET") -> Answer:
    """The next final answer and all interim ones before it."""
    interim = []
    while (answer := read_answer_head(wire)).status < 200 and answer.status != 101:
        interim.append(answer)
    answer.interim = interim
    framing = framing_of(answer.fields)
    if method == "HEAD" or answer.status in (204, 304):
        return answer
    if framing == "chunked":
        answer.framing, answer.body = "chunked", read_chunks(wire)
    elif framing is not None:
        answer.framing, answer.body = "length", wire.exactly(framing)
    else:
        answer.framing, answer.body = "close", wire.rest()
    return answer


def encode_head(start_line: str, fields) -> bytes:
    lines = [start_line, *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def encode_chunks(body: bytes, size: int = 7) -> bytes:
    """A chunked body in chunks of `size` bytes."""
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"
