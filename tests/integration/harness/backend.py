"""Backends that follow a script and keep a ledger of what holdfast has done to them."""

import collections
import pathlib
import select
import socket
import struct
import threading
import traceback

from harness.messages import (Ended, Malformed, Request, Truncated, Wire, encode_chunks,
                              encode_head, read_request_body, read_request_head)
from harness.waiting import PATIENCE

RECORDED_BYTES = 4 << 20  # of one connection; a longer one is not recorded at all
REASONS = {200: "OK", 204: "No Content", 304: "Not Modified", 404: "Not Found"}


class BackendConnection:
    """One accepted connection, as its script sees it. Lives in a thread of its own."""

    def __init__(self, backend: "Backend", sock: socket.socket, number: int) -> None:
        self.backend = backend
        self.sock = sock
        self.number = number  # in the order of accept, from 1
        # Verbatim; None once it is too long.
        self.received: bytearray | None = bytearray() if backend.records else None
        self.received_bytes = 0
        self.requests: list[Request] = []
        self.answered = 0
        self.ended_by: str | None = None  # "holdfast" or "backend"; None while it is open
        self.ended_how: str | None = None  # "fin" or "reset"
        self.ours = False  # its end is the backend's: it is closing, or was told to
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(30)
        self.wire = Wire(sock, self._record)

    def _record(self, chunk: bytes) -> None:
        self.received_bytes += len(chunk)
        if not chunk:
            self.end("fin")
        elif self.received is not None:
            self.received += chunk
            if len(self.received) > RECORDED_BYTES:
                self.received = None

    def read_request(self) -> Request:
        """The next whole request. Ended if holdfast closes instead."""
        return self.read_body(self.read_head())

    def read_head(self) -> Request:
        if self.ours:
            raise Ended("dropped")
        request = read_request_head(self.wire)
        request.connection, request.ordinal = self.number, len(self.requests) + 1
        with self.backend.changed:
            self.requests.append(request)
            self.backend.begun.append(request)
            self.backend.changed.notify_all()
        return request

    def read_body(self, request: Request) -> Request:
        request.body = read_request_body(self.wire, request)
        with self.backend.changed:
            self.backend.requests.append(request)
            self.backend.executions[request.id] += 1
            self.backend.changed.notify_all()
        return request

    def reply(self, body: bytes = b"", status: int = 200, fields=(), *, version: str = "1.1",
              framing: str = "length") -> None:
        """Answers: with a length, in chunks, or (framing="close") up to the end of the stream."""
        lines = list(fields)
        if framing == "length" and status not in (204, 304):
            lines.append(("Content-Length", str(len(body))))
        elif framing == "chunked":
            lines.append(("Transfer-Encoding", "chunked"))
            body = encode_chunks(body)
        head = encode_head(f"HTTP/{version} {status} {REASONS.get(status, 'Odd')}", lines)
        self.send(head + body)
        self.answered += 1
        if framing == "close":
            self.close()

    def send(self, content: bytes) -> None:
        self.sock.sendall(content)

    def wait_for_end(self) -> None:
        """Returns when holdfast has ended the connection; any byte instead is a failure."""
        try:
            self.wire.wait_for_message()
        except Ended as end:
            self.note_end(end)
            return
        raise Malformed(f"bytes where an end was due: {bytes(self.wire.buffer[:200])!r}")

    def wait_until_left(self) -> None:
        """Reads nothing more until holdfast has closed, whatever it has sent before."""
        for _ in range(600):
            if self.left() or self.ours:
                self.end("fin")
                return
            poll = select.poll()
            poll.register(self.sock, select.POLLRDHUP)
            poll.poll(50)
        raise AssertionError("holdfast has not closed the connection")

    def holdfast_waits(self, seconds: float) -> bool:
        """holdfast neither speaks nor closes for so long."""
        self.sock.settimeout(seconds)
        try:
            self.wire.wait_for_message()
        except TimeoutError:
            return True
        except Ended as end:
            self.note_end(end)
        finally:
            self.sock.settimeout(30)
        return False

    def note_end(self, end: Ended) -> None:
        self.end("reset" if end.__cause__ else "fin")

    def pause_until(self, gate: threading.Event) -> None:
        """Waits for the test; a gate that stays shut for 30 s is a broken test."""
        for _ in range(600):
            if gate.wait(0.05):
                return
            if self.ours:
                raise Ended("dropped")
        raise AssertionError("the gate of a scripted backend was never opened")

    def half_close(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Ends it, with FIN unless a reset was asked for.

        Only its own thread may close a socket: the number of one that another thread still reads
        could be another connection's at once.
        """
        with self.backend.changed:
            self.ours = True
            self.sock.close()
            if self.ended_by is None:
                self.ended_by, self.ended_how = "backend", "fin"
            self.backend.changed.notify_all()

    def reset(self) -> None:
        """Ends it with RST, whatever is under way."""
        self._linger_not()
        self.close()

    def drop(self, how: str) -> None:
        """For other threads: makes its own thread end it now, with "fin" or "reset"."""
        with self.backend.changed:
            if self.ended_by is not None:
                return
            self.ours = True
            if how == "reset":
                self._linger_not()
            _wake(self.sock, socket.SHUT_RD if how == "reset" else socket.SHUT_RDWR)

    def _linger_not(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def end(self, how: str) -> None:
        """holdfast has ended it."""
        with self.backend.changed:
            if self.ended_by is None and not self.ours:
                self.ended_by, self.ended_how = "holdfast", how
                self.backend.changed.notify_all()

    @property
    def open(self) -> bool:
        return self.ended_by is None

    def left(self) -> bool:
        """holdfast has closed it, though the script may not have seen that yet."""
        poll = select.poll()
        try:
            poll.register(self.sock, select.POLLRDHUP)
        except ValueError:
            return True  # It is closed here, too.
        return bool(poll.poll(0))


def _wake(sock: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    """Lets a thread that waits in recv() go; close() alone would leave it there."""
    try:
        sock.shutdown(how)
    except OSError:
        pass  # It was never connected, or the other side has reset it: nobody waits then.


class Backend:
    """A listening socket whose every connection follows `script(connection)`.

    The script runs in a thread and may end in any way; Ended means that holdfast closed between two
    requests. All that is counted is counted here, not asked of holdfast.
    """

    def __init__(self, script, *, address=("127.0.0.1", 0), backlog: int = 1024,
                 make_socket=socket.socket) -> None:
        self.script = script
        self.changed = threading.Condition()
        self.connections: list[BackendConnection] = []
        self.begun: list[Request] = []  # heads, in order of arrival
        self.requests: list[Request] = []  # whole requests
        self.executions: collections.Counter[str] = collections.Counter()
        self.max_open = 0
        self.failures: list[str] = []
        self.expects_broken_requests = False  # set by tests whose clients leave in the middle
        self.accepting = threading.Event()  # cleared: connections stay in the backlog
        self.accepting.set()
        self.records = True  # cleared where reading it all again would take longer than the test
        self.strangers: set = set()  # addresses that are not holdfast's, and are not counted
        self._make_socket = make_socket
        self._backlog = backlog
        self._threads: list[threading.Thread] = []
        self.listen(address)

    def listen(self, address) -> None:
        is_file = isinstance(address, str)
        if is_file:
            pathlib.Path(address).unlink(missing_ok=True)
        self.listener = self._make_socket(socket.AF_UNIX if is_file else socket.AF_INET,
                                          socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(address)
        self.listener.listen(self._backlog)
        self.address = self.listener.getsockname()
        self._acceptor = self._start(self._accept, self.listener)

    @property
    def server(self) -> str:
        """As it stands in `servers:`."""
        if isinstance(self.address, str):
            return f"unix:{self.address}"
        return "%s:%d" % self.address

    def _start(self, work, *arguments) -> threading.Thread:
        self._threads = [t for t in self._threads if t.is_alive()]
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, address = listener.accept()
            except OSError:
                listener.close()
                return
            self.accepting.wait(30)
            if address in self.strangers:
                sock.close()
            else:
                self._start(self._follow, self._open(sock))

    def _open(self, sock: socket.socket) -> BackendConnection:
        with self.changed:
            for connection in self.connections:
                if connection.open and connection.left():
                    connection.end("fin")
            connection = BackendConnection(self, sock, len(self.connections) + 1)
            self.connections.append(connection)
            self.max_open = max(self.max_open, sum(c.open and not c.ours for c in self.connections))
            self.changed.notify_all()
        return connection

    def _follow(self, connection: BackendConnection) -> None:
        try:
            self.script(connection)
        except Ended as end:
            connection.note_end(end)
        except (Truncated, ConnectionError) as error:
            self._cut(connection, error)
        except Exception:  # A script is test code: whatever it raises fails the test.
            if not connection.ours:
                self.failures.append(traceback.format_exc())
        finally:
            connection.close()

    def _cut(self, connection: BackendConnection, error: Exception) -> None:
        """holdfast has ended the connection in the middle of something."""
        if isinstance(error, Truncated) and not connection.ours:
            if not self.expects_broken_requests:
                self.failures.append(f"connection {connection.number}: {error}")
        connection.end("reset" if isinstance(error, ConnectionError) else "fin")

    @property
    def accepted(self) -> int:
        return len(self.connections)

    @property
    def open(self) -> int:
        return sum(connection.open for connection in self.connections)

    @property
    def received_bytes(self) -> int:
        return sum(connection.received_bytes for connection in self.connections)

    def wait(self, claim, what: str, within: float = PATIENCE) -> None:
        """Returns once claim(self) is true."""
        with self.changed:
            if not self.changed.wait_for(lambda: claim(self), within):
                raise AssertionError(f"not within {within:g} s: {what}\n{self.ledger()}")

    def wait_for_begun(self, count: int) -> None:
        self.wait(lambda b: len(b.begun) >= count, f"{count} requests begun")

    def wait_for_open(self, count: int, within: float = PATIENCE) -> None:
        self.wait(lambda b: b.open == count, f"{count} connections open", within)

    def ledger(self) -> str:
        return "\n".join(
            f"connection {c.number}: {len(c.requests)} requests, {c.answered} answered, "
            + (f"ended by {c.ended_by} {c.ended_how or ''}" if c.ended_by else "open")
            for c in self.connections)

    def kill(self, how: str = "reset") -> None:
        """Dies: no listener, no connection. listen(address) brings it back."""
        self.accepting.set()
        _wake(self.listener)
        self._acceptor.join(5)
        self.drop_connections(how)

    def drop_connections(self, how: str = "reset") -> list[BackendConnection]:
        """Ends all connections and goes on listening; gives those that it has ended."""
        with self.changed:
            victims = [c for c in self.connections if c.open]
        for connection in victims:
            connection.drop(how)
        self.wait(lambda _: not any(c.open for c in victims), "all connections dropped")
        return victims

    def stop(self) -> None:
        self.kill("fin")
        for thread in self._threads:
            thread.join(5)
