"""Answers that are cut at any byte: the client can tell, and the connection is retired for it."""

import pytest

from harness.client import CLOSE, Client
from harness.messages import Ended, Truncated, encode_chunks

BODY = b"twelve bytes"
HEAD = b"HTTP/1.1 200 OK\r\nX-Field: some value\r\n"
ANSWERS = {
    "length": HEAD + b"Content-Length: 12\r\n\r\n" + BODY,
    "chunked": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + encode_chunks(BODY, 5),
    "close": HEAD + b"\r\n" + BODY,
    "http-1.0": HEAD.replace(b"1.1", b"1.0") + b"Content-Length: 12\r\n\r\n" + BODY,
    "interim": b"HTTP/1.1 103 Early Hints\r\n\r\n" + HEAD + b"Content-Length: 12\r\n\r\n" + BODY,
}
CLIENTS = {
    "keeps-1.1": ([], "1.1"),
    "closes-1.1": ([CLOSE], "1.1"),
    "1.0": ([], "1.0"),
    "keeps-1.0": ([("Connection", "keep-alive")], "1.0"),
}


def cutting(answer: bytes, how: str):
    """Sends as much of the answer as the target says, then ends the connection."""
    def script(connection):
        request = connection.read_request()
        connection.send(answer[: int(request.target[1:])])
        if how == "reset":
            connection.reset()
    return script


def outcome(client: Client, target: str, kind: str):
    """'seen' if the client can tell that its answer is not whole, else its status and body."""
    fields, version = CLIENTS[kind]
    try:
        reply = client.get(target, fields, version=version)
    except (Truncated, Ended, ConnectionError):
        return "seen"
    return reply.status, reply.body if reply.status == 200 else b""


def expected(kind: str, how: str, whole_head: bool):
    if not whole_head:
        return 502, b""
    return "seen" if kind != "close" or how == "reset" else None


@pytest.mark.parametrize("who", CLIENTS)
@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_cut_at_any_byte_is_no_answer(stage, kind, how, who):
    answer = ANSWERS[kind]
    head_bytes = answer.rindex(b"\r\n\r\n", 0, answer.index(BODY[:5])) + 4
    if kind == "chunked":
        head_bytes = answer.index(b"\r\n\r\n") + 4
    # Without a length any end is the end of the answer, and cannot be told from a cut.
    cut_short = range(head_bytes if kind == "close" and how == "fin" else len(answer))
    backend = stage.backend(cutting(answer, how))
    proxy = stage.proxy(backend)
    for at in cut_short:
        with Client(proxy.address) as client:
            assert outcome(client, f"/{at}", who) == expected(kind, how, at >= head_bytes), at
    print(f"{len(cut_short)} cuts of {kind} by {how} before a client that {who}")
    assert backend.accepted == len(cut_short)  # Each on a connection of its own, none repeated.
    assert proxy.retirements() == {"broken": len(cut_short)}


@pytest.mark.parametrize("who", CLIENTS)
def test_an_answer_without_a_length_ends_where_its_connection_does(stage, who):
    answer = ANSWERS["close"]
    sizes = range(len(answer) - len(BODY), len(answer) + 1)
    backend = stage.backend(cutting(answer, "fin"))
    proxy = stage.proxy(backend)
    for at in sizes:
        with Client(proxy.address) as client:
            assert outcome(client, f"/{at}", who) == (200, BODY[: at - sizes[0]])
    assert proxy.retirements() == {"close_delimited": len(sizes)}


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_a_cut_answer_is_not_mended_by_the_next_connection(stage, how):
    # A client that keeps its connection gets its 502 whole, and then its own next answer.
    answer = ANSWERS["length"]
    backend = stage.backend(cutting(answer, how))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        for at in range(answer.index(BODY)):
            assert client.get(f"/{at}").status == 502
            assert client.get(f"/{len(answer)}").body == BODY
