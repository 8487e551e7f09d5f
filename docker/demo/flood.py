#!/usr/bin/env python3
"""Clients as they are in a thousand scripts: each connects, asks once, reads its answer and leaves."""

import argparse
import asyncio
import errno
import re
import socket

from counts import Counts, time_waits

AT_ONCE = 200
PATIENCE_SECONDS = 5
ANSWERED, NO_PORT, FAILED = 'outcome="answered"', 'outcome="no_port"', 'outcome="failed"'


def is_whole(received: bytes) -> bool:
    """All answers here tell their length, those of holdfast included."""
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head.lower())
    return bool(end) and length is not None and len(body) >= int(length[1])


async def ask(address: tuple[str, int]) -> str:
    """One client; how it fared. It closes first, so the TIME_WAIT is on its machine."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
            await loop.sock_sendall(sock, b"GET / HTTP/1.0\r\nHost: legacy\r\n"
                                          b"Connection: keep-alive\r\n\r\n")
            received = b""
            while not is_whole(received):
                piece = await loop.sock_recv(sock, 65536)
                if not piece:
                    return FAILED
                received += piece
            return ANSWERED if b" 200 " in received.split(b"\r\n")[0] else FAILED
        except OSError as error:
            return NO_PORT if error.errno == errno.EADDRNOTAVAIL else FAILED


async def flood(address: tuple[str, int], rate: float, counts: Counts) -> None:
    """At a steady rate, whatever the answers take: who is late does not hold up the others."""
    loop = asyncio.get_running_loop()
    places = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        try:
            outcome = await asyncio.wait_for(ask(address), PATIENCE_SECONDS)
        except asyncio.TimeoutError:
            outcome = FAILED
        places.release()
        counts.add("demo_client_requests_total", outcome)
    running: set[asyncio.Task] = set()
    due = loop.time()
    while True:
        await places.acquire()
        task = asyncio.create_task(one())
        running.add(task)
        task.add_done_callback(running.discard)
        due = max(due + 1 / rate, loop.time() - 1)
        await asyncio.sleep(max(0.0, due - loop.time()))


def look_at_ports(counts: Counts) -> None:
    outward, inward = time_waits()
    counts.put("demo_time_wait_sockets", 'towards="network"', outward)
    counts.put("demo_time_wait_sockets", 'towards="loopback"', inward)


async def resolved(host: str, port: int) -> tuple[str, int]:
    """Its IPv4 address, once somebody listens there."""
    while True:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
            _, writer = await asyncio.open_connection(*found[0][4][:2])
            writer.close()
            return found[0][4][:2]
        except OSError:
            await asyncio.sleep(0.1)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", required=True, metavar="HOST:PORT")
    parser.add_argument("--rate", type=float, default=200, help="clients a second")
    parser.add_argument("--metrics", type=int, default=9100, metavar="PORT")
    given = parser.parse_args()
    counts = Counts()
    counts.declare("demo_client_requests_total", "clients that came, by how they fared",
                   ANSWERED, NO_PORT, FAILED)
    counts.declare("demo_time_wait_sockets", "ports of this network that are taken by the past",
                   'towards="network"', 'towards="loopback"')
    counts.before_telling(lambda: look_at_ports(counts))
    await counts.serve(given.metrics)
    host, _, port = given.to.rpartition(":")
    address = await resolved(host, int(port))
    await asyncio.gather(flood(address, given.rate, counts), counts.print_each_second())


if __name__ == "__main__":
    asyncio.run(main())
