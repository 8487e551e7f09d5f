"""Readers of HTTP/1.x that let nothing pass that is not exactly as holdfast promises to write it.

They share no code with holdfast and none with llhttp: a head is one regular expression. What h11
thinks of the same bytes is asked beside, since it reads with another eye.
"""

import dataclasses
import functools
import re

import h11

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
VALUE = rb"[\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?"
FIELDS = rb"((?:" + TOKEN + rb": (?:" + VALUE + rb")?\r\n)*)\r\n"
REQUEST = re.compile(rb"([A-Z][A-Z-]*) (/[!-\"$-~]*|\*) HTTP/1\.([01])\r\n" + FIELDS)
ANSWER = re.compile(rb"HTTP/1\.1 ([1-9][0-9]{2}) ([ -~]*)\r\n" + FIELDS)
LENGTH = re.compile(rb"0|[1-9][0-9]{0,18}")
CHUNK = re.compile(rb"([1-9a-f][0-9a-f]{0,15})\r\n")
LAST_CHUNK = b"0\r\n\r\n"

# What goes no further than the next connection, or is for holdfast alone.
HOP_BY_HOP = {b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade", b"http2-settings"}
FOR_PROXIES = {b"expect", b"proxy", b"proxy-authorization"}


class Malformed(Exception):
    """Bytes that holdfast must never write."""


@dataclasses.dataclass
class Read:
    """One whole message. `start` is method and target, or the status."""
    start: tuple[bytes, ...]
    version: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes | None
    size: int

    def values(self, name: bytes) -> list[bytes]:
        return [value for field, value in self.fields if field == name]


def split_fields(block: bytes) -> list[tuple[bytes, bytes]]:
    fields = []
    for line in block.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b": ")
        fields.append((name.lower(), value))
    return fields


def one_of(fields, name: bytes) -> bytes | None:
    values = [value for field, value in fields if field == name]
    if len(values) > 1:
        raise Malformed(f"{len(values)} times {name!r}")
    return values[0] if values else None


def framing(fields) -> int | str | None:
    """The length of the body, "chunked", or None."""
    length, coding = one_of(fields, b"content-length"), one_of(fields, b"transfer-encoding")
    if coding is not None:
        if coding != b"chunked" or length is not None:
            raise Malformed(f"Transfer-Encoding {coding!r}, Content-Length {length!r}")
        return "chunked"
    if length is None:
        return None
    if not LENGTH.fullmatch(length):
        raise Malformed(f"Content-Length {length!r}")
    return int(length)


def chunks(content: bytes, at: int) -> tuple[bytes, int] | None:
    """The payload of the chunks at this place, and the place behind them; None: not all there."""
    payload = []
    while not content.startswith(LAST_CHUNK, at):
        match = CHUNK.match(content, at)
        if match is None:
            rest = content[at:at + 20]
            if LAST_CHUNK.startswith(rest) or re.fullmatch(rb"[1-9a-f][0-9a-f]{0,15}\r?", rest):
                return None
            raise Malformed(f"chunk {rest!r}")
        size, begin = int(match[1], 16), match.end()
        end = content[begin + size:begin + size + 2]
        if not b"\r\n".startswith(end):
            raise Malformed(f"behind a chunk: {end!r}")
        if len(end) < 2:
            return None
        payload.append(content[begin:begin + size])
        at = begin + size + 2
    return b"".join(payload), at + len(LAST_CHUNK)


def read_body(content: bytes, at: int, framed) -> tuple[bytes | None, int] | None:
    if framed == "chunked":
        return chunks(content, at)
    if framed is None:
        return None, at
    return (content[at:at + framed], at + framed) if len(content) >= at + framed else None


@functools.lru_cache(maxsize=20000)
def request_head(head: bytes):
    """Method, target, version, fields and framing of a head; Malformed if it is not one of ours."""
    match = REQUEST.fullmatch(head)
    if match is None:
        raise Malformed(f"no request: {head[:200]!r}")
    fields = split_fields(match[4])
    for name, value in fields:
        if name in HOP_BY_HOP or name in FOR_PROXIES or b"_" in name:
            raise Malformed(f"{name!r} in a request")
        if name == b"connection" and value not in (b"keep-alive", b"close"):
            raise Malformed(f"Connection: {value!r}")
    if one_of(fields, b"host") is None and match[3] == b"1":
        raise Malformed("no Host")
    one_of(fields, b"connection")
    framed = framing(fields)
    if framed == "chunked" and match[3] == b"0":
        raise Malformed("chunked HTTP/1.0")
    ask_h11(head)
    return (match[1], match[2]), match[3], fields, framed


def ask_h11(head: bytes) -> None:
    """h11 must take the same head for a request."""
    parser = h11.Connection(our_role=h11.SERVER, max_incomplete_event_size=1 << 20)
    parser.receive_data(head)
    try:
        event = parser.next_event()
    except h11.RemoteProtocolError as problem:
        raise Malformed(f"h11: {problem}: {head[:200]!r}") from None
    if not isinstance(event, h11.Request):
        raise Malformed(f"h11 reads {event!r}: {head[:200]!r}")


def read_request(content: bytes) -> Read | None:
    """The first request in these bytes; None as long as it is not whole."""
    end = content.find(b"\r\n\r\n")
    if end < 0:
        return None
    start, version, fields, framed = request_head(content[:end + 4])
    body = read_body(content, end + 4, framed)
    return None if body is None else Read(start, version, fields, body[0], body[1])


def read_answer(content: bytes, method: bytes, ended: bool) -> Read | None:
    """The first answer in these bytes; None as long as it is not whole."""
    end = content.find(b"\r\n\r\n")
    if end < 0:
        return None
    match = ANSWER.fullmatch(content, 0, end + 4)
    if match is None:
        raise Malformed(f"no answer: {content[:200]!r}")
    fields, status = split_fields(match[3]), match[1]
    for name, value in fields:
        if name in HOP_BY_HOP or (name == b"connection" and value not in (b"keep-alive", b"close")):
            raise Malformed(f"{name!r}: {value!r} in an answer")
    framed = framing(fields)
    interim = status[:1] == b"1"
    if interim and framed is not None:
        raise Malformed("an interim answer with a length")
    if method == b"HEAD" or interim or status in (b"204", b"304"):
        return Read((status,), b"1", fields, None, end + 4)
    if framed is None:
        body = (content[end + 4:], len(content)) if ended else None
    else:
        body = read_body(content, end + 4, framed)
    return None if body is None else Read((status,), b"1", fields, body[0], body[1])
