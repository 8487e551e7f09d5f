"""A backend that cuts its connections at random moments, and clients that keep a book.

Lean on purpose: one process and one selector each, so that two cores carry a hundred thousand
requests in a minute. Run as `python3 -m harness.cuts ROLE JSON`; what was seen goes to stdout.
"""

import collections
import json
import random
import selectors
import socket
import struct
import sys
import time

HANG = 30.0  # seconds after which a client gives its answer up
RESET = struct.pack("ii", 1, 0)
METHODS = ["GET"] * 4 + ["POST"] * 3 + ["PUT"] * 2 + ["DELETE"] * 2


class Bad(Exception):
    """Bytes that are no message."""


def body_for(name: str) -> bytes:
    """What belongs to this request, recognisable and of a size that its name tells."""
    size = len(name) + sum(name.encode()) * 7 % 1500
    return (name * (size // len(name) + 1)).encode()[:size]


def chunked(body: bytes) -> bytes:
    half = len(body) // 2
    parts = [part for part in (body[:half], body[half:]) if part]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def take_message(buffer: bytearray) -> tuple[bytes, dict, bytes] | None:
    """The message at the front (start line, fields, body), taken off; None if it is not whole."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    start, *lines = bytes(buffer[:end]).split(b"\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in lines)
    at = end + 4
    if fields.get(b"transfer-encoding") == b"chunked":
        body = b""
        while True:
            line = buffer.find(b"\r\n", at)
            if line < 0:
                return None
            size = int(buffer[at:line], 16)
            at = line + 2 + size + 2
            if len(buffer) < at:
                return None
            if not size:
                break
            body += buffer[line + 2:at - 2]
    else:
        size = int(fields.get(b"content-length", b"0"))
        if len(buffer) < at + size:
            return None
        body, at = bytes(buffer[at:at + size]), at + size
    del buffer[:at]
    return start, fields, body


class Backend:
    """Counts each request that it has read whole, then answers it, or cuts at one of many moments."""

    def __init__(self, orders: dict) -> None:
        self.dice = random.Random(orders["seed"])
        self.cut_share = orders["cut_share"]
        self.executions: collections.Counter[str] = collections.Counter()
        self.cuts: collections.Counter[str] = collections.Counter()
        self.mangled: list[str] = []
        self.buffers: dict[socket.socket, bytearray] = {}
        self.doomed: collections.deque = collections.deque()  # (time, socket): idle cuts to come
        self.selector = selectors.EpollSelector()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(sys.stdin.buffer, selectors.EVENT_READ)
        self.restart_every = orders["restart_every"]
        self.opened = 0

    def run(self) -> None:
        print(json.dumps({"port": self.listener.getsockname()[1]}), flush=True)
        while True:
            due = self.doomed[0][0] - time.monotonic() if self.doomed else None
            for key, _ in self.selector.select(due if due is None else max(due, 0)):
                if key.fileobj is sys.stdin.buffer:
                    self.report()
                    return
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj in self.buffers:
                    self.read(key.fileobj)
            while self.doomed and self.doomed[0][0] <= time.monotonic():
                sock = self.doomed.popleft()[1]
                if sock in self.buffers:
                    self.cut(sock, "idle")

    def accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except BlockingIOError:
                return
            self.opened += 1
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.buffers[sock] = bytearray()
            self.selector.register(sock, selectors.EVENT_READ)

    def read(self, sock: socket.socket) -> None:
        try:
            some = sock.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            some = b""
        if not some:
            self.drop(sock)
            return
        buffer = self.buffers[sock]
        buffer += some
        if b"\r\n\r\n" in buffer and self.dice.random() < self.cut_share / 6:
            self.cut(sock, "request")  # not executed: it may or may not have been whole
            return
        message = take_message(buffer)
        if message is None:
            return
        self.execute(sock, *message)
        if buffer and sock in self.buffers:
            self.mangled.append(f"bytes behind a request: {bytes(buffer[:80])!r}")

    def execute(self, sock: socket.socket, start: bytes, fields: dict, body: bytes) -> None:
        method, target, _ = start.decode().split(" ")
        name = target[1:]
        self.executions[name] += 1
        wanted = body_for(name) if method in ("POST", "PUT") else b""
        if body != wanted or not name.startswith(method):
            self.mangled.append(f"{start!r} {fields} {body[:80]!r}")
        if self.restart_every and sum(self.executions.values()) % self.restart_every == 0:
            for other in list(self.buffers):
                self.cut(other, "restart")
            return
        content = body_for(name)
        head = b"HTTP/1.1 200 OK\r\n"
        if self.dice.random() < 0.5:
            answer = head + b"Content-Length: %d\r\n\r\n" % len(content) + content
        else:
            answer = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(content)
        if self.dice.random() >= self.cut_share:
            sock.send(answer)
            return
        end = answer.index(b"\r\n\r\n") + 4
        moment = self.dice.choice(["unanswered", "head", "body", "answered", "idle"])
        if moment == "idle":
            sock.send(answer)
            self.doomed.append((time.monotonic() + 0.001, sock))
            return
        sent = {"unanswered": 0, "head": self.dice.randrange(1, end), "answered": len(answer),
                "body": self.dice.randrange(end, len(answer))}[moment]
        sock.send(answer[:sent])
        self.cut(sock, moment)

    def cut(self, sock: socket.socket, moment: str) -> None:
        how = self.dice.choice(["fin", "reset"])
        self.cuts[f"{moment} {how}"] += 1
        if how == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.drop(sock)

    def drop(self, sock: socket.socket) -> None:
        del self.buffers[sock]
        self.selector.unregister(sock)
        sock.close()

    def report(self) -> None:
        json.dump({"executions": self.executions, "cuts": self.cuts, "mangled": self.mangled[:5],
                   "opened": self.opened}, sys.stdout)


class Asker:
    """One client: a connection, the request under way, what has come of its answer."""

    def __init__(self, book: "Book", number: int, port: int) -> None:
        self.book, self.number, self.port = book, number, port
        self.keeps = number % 2 == 0  # the others ask once for each connection
        self.asked = 0
        self.sock: socket.socket | None = None
        self.ask()

    def ask(self) -> None:
        dice = self.book.dice
        method = dice.choice(METHODS)
        self.name = f"{method}-{self.book.label}{self.number}-{self.asked}"
        self.asked += 1
        self.received = bytearray()
        self.rest = b""
        head = f"{method} /{self.name} HTTP/1.1\r\nHost: a\r\n"
        if not self.keeps or self.asked % 50 == 0:
            head += "Connection: close\r\n"
        body = body_for(self.name) if method in ("POST", "PUT") else None
        if body is None:
            message = head.encode() + b"\r\n"
        elif dice.random() < 0.3:
            message = head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body)
        else:
            message = head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
        if body and dice.random() < 0.2:  # the body comes in two pieces
            half = len(message) - len(body) // 2
            message, self.rest = message[:half], message[half:]
        if self.sock is None:
            self.sock = socket.create_connection(("127.0.0.1", self.port), HANG)
            self.sock.setblocking(False)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.book.selector.register(self.sock, selectors.EVENT_READ, self)
        self.since = time.monotonic()
        self.send(message)
        if self.rest:
            self.book.later.append(self)

    def send(self, message: bytes) -> None:
        try:
            self.sock.send(message)
        except ConnectionError:
            pass  # reading tells

    def on_readable(self) -> None:
        try:
            some = self.sock.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            self.over("cut")
            return
        if not some:
            self.over("cut" if self.received else "closed")
            return
        self.received += some
        try:
            message = take_message(self.received)
        except ValueError:
            self.over("malformed")
            return
        if message is not None:
            self.judge(*message)

    def judge(self, start: bytes, fields: dict, body: bytes) -> None:
        status = start.split(b" ")[1].decode()
        stays = fields.get(b"connection") != b"close"
        if self.received:
            self.over("extra bytes")
        elif status == "200" and body != body_for(self.name):
            self.over("foreign")
        else:
            self.over(status, stays)

    def over(self, outcome: str, stays: bool = False) -> None:
        self.book.outcomes[self.name.split("-")[0] + " " + outcome] += 1
        self.book.fates[self.name] = outcome
        self.rest = b""
        if not stays:
            self.book.selector.unregister(self.sock)
            self.sock.close()
            self.sock = None
        if self.book.wants_more():
            self.ask()
        elif self.sock is not None:
            self.book.selector.unregister(self.sock)
            self.sock.close()
            self.sock = None


class Book:
    """All clients of one process, and what became of each request."""

    def __init__(self, orders: dict) -> None:
        self.dice = random.Random(orders["seed"])
        self.label = orders["label"]
        self.left = orders["requests"]
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.fates: dict[str, str] = {}
        self.selector = selectors.EpollSelector()
        self.later: list[Asker] = []
        self.clients: list[Asker] = []
        for number in range(orders["clients"]):
            if self.wants_more():
                self.clients.append(Asker(self, number, orders["port"]))

    def wants_more(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def run(self) -> None:
        while any(client.sock for client in self.clients):
            ready = self.selector.select(1)
            waiting, self.later = self.later, []
            for client in waiting:
                if client.rest:
                    rest, client.rest = client.rest, b""
                    client.send(rest)
            for key, _ in ready:
                if key.data.sock is key.fileobj:
                    key.data.on_readable()
            now = time.monotonic()
            for client in self.clients if not ready else ():
                if client.sock is not None and now - client.since > HANG:
                    client.over("no answer")
        json.dump({"outcomes": self.outcomes, "fates": self.fates}, sys.stdout)


if __name__ == "__main__":
    role, wish = sys.argv[1], json.loads(sys.argv[2])
    (Backend(wish) if role == "backend" else Book(wish)).run()
