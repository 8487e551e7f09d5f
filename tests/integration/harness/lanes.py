"""Many small plays at a time, in one thread: clients before holdfast, backends behind it.

A lane is a listener of holdfast's with an upstream and a backend of its own, so that what happens
in one lane is seen in no other. A play is a generator that moves sockets and yields while it waits;
the stage of all lanes turns one epoll and goes on with those plays that something happened to.

`apart` is what makes a split worth something: the kernel is asked (one dump of sock_diag per turn,
for all lanes) whether all that was sent before has been read, before the next piece is sent.
"""

import select
import socket
import struct
import time
from collections import Counter

from harness.strict import Read, read_answer, read_request

LINGER_NOT = struct.pack("ii", 1, 0)  # close with a reset: no TIME_WAIT for each of many connections
# How long anything may take in a play, and how long a piece that is not read holds the next back.
PATIENCE = 60.0
UNREAD = 10.0

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_REQUEST_DUMP = 4, 20, 0x301
ESTABLISHED, CLOSE_WAIT = 1, 8
STATES = 1 << ESTABLISHED | 1 << CLOSE_WAIT
DIAG_QUESTION = struct.pack("<BBBBI48x", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, STATES)
DIAG_HEAD = struct.pack("<IHHII", 16 + len(DIAG_QUESTION), SOCK_DIAG_BY_FAMILY, NLM_REQUEST_DUMP,
                        1, 0)
PORTS, QUEUES = struct.Struct(">HH"), struct.Struct("<II")


