"""What one client can make holdfast hold: at most 16 bytes for each that it sent."""

import pytest

from harness.binary import sanitized
from harness.client import Client
from harness.crowd import Crowd, raise_descriptor_limit
from harness.scripts import keep_alive
from harness.waiting import wait_until

pytestmark = pytest.mark.skipif(sanitized(), reason="a sanitizer's own memory would be measured")

# What a connection may cost whatever it has sent: its two structures, an exchange, its smallest
# block. And what the allocator and the slabs may round up to, all in all.
PER_CONNECTION = 8 * 1024
IN_ALL = 2 * 1024 * 1024
TIMES = 16


def pour(client: Client, content: bytes, chunk: int = 1 << 16) -> int:
    """Sends until all is sent or holdfast has had enough; how much that was."""
    sent = 0
    try:
        while sent < len(content):
            client.send(content[sent:sent + chunk])
            sent += chunk
    except OSError:
        pass
    return min(sent, len(content))


HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
HOSTILE = {
    "a_head_of_a_megabyte": HEAD + b"X: " + b"y" * 1_000_000,
    "a_hundred_thousand_fields": HEAD + b"A:b\r\n" * 100_000,
    "a_target_of_a_megabyte": b"GET /" + b"y" * 1_000_000,
    "a_chunk_extension_of_64k": CHUNKED + b"1;" + b"x" * 65_536,
    "ten_million_one_byte_chunks": CHUNKED + b"1\r\nx\r\n" * 10_000_000,
    "trailers_of_64k": CHUNKED + b"0\r\n" + b"A: b\r\n" * 11_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_memory_is_at_most_sixteen_times_what_came(stage, name):
    backend = stage.backend(keep_alive())
    backend.expects_broken_requests = True
    proxy = stage.proxy(backend)
    clients = [Client(proxy.address) for _ in range(1 if len(HOSTILE[name]) > 10_000_000 else 20)]
    for client in clients:
        assert client.get("/").status == 200
    before = proxy.status_bytes("VmRSS")
    sent = sum(pour(client, HOSTILE[name]) for client in clients)
    grown = proxy.status_bytes("VmHWM") - before
    for client in clients:
        client.close()
    print(f"{name}: {sent} bytes taken from {len(clients)} clients, memory grew by {grown}")
    assert grown <= TIMES * sent + PER_CONNECTION * len(clients) + IN_ALL


def hold(stage, count: int, opening: bytes) -> tuple[int, Crowd]:
    proxy = stage.proxy(stage.backend(keep_alive()),
                        listener={"max_connections": count * 5 // 4 + 100,
                                  "timeouts": {"head": "10m", "idle": "10m"}})
    with Client(proxy.address) as first:
        assert first.get("/").status == 200
    before = proxy.status_bytes("VmRSS")
    crowd = stage.adopt(Crowd(proxy.address, count, opening))
    wait_until(lambda: proxy.descriptors() > count, "all are accepted", 60)
    with Client(proxy.address) as last:
        assert last.get("/").status == 200
    return proxy.status_bytes("VmRSS") - before, crowd


@pytest.mark.parametrize("opening", [HEAD[:20], HEAD + b"X: " + b"y" * 5_000],
                         ids=["short", "longer"])
@pytest.mark.timeout(120)
def test_ten_thousand_half_heads_hold_what_they_sent(stage, opening):
    count = min(10_000, raise_descriptor_limit() // 2 - 1000)
    grown, _ = hold(stage, count, opening)
    print(f"{count} half heads of {len(opening)} bytes: {grown / count:.0f} bytes each")
    assert grown <= (TIMES * len(opening) + PER_CONNECTION) * count + IN_ALL
