#!/usr/bin/env python3
"""A service that stopped learning at HTTP/1.0, and counts its connections by the port they came to."""

import argparse
import asyncio

from counts import Counts

BODY = b"An answer of few bytes, from a service of many years.\n"
IDLE_SECONDS = 30


def answer_to(head: bytes) -> tuple[bytes, bool]:
    """The answer, and whether the connection stays: HTTP/1.0 keeps it only if asked in so many words."""
    fields = [line.partition(b":") for line in head.lower().split(b"\r\n")[1:]]
    keeps = any(name == b"connection" and b"keep-alive" in value for name, _, value in fields)
    connection = b"Connection: keep-alive\r\n" if keeps else b""
    body = b"" if head.startswith(b"HEAD ") else BODY
    return (b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%s\r\n%s"
            % (len(BODY), connection, body), keeps)


async def serve(port: int, counts: Counts) -> None:
    label = f'port="{port}"'

    async def on_connection(reader, writer) -> None:
        counts.add("demo_backend_connections_opened_total", label)
        counts.add("demo_backend_connections", label)
        try:
            keeps = True
            while keeps:
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), IDLE_SECONDS)
                counts.add("demo_backend_requests_total", label)
                answer, keeps = answer_to(head)
                writer.write(answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError,
                asyncio.TimeoutError):
            pass  # The client has closed, or has nothing more to ask.
        finally:
            counts.add("demo_backend_connections", label, -1)
            writer.close()
    await asyncio.start_server(on_connection, "0.0.0.0", port, backlog=1024)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ports", type=int, nargs="+", default=[9000, 9001])
    parser.add_argument("--metrics", type=int, default=9100, metavar="PORT")
    given = parser.parse_args()
    labels = [f'port="{port}"' for port in given.ports]
    counts = Counts()
    counts.declare("demo_backend_connections", "open now", *labels)
    counts.declare("demo_backend_connections_opened_total", "accepted so far", *labels)
    counts.declare("demo_backend_requests_total", "read so far", *labels)
    await counts.serve(given.metrics)
    for port in given.ports:
        await serve(port, counts)
    await counts.print_each_second()


if __name__ == "__main__":
    asyncio.run(main())