class Kernel:
    """Asks which connections have bytes that their reader has not read yet."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)

    def busy(self) -> set[tuple[int, int]]:
        """(port of the sender, port of the reader) of each such connection."""
        self._socket.send(DIAG_HEAD + DIAG_QUESTION)
        found = set()
        while True:
            answer, at = self._socket.recv(1 << 18), 0
            while at < len(answer):
                size, kind = struct.unpack_from("<IH", answer, at)
                if kind != SOCK_DIAG_BY_FAMILY:
                    return found
                unread, unsent = QUEUES.unpack_from(answer, at + 72)
                if unread or unsent:
                    near, far = PORTS.unpack_from(answer, at + 20)
                    if unread:
                        found.add((far, near))
                    if unsent:
                        found.add((near, far))
                at += size

    def close(self) -> None:
        self._socket.close()


class Wire:
    """One connection of a lane, at either end of holdfast."""

    def __init__(self, lane, sock: socket.socket, far_port: int) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lane, self.sock = lane, sock
        self.ports = (sock.getsockname()[1], far_port)
        self.received = b""
        self.ended = False  # end of stream or reset
        self.reset = False
        self.number = sock.fileno()
        lane.turns.watch(self)

    def on_readable(self) -> None:
        try:
            content = self.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            content, self.reset = b"", True
        if content:
            self.received += content
        else:
            self.ended = True
            self.lane.turns.unwatch(self)

    def send(self, content: bytes) -> None:
        try:
            sent = self.sock.send(content)
        except OSError:
            return  # the far side has closed; reading says so
        assert sent == len(content), "more than a socket takes at once"

    def end(self) -> None:
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the far side has reset it

    def close(self) -> None:
        if self.sock.fileno() >= 0:
            self.lane.turns.unwatch(self)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            self.sock.close()


class Client(Wire):
    """Reads answers as strictly as they are written."""

    def __init__(self, lane) -> None:
        sock = socket.create_connection(lane.address, timeout=PATIENCE)
        super().__init__(lane, sock, lane.address[1])

    def answer(self, method: bytes) -> Read | None:
        found = read_answer(self.received, method, self.ended)
        if found is not None:
            self.received = self.received[found.size:]
        return found


class Backend(Wire):
    """A connection from holdfast: counts its requests, answers each at once with where it was."""

    def __init__(self, lane, sock: socket.socket, far_port: int, ordinal: int) -> None:
        super().__init__(lane, sock, far_port)
        self.ordinal = ordinal
        self.requests = 0

    def on_readable(self) -> None:
        super().on_readable()
        while self.received:
            found = read_request(self.received)
            if found is None:
                return
            self.received = self.received[found.size:]
            self.requests += 1
            self.lane.on_request(self, found)


class Lane:
    """One listener, one upstream, one backend. `seen` is all that the backend has been asked."""

    def __init__(self, turns, number: int) -> None:
        self.turns, self.number = turns, number
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.listening.setblocking(False)
        self.server = "127.0.0.1:%d" % self.listening.getsockname()[1]
        self.address = None  # of holdfast's listener
        self.backends: list[Backend] = []
        self.seen: list[tuple[bytes, Read]] = []
        self.asked: Backend | None = None  # who has been asked for the answer that a play gives
        self.opened = 0
        self.clients: list[Client] = []
        self.canary: Client | None = None
        self.canaries = 0
        self.play = None
        self.waits_for = None  # the ports of a wire whose bytes shall be read before the next ones
        self.granted = False   # they have been
        self.since = 0.0
        turns.watch_listener(self)

    def on_readable(self) -> None:
        while True:
            try:
                sock, far = self.listening.accept()
            except BlockingIOError:
                return
            self.opened += 1
            self.backends.append(Backend(self, sock, far[1], self.opened))

    def on_request(self, backend: Backend, request: Read) -> None:
        tag = b"%d.%d %s %s" % (backend.ordinal, backend.requests, *request.start)
        self.seen.append((tag, request))
        if request.start[1] == b"/answer-of-the-play":
            self.asked = backend
            return
        backend.send(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%s"
                     % (len(tag), b"" if request.start[0] == b"HEAD" else tag))

    def until_read(self, wire: Wire):
        """All that was sent on this wire has been read, or its far side has closed it."""
        self.granted, self.since = False, time.monotonic()
        while not self.granted and not wire.ended:
            yield wire.ports

    def forget_everything(self) -> None:
        """After a play that failed: nothing of it is left for the next one."""
        for wire in [*self.backends, *self.clients, *([self.canary] if self.canary else [])]:
            wire.close()
        self.backends.clear()
        self.clients.clear()
        self.seen.clear()
        self.canary = self.asked = None

    def close(self) -> None:
        self.forget_everything()
        self.turns.forget(self.listening.fileno())
        self.listening.close()


class Turns:
    """Turns all lanes until each of their plays is over."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._wires: dict[int, Wire | Lane] = {}
        self._kernel = Kernel()
        self.counts = Counter()

    def watch(self, wire: Wire) -> None:
        self._wires[wire.number] = wire
        self._epoll.register(wire.number, select.EPOLLIN)

    def watch_listener(self, lane: Lane) -> None:
        self._wires[lane.listening.fileno()] = lane
        self._epoll.register(lane.listening.fileno(), select.EPOLLIN)

    def unwatch(self, wire: Wire) -> None:
        if self._wires.get(wire.number) is wire:
            self.forget(wire.number)

    def forget(self, number: int) -> None:
        del self._wires[number]
        self._epoll.unregister(number)

    def run(self, lanes: list[Lane], plays) -> None:
        """Gives each lane one play after the other from `plays(lane)`, until there is no more."""
        active = {}
        for lane in lanes:
            lane.play = plays(lane)
            active[lane.number] = lane
        touched = set(active)
        while active:
            self._go_on(active, touched)
            waits = any(lane.waits_for for lane in active.values())
            touched = set()
            for number, _ in self._epoll.poll(0 if waits else 1, 256):
                wire = self._wires.get(number)
                if wire is not None:
                    wire.on_readable()
                    touched.add(wire.number if isinstance(wire, Lane) else wire.lane.number)
            self._judge(active, touched)

    # Goes on with the lanes that something happened to.
    def _go_on(self, active, touched) -> None:
        for number in touched:
            lane = active.get(number)
            if lane is None:
                continue
            try:
                lane.waits_for = next(lane.play)
            except StopIteration:
                del active[number]
                continue
            if lane.waits_for is None:
                lane.since = time.monotonic()

    # Touches the lanes whose pieces have been read, and fails for one that nothing happens to.
    def _judge(self, active, touched) -> None:
        now = time.monotonic()
        busy = None
        for number, lane in active.items():
            if lane.waits_for is not None:
                busy = self._kernel.busy() if busy is None else busy
                if lane.waits_for not in busy:
                    self.counts["read apart"] += 1
                    lane.granted = True
                    touched.add(number)
                elif now - lane.since > UNREAD:
                    self.counts["not read apart"] += 1
                    lane.granted = True
                    touched.add(number)
            elif now - lane.since > PATIENCE and number not in touched:
                lane.since = now
                lane.waits_for = lane.play.throw(AssertionError("nothing happens any more"))

    def close(self) -> None:
        self._kernel.close()
        self._epoll.close()
