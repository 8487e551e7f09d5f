"""A second opinion: all that holdfast has sent to a backend, read again by h11."""

import h11

from harness.backend import Backend


def h11_requests(received: bytes) -> int:
    """How many whole requests h11 finds in the bytes; its RemoteProtocolError if they are not HTTP.

    Each request gets a parser of its own, since h11 does not know keep-alive of HTTP/1.0.
    """
    count, rest = 0, bytes(received)
    while rest:
        parser = h11.Connection(our_role=h11.SERVER, max_incomplete_event_size=1 << 20)
        parser.receive_data(rest)
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                return count
            if isinstance(event, h11.EndOfMessage):
                break
        count, rest = count + 1, parser.trailing_data[0]
    return count


def audit(backend: Backend) -> None:
    """Fails if h11 and our own reading of any connection differ."""
    for connection in backend.connections:
        if connection.received is None:
            continue
        found = h11_requests(connection.received)
        read = sum(request.connection == connection.number for request in backend.requests)
        assert found >= read, f"connection {connection.number}: h11 finds {found} of {read}"
