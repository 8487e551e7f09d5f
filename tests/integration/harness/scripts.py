"""What scripted backends do. A script is a callable that is given each accepted connection."""

import threading

from harness.backend import BackendConnection
from harness.messages import Request


def own_body(request: Request) -> bytes:
    """A body that says whose answer it is, and where it came from."""
    return (f"{request.method} {request.id} {len(request.body)} "
            f"{request.connection}.{request.ordinal}\n").encode("latin-1")


def answer(connection: BackendConnection, request: Request, body: bytes | None = None,
           **how) -> None:
    """Answers as an origin should: with own_body, and nothing but a head to HEAD."""
    body = own_body(request) if body is None else body
    if request.method == "HEAD":
        how["fields"] = [*how.get("fields", ()), ("Content-Length", str(len(body)))]
        connection.reply(b"", **{**how, "framing": "none"})
    else:
        connection.reply(body, **how)


def keep_alive(**how):
    """HTTP/1.1 with keep-alive, for ever. `how` goes to reply()."""
    def script(connection: BackendConnection) -> None:
        while True:
            answer(connection, connection.read_request(), **how)
    return script


def keep_alive_10(connection: BackendConnection) -> None:
    """HTTP/1.0 with keep-alive for who asks for it, as a server of 1996 does it."""
    while True:
        request = connection.read_request()
        if "keep-alive" not in request.fields.tokens("Connection"):
            answer(connection, request, version="1.0")
            return
        answer(connection, request, version="1.0", fields=[("Connection", "keep-alive")])


def closing_10(connection: BackendConnection) -> None:
    """HTTP/1.0, one request per connection, with a length."""
    answer(connection, connection.read_request(), version="1.0")


def close_delimited_10(connection: BackendConnection) -> None:
    """HTTP/1.0, one request per connection, and its body ends when the stream does."""
    answer(connection, connection.read_request(), version="1.0", framing="close")


def raw(content: bytes, *, then=None):
    """Answers each request with these very bytes, then calls then(connection)."""
    def script(connection: BackendConnection) -> None:
        while True:
            connection.read_request()
            connection.send(content)
            if then:
                then(connection)
    return script


def close_after(count: int, *, announced: bool, version: str = "1.1"):
    """Closes after so many answers, with or without saying so in the last one."""
    def script(connection: BackendConnection) -> None:
        for ordinal in range(1, count + 1):
            last = announced and ordinal == count
            word = "close" if last else "keep-alive"
            answer(connection, connection.read_request(), version=version,
                   fields=[("Connection", word)])
    return script


def idle_limit(seconds: float):
    """Closes a connection over which it has heard nothing for so long."""
    def script(connection: BackendConnection) -> None:
        while not connection.holdfast_waits(seconds):
            answer(connection, connection.read_request())
    return script


def one_by_one(*scripts):
    """The first connection follows the first script, and so on; the last script serves the rest."""
    def script(connection: BackendConnection) -> None:
        scripts[min(connection.number, len(scripts)) - 1](connection)
    return script


class Gate:
    """Holds each answer until the test lets it go, by the id of its request or all at once.

    Requests whose id starts with `free` are answered at once.
    """

    def __init__(self, version: str = "1.1", free: str = "/free") -> None:
        self._version = version
        self._free = free
        self._changed = threading.Condition()
        self._let_go: set[str] = set()
        self._all = False

    def open(self, *ids: str) -> None:
        """Lets the answers to these requests go; to all, now and later, if none is named."""
        with self._changed:
            self._let_go.update(ids)
            self._all = self._all or not ids
            self._changed.notify_all()

    def script(self, connection: BackendConnection) -> None:
        while True:
            self.serve(connection)

    def serve(self, connection: BackendConnection) -> None:
        """One request."""
        fields = [("Connection", "keep-alive")] if self._version == "1.0" else []
        request = connection.read_request()
        self.hold(connection, request)
        answer(connection, request, version=self._version, fields=fields)

    def hold(self, connection: BackendConnection, request: Request) -> None:
        """Waits until its answer may go."""
        name = request.id

        def may_go() -> bool:
            return self._all or name in self._let_go or name.startswith(self._free)
        while True:
            with self._changed:
                if self._changed.wait_for(may_go, 0.03):
                    return
            if connection.left():
                raise ConnectionAbortedError(f"holdfast has left {name}")


def faulty(fault, usual=answer):
    """Answers as usual, but leaves to fault(connection, request) what asks for /fault, from its head
    on: its body has not been read. Ends the connection after a fault unless that gives true."""
    def script(connection: BackendConnection) -> None:
        while True:
            request = connection.read_head()
            if request.target.startswith("/fault"):
                if not fault(connection, request):
                    return
            else:
                usual(connection, connection.read_body(request))
    return script
