"""What the programs of the demo count, for Prometheus over HTTP and as lines of JSON."""

import asyncio
import json

TCP_TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")
TIME_WAIT = "06"
LOOPBACK_ENDS = ("7F", "01000000")  # of an IPv4 address, of an IPv6 address, as the kernel writes them


class Counts:
    """Numbers by their names, each with its help line; `labels` as Prometheus writes them."""

    def __init__(self) -> None:
        self._help: dict[str, str] = {}
        self._values: dict[tuple[str, str], float] = {}
        self._looks: list = []

    def declare(self, name: str, text: str, *labels: str) -> None:
        self._help[name] = text
        self._values.update({(name, label): 0 for label in labels or ("",)})

    def add(self, name: str, label: str = "", amount: float = 1) -> None:
        self._values[name, label] += amount

    def put(self, name: str, label: str, value: float) -> None:
        self._values[name, label] = value

    def before_telling(self, look) -> None:
        """`look` is called before each answer, for what is read and not counted."""
        self._looks.append(look)

    def text(self) -> str:
        for look in self._looks:
            look()
        lines = []
        for name, about in self._help.items():
            kind = "counter" if name.endswith("_total") else "gauge"
            lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
            lines += [f"{name}{{{label}}} {value:g}" if label else f"{name} {value:g}"
                      for (owner, label), value in self._values.items() if owner == name]
        return "\n".join(lines) + "\n"

    def line(self) -> str:
        for look in self._looks:
            look()
        return json.dumps({f"{name}{{{label}}}" if label else name: value
                           for (name, label), value in self._values.items()})

    async def serve(self, port: int) -> None:
        """Answers each request with all of it."""
        async def tell(reader, writer) -> None:
            try:
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
                body = self.text().encode()
                writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                             b"Content-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                pass  # Whoever asked has left; the next one is answered.
            finally:
                writer.close()
        await asyncio.start_server(tell, "0.0.0.0", port)

    async def print_each_second(self) -> None:
        while True:
            await asyncio.sleep(1)
            print(self.line(), flush=True)


def time_waits() -> tuple[int, int]:
    """Of this network: towards other machines, and towards this one over loopback."""
    outward = inward = 0
    for table in TCP_TABLES:
        try:
            with open(table, encoding="ascii") as file:
                rows = [line.split() for line in file.readlines()[1:]]
        except FileNotFoundError:  # a kernel without IPv6
            continue
        for row in rows:
            if row[3] == TIME_WAIT:
                local = row[2].split(":")[0]
                is_loopback = local.endswith(LOOPBACK_ENDS[0]) or local.endswith(LOOPBACK_ENDS[1])
                inward += is_loopback
                outward += not is_loopback
    return outward, inward
