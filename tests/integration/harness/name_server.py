"""A DNS server whose answers a test changes, and a network in which nobody else is asked."""

import pathlib
import shutil
import socket
import struct
import threading

from harness.namespace import Namespace

A, AAAA = 1, 28
SERVFAIL, NXDOMAIN = 2, 3
FOLDER = pathlib.Path("/etc/netns")


class NameServer:
    """Answers for the names it knows, with what `names` says at that time.

    names: name -> list of IPv4 addresses, a code of failure, or None: it never answers.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.names: dict[str, list[str] | int | None] = {}
        self._asked: list[str] = []
        self._changed = threading.Condition()
        self._socket = sock
        self._over = False
        sock.settimeout(0.1)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def asked(self, name: str) -> int:
        """How often its IPv4 addresses were asked for."""
        return self._asked.count(name)

    def wait_until_asked(self, name: str, times: int = 1, within: float = 20) -> None:
        """Returns when it was asked so many times more."""
        with self._changed:
            wanted = self.asked(name) + times
            assert self._changed.wait_for(lambda: self.asked(name) >= wanted, within), self._asked

    def _serve(self) -> None:
        while not self._over:
            try:
                query, asker = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            answer = self._answer(query)
            if answer:
                self._socket.sendto(answer, asker)

    def _answer(self, query: bytes) -> bytes | None:
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        name, kind = ".".join(labels), struct.unpack_from("!H", query, at + 1)[0]
        known = self.names.get(name, NXDOMAIN)
        with self._changed:
            if kind == A:
                self._asked.append(name)
                self._changed.notify_all()
        if known is None:
            return None
        addresses = known if isinstance(known, list) and kind == A else []
        code = known if isinstance(known, int) else 0
        records = b"".join(struct.pack("!HHHIH", 0xC00C, A, 1, 1, 4) + socket.inet_aton(address)
                           for address in addresses)
        return (query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(addresses), 0, 0)
                + query[12:at + 5] + records)

    def stop(self) -> None:
        self._over = True
        self._thread.join()
        self._socket.close()


class NamedNetwork:
    """A network of its own whose programs ask this name server only."""

    def __init__(self) -> None:
        self.namespace = Namespace()
        self.folder = FOLDER / self.namespace.name
        self.folder.mkdir(parents=True)
        (self.folder / "resolv.conf").write_text(
            "nameserver 127.0.0.53\noptions timeout:1 attempts:1\n", encoding="ascii")
        (self.folder / "nsswitch.conf").write_text("hosts: files dns\n", encoding="ascii")
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n", encoding="ascii")
        asked = self.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asked.bind(("127.0.0.53", 53))
        self.server = NameServer(asked)

    @property
    def prefix(self) -> list[str]:
        return self.namespace.prefix

    def socket(self, family: int, kind: int) -> socket.socket:
        return self.namespace.socket(family, kind)

    def stop(self) -> None:
        self.server.stop()
        self.namespace.stop()
        shutil.rmtree(self.folder)
