"""A gigabyte each way, through a client that works in bursts, in a bounded amount of memory."""

import threading

import pytest

from harness.binary import sanitized
from harness.bulk import BIG_BYTES, BodyReader, Sum, send_body
from harness.client import Client
from harness.scripts import keep_alive, keep_alive_10
from harness.waiting import PATIENCE, wait_until

RESIDENT_BYTES = 32 << 20
MODERATE_BYTES = min(BIG_BYTES, 24 << 20)

pytestmark = pytest.mark.xdist_group("bulk")


def check_memory(proxy) -> None:
    if not sanitized():
        assert proxy.status_bytes("VmHWM") < RESIDENT_BYTES


def receiving(sums: list[Sum]):
    """A backend that sums up each upload and says how many bytes it was."""
    def script(connection):
        while True:
            request = connection.read_head()
            reader = BodyReader(connection.wire, bursts=False)
            length = request.fields.get("Content-Length")
            sums.append(reader.length(int(length)) if length else reader.chunked())
            connection.reply(str(sums[-1].size).encode())
    return script


def serving(size: int, framing: str, sums: list[Sum]):
    """A backend that sends so many bytes."""
    head = {"length": f"Content-Length: {size}", "chunked": "Transfer-Encoding: chunked",
            "close": "Connection: close"}[framing]

    def script(connection):
        connection.read_request()
        connection.send(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
        sums.append(send_body(connection.sock, size, chunked=framing == "chunked", bursts=False))
        if framing != "close":
            keep_alive()(connection)
    return script


def upload(proxy, size: int, framing: str, *, bursts: bool = True) -> Sum:
    with Client(proxy.address, patience=30) as client:
        chunked = framing == "chunked"
        client.ask("PUT", "/big", [("Transfer-Encoding", "chunked") if chunked
                                   else ("Content-Length", str(size))])
        sent = send_body(client.sock, size, chunked=chunked, bursts=bursts)
        assert client.answer().text == str(size)
        return sent


def download(proxy, size: int, *, version: str = "1.1", bursts: bool = True) -> Sum:
    with Client(proxy.address, patience=30) as client:
        client.ask("GET", "/big", version=version)
        head = client.wire.until(b"\r\n\r\n").lower()
        reader = BodyReader(client.wire, bursts=bursts)
        if b"chunked" in head:
            return reader.chunked()
        return reader.length(size)


@pytest.mark.big
@pytest.mark.timeout(180)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_gigabyte_arrives_at_the_backend_byte_for_byte(stage, framing):
    sums: list[Sum] = []
    proxy = stage.proxy(stage.backend(receiving(sums)))
    sent = upload(proxy, BIG_BYTES, framing)
    assert sums == [sent]
    check_memory(proxy)


@pytest.mark.big
@pytest.mark.timeout(180)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_gigabyte_arrives_at_the_client_byte_for_byte(stage, framing):
    sums: list[Sum] = []
    backend = stage.backend(serving(BIG_BYTES, framing, sums))
    proxy = stage.proxy(backend)
    read = download(proxy, BIG_BYTES)
    backend.wait(lambda _: sums, "the backend has sent all")
    assert sums == [read]
    check_memory(proxy)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_bodies_cross_from_one_framing_to_another(stage, framing, version):
    sums: list[Sum] = []
    backend = stage.backend(serving(MODERATE_BYTES, framing, sums))
    proxy = stage.proxy(backend)
    read = download(proxy, MODERATE_BYTES, version=version, bursts=False)
    backend.wait(lambda _: sums, "the backend has sent all")
    assert sums == [read]


def test_an_http_1_0_backend_takes_a_long_upload_with_a_length(stage):
    backend = stage.backend(keep_alive_10)
    proxy = stage.proxy(backend, upstream={"protocol": "http/1.0"})
    with Client(proxy.address) as client:
        client.ask("PUT", "/", [("Content-Length", str(MODERATE_BYTES))])
        send_body(client.sock, MODERATE_BYTES, chunked=False, bursts=False)
        assert client.answer().text == f"PUT / {MODERATE_BYTES} 1.1\n"
    check_memory(proxy)


def test_readers_that_do_not_read_do_not_fill_our_memory(stage):
    # 16 clients ask for more than their sockets hold and stop reading; nothing may pile up here.
    sums: list[Sum] = []
    backend = stage.backend(serving(MODERATE_BYTES, "length", sums))
    proxy = stage.proxy(backend)
    before = proxy.status_bytes("VmRSS")
    clients = [Client(proxy.address, receive_buffer=16384) for _ in range(16)]
    for client in clients:
        client.ask("GET", "/")
    for client in clients:
        client.wire.exactly(10_000)
    wait_until(lambda: stands_still(proxy), "all are blocked", PATIENCE)
    if not sanitized():
        assert proxy.status_bytes("VmRSS") < before + (8 << 20)
    for client in clients:
        client.close()


def test_backends_that_do_not_read_do_not_fill_our_memory(stage):
    over = threading.Event()

    def deaf(connection):
        connection.read_head()
        connection.pause_until(over)
    backend = stage.backend(deaf)
    proxy = stage.proxy(backend)
    before = proxy.status_bytes("VmRSS")
    clients = [Client(proxy.address) for _ in range(16)]
    for client in clients:
        client.ask("PUT", "/", [("Content-Length", str(1 << 30))])
        client.sock.setblocking(False)
    wait_until(lambda: all(stuck(client) for client in clients), "all are blocked", PATIENCE)
    if not sanitized():
        assert proxy.status_bytes("VmRSS") < before + (8 << 20)
    for client in clients:
        client.close()
    over.set()


def stuck(client: Client) -> bool:
    """Fills the client's socket; true if it took nothing."""
    try:
        return client.sock.send(b"x" * (1 << 20)) == 0
    except BlockingIOError:
        return True


def stands_still(proxy) -> bool:
    """holdfast has used no CPU for a while."""
    def ticks() -> list[str]:
        with open(f"/proc/{proxy.pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[11:13]
    before = ticks()
    try:
        wait_until(lambda: ticks() != before, "", 0.1)
    except AssertionError:
        return True
    return False
