"""The access log: what its lines say, that they stay lines, and that nobody waits for it."""

import collections
import json
import os
import pathlib
import random
import re
import select
import shutil
import signal
import subprocess

import pytest

from harness.client import CLOSE, Client, fence, fetch
from harness.load import TaggedLoad
from harness.messages import encode_head
from harness.namespace import need_root
from harness.scripts import answer, keep_alive
from harness.servers import free_port
from harness.waiting import PATIENCE, wait_until

SEED = int(os.environ.get("HOLDFAST_SEED", random.randrange(1 << 30)))
COMBINED = re.compile(
    r'(?P<client>[0-9.]+) - - \[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] '
    r'"(?P<request>[^"]*)" (?P<status>\d{3}) (?P<bytes>\d+) "(?P<referer>[^"]*)" '
    r'"(?P<agent>[^"]*)"')
KEYS = ["ts", "client", "method", "host", "path", "proto", "status", "bytes_in", "bytes_out", "dur",
        "wait", "connect", "ttfb", "upstream", "server", "reused", "conn", "conn_req", "tries", "retired",
        "error", "request_id", "traceparent"]
# With these in a request its line has more than four thousand bytes.
LONG = [("User-Agent", "a" * 2000), ("Referer", "r" * 2000)]

NGINX = """\
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 64; }}
http {{
  access_log {folder}/nginx.log combined;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{server}; }} }}
}}
"""


class Nginx:
    """nginx before a backend, as we are, with its own log of the same form."""

    def __init__(self, folder: pathlib.Path, server: str) -> None:
        self.address = ("127.0.0.1", free_port())
        self.log = folder / "nginx.log"
        path = folder / "nginx.conf"
        path.write_text(NGINX.format(folder=folder, port=self.address[1], server=server))
        self._child = subprocess.Popen(
            ["nginx", "-c", str(path), "-p", str(folder), "-e", "stderr"],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._listens, "nginx is ready")

    def _listens(self) -> bool:
        try:
            Client(self.address).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        self._child.terminate()
        self._child.wait(PATIENCE)


@pytest.fixture
def log(stage) -> pathlib.Path:
    return stage.folder / "access.log"


@pytest.fixture
def origin(stage):
    return stage.backend(keep_alive())


def logging(path, form: str = "json", **more) -> dict:
    return {"access_log": {"format": form, "path": str(path), **more}}


def lines_of(path: pathlib.Path, count: int) -> list[str]:
    """Waits for so many lines; there must not be more."""
    wait_until(lambda: path.exists() and path.read_bytes().count(b"\n") >= count, f"{count} lines")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == count, lines
    return lines


def test_a_line_of_json_says_all_about_a_request(stage, origin, log):
    proxy = stage.proxy(origin, **logging(log))
    with Client(proxy.address) as client:
        client.exchange("POST", "/a?b=c", [("traceparent", "00-1-2-03")], b"12345")
        body = client.get("/second", [("X-Request-ID", "mine-17")]).body
    first, second = (json.loads(line) for line in lines_of(log, 2))
    assert list(first) == KEYS == list(second)
    assert first["client"] == "127.0.0.1"
    assert (first["method"], first["host"], first["path"], first["proto"]) == (
        "POST", "test.example", "/a?b=c", "HTTP/1.1")
    assert (first["status"], first["bytes_in"], first["error"]) == (200, 5, None)
    assert (first["upstream"], first["server"], first["tries"]) == ("legacy", origin.server, 1)
    assert (first["reused"], first["conn"], first["conn_req"]) == (False, 1, 1)
    assert (second["reused"], second["conn"], second["conn_req"]) == (True, 1, 2)
    assert second["bytes_out"] == len(body)
    assert 0 < first["connect"] <= first["ttfb"] <= first["dur"] < PATIENCE
    assert second["connect"] is None
    assert first["traceparent"] == "00-1-2-03" and second["traceparent"] is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["ts"])
    # Both ends know the request by the same name.
    assert re.fullmatch("[0-9a-f]{32}", first["request_id"])
    assert [r.fields.get("X-Request-ID") for r in origin.requests] == [first["request_id"],
                                                                     "mine-17"]
    assert second["request_id"] == "mine-17"


def test_a_line_of_logfmt_has_what_is_known(stage, origin, log):
    proxy = stage.proxy(origin, **logging(log, "logfmt"))
    fetch(proxy.address, "/a=b", [("User-Agent", "x")])
    line = lines_of(log, 1)[0]
    assert f' method=GET host=test.example path="/a=b" proto=HTTP/1.1 status=200 ' in line
    assert " reused=false conn=1 conn_req=1 tries=1 request_id=" in line


def status_of(proxy) -> tuple[str, int]:
    """Where its status pages are."""
    found = re.search(r"http://([0-9.]+):([0-9]+)/", proxy.wait_for_line("status on"))
    return found[1], int(found[2])


def test_who_looks_at_the_status_pages_is_not_logged(stage, origin, log):
    proxy = stage.proxy(origin, **logging(log), status={"address": "127.0.0.1:0"})
    for path in "/readyz", "/metrics", "/nothing":
        fetch(status_of(proxy), path, host="localhost")
    fetch(proxy.address, "/asked")
    [line] = lines_of(log, 1)
    assert json.loads(line)["path"] == "/asked"


def test_nothing_is_logged_unless_asked_for(stage, origin):
    proxy = stage.proxy(origin)
    fetch(proxy.address, "/")
    proxy.stop()
    assert proxy.stdout == ""
    assert origin.requests[0].fields.get("X-Request-ID") is None


def test_lines_go_to_standard_output_unless_told_otherwise(stage, origin):
    proxy = stage.proxy(origin, access_log={"format": "combined"})
    fetch(proxy.address, "/to-stdout")
    assert COMBINED.fullmatch(proxy.wait_for_line("/to-stdout").rstrip("\n"))


def test_failures_are_logged_with_their_reason(stage, log):
    refusing = stage.backend(keep_alive())
    proxy = stage.proxy(refusing, **logging(log))
    refusing.stop()
    refusal = fetch(proxy.address, "/down")
    assert refusal.status == 503
    with Client(proxy.address) as client:
        client.send(b"GET /bad\x01path HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.answer().status == 400
    down, bad = (json.loads(line) for line in lines_of(log, 2))
    assert (down["status"], down["error"], down["path"]) == (503, "connection_refused", "/down")
    assert down["request_id"] == refusal.fields.get("X-Request-ID")
    assert down["bytes_out"] == len(refusal.body)
    assert (bad["status"], bad["error"], bad["server"]) == (400, "http_request_error", None)


def test_credentials_are_never_logged(stage, origin, log):
    proxy = stage.proxy(origin, **logging(log))
    secrets = [("Authorization", "Basic c2VjcmV0"), ("Cookie", "c2VjcmV0"),
               ("Proxy-Authorization", "c2VjcmV0")]
    fetch(proxy.address, "/", secrets)
    assert "c2VjcmV0" not in lines_of(log, 1)[0]


def hostile(dice: random.Random) -> bytes:
    """Bytes that would like to be more than one line, or other keys."""
    tricky = [b'"', b"\\", b"\n", b"\r", b"\t", b"\x00", b"\x1b[2J", b"\x7f", b"\x80", b"\xff",
              b"\xc3\xa9", b"\xed\xa0\x80", b"\xf0\x9f\x90\x99", b'","status":1,"x":"', b" ", b"=",
              b"a", b"%0a", b"\xc2\x9b"]
    return b"".join(dice.choice(tricky) for _ in range(dice.randrange(1, 30)))


@pytest.mark.parametrize("form", ["json", "combined", "logfmt"])
def test_lines_stay_lines_whatever_clients_send(stage, origin, log, form):
    print(f"HOLDFAST_SEED={SEED}")
    dice = random.Random(SEED)
    proxy = stage.proxy(origin, **logging(log, form))
    count = 200
    for _ in range(count):
        target = b"/" + hostile(dice) if dice.random() < 0.5 else b"/"
        fields = b"".join(name + b": " + hostile(dice) + b"\r\n" for name in
                          (b"User-Agent", b"Referer", b"X-Request-ID", b"traceparent")
                          if dice.random() < 0.4)
        with Client(proxy.address) as client:
            client.send(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                        + fields + b"\r\n")
            client.answer()
    # A target with a line end is the request line of HTTP/0.9, refused with all behind it.
    wait_until(lambda: log.read_bytes().count(b"\n") >= count, "all lines")
    for line in log.read_bytes().split(b"\n")[:-1]:
        assert not re.search(rb"[\x00-\x1f\x7f]", line), line
        if form == "json":
            entry = json.loads(line)
            assert set(KEYS) <= set(entry) <= {*KEYS, "request"}, line
            assert entry["status"] in (200, 400), line
        elif form == "combined":
            assert COMBINED.fullmatch(line.decode("ascii")), line
        else:
            line.decode("utf-8")
            assert re.fullmatch(rb'ts=\S+( [a-z_]+=("([^"\\]|\\.)*"|[^ "=]+))*', line), line


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_combined_lines_are_those_of_nginx(stage, log):
    def script(connection):
        while True:
            answer(connection, connection.read_request(), b"as long for both")
    origin = stage.backend(script)
    proxy = stage.proxy(origin, **logging(log, "combined"))
    nginx = stage.adopt(Nginx(stage.folder, origin.server))
    fields = [[], [("User-Agent", "Mozilla/5.0 (X11; \"quoted\") \\ back")],
              [("User-Agent", "caf\xe9 \xff"), ("Referer", "http://a.test/?q=1&r=%20")],
              [("Referer", ""), ("User-Agent", "")], [("Referer", "a\tb")]]
    requests = [encode_head(f"{method} {target} HTTP/{version}",
                            [("Host", "a.test"), *some, ("X-Id", "1"), CLOSE])
                for method in ("GET", "HEAD", "OPTIONS") for version in ("1.0", "1.1")
                for target in ("/", "/a%20b?c=d'e", "/[x]|{y}~^`", "//a/../b")
                for some in fields]
    requests.append(b"GET http://a.test/abs?x HTTP/1.1\r\nHost: a.test\r\nX-Id: 1\r\n"
                    b"Connection: close\r\n\r\n")
    for request in requests:
        for address in (proxy.address, nginx.address):
            with Client(address) as client:
                client.send(request)
                client.wire.rest()
    ours = lines_of(log, len(requests))
    # The first connection was the look whether it listens.
    wait_until(lambda: nginx.log.read_bytes().count(b"\n") >= len(requests), "nginx's lines")
    theirs = nginx.log.read_text(encoding="ascii").splitlines()[-len(requests):]
    for own, its in zip(ours, theirs):
        own, its = COMBINED.fullmatch(own), COMBINED.fullmatch(its)
        assert own and its
        for part in ("client", "request", "status", "referer", "agent", "bytes"):
            assert own[part] == its[part], (own[0], its[0])
        assert own["time"][-5:] == its["time"][-5:]


def test_a_sample_leaves_out_what_went_well(stage, log):
    def script(connection):
        while True:
            request = connection.read_request()
            status = 500 if request.target == "/bad" else 200
            connection.reply(b"x", status=status)
    proxy = stage.proxy(stage.backend(script), **logging(log, sample="0%", slow="0"))
    with Client(proxy.address) as client:
        for target in ("/good", "/bad", "/good", "/bad"):
            client.get(target)
        client.send(b"GET nonsense HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.answer().status == 400
    entries = [json.loads(line) for line in lines_of(log, 3)]
    assert [e["status"] for e in entries] == [500, 500, 400]


def test_a_sample_is_about_as_large_as_asked_for(stage, origin, log):
    proxy = stage.proxy(origin, **logging(log, sample="30%", slow="0"))
    with Client(proxy.address) as client:
        for _ in range(1000):
            client.get("/")
    proxy.stop()
    assert 220 < log.read_bytes().count(b"\n") < 380  # 5.5 standard deviations


def test_slow_requests_are_logged_whatever_the_sample(stage, log):
    answered = []

    def script(connection):
        while True:
            connection.read_request()
            fence(answered[0].address)
            connection.reply(b"x")
    proxy = stage.proxy(stage.backend(script), **logging(log, sample="0%", slow="1ms"))
    answered.append(proxy)
    fetch(proxy.address, "/slow")
    wait_until(lambda: b'"/slow"' in log.read_bytes(), "the slow one is there")


def test_rotation_under_load_loses_no_line(stage, origin, log):
    proxy = stage.proxy(origin, **logging(log))
    load = TaggedLoad(proxy.address, 6, seed=SEED)
    olds = []
    for number in range(8):
        load.wait_for(50)
        olds.append(log.rename(log.with_suffix(f".{number}")))
        proxy.send_signal(signal.SIGUSR1)
        wait_until(log.exists, "a new file is there")
    load.stop()
    proxy.stop()
    entries = [json.loads(line) for path in [*olds, log]
               for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(entries) == len(load.outcomes)
    executed = collections.Counter(r.fields.get("X-Request-ID") for r in origin.requests)
    logged = collections.Counter(entry["request_id"] for entry in entries)
    assert logged == executed
    assert "lost" not in proxy.stderr


def test_a_deleted_log_comes_back(stage, origin, log):
    proxy = stage.proxy(origin, **logging(log))
    fetch(proxy.address, "/")
    lines_of(log, 1)
    log.unlink()

    def is_back() -> bool:
        fetch(proxy.address, "/")
        return log.exists()
    wait_until(is_back, "the file is there again")


def test_what_was_served_before_the_end_is_in_the_log(stage, origin, log):
    proxy = stage.proxy(origin, **logging(log))
    with Client(proxy.address) as client:
        for _ in range(300):
            client.get("/")
    proxy.stop()
    assert len(lines_of(log, 300)) == 300


def ask_for_long_lines(proxy, count: int) -> None:
    """More than the lane of a worker takes."""
    with Client(proxy.address) as client:
        for number in range(count):
            client.ask("GET", f"/{number}", LONG)
            assert client.answer().status == 200


LONG_LINES = 1500


def test_a_full_disk_costs_lines_and_no_request(stage, origin):
    need_root()
    disk = stage.folder / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=64k none {disk} && exec "$@"'
    proxy = stage.proxy(origin, prefix=["unshare", "-m", "sh", "-c", mount, "sh"],
                        status={"address": "127.0.0.1:0"},
                        **logging(disk / "access.log", "combined"))
    ask_for_long_lines(proxy, LONG_LINES)
    line = proxy.wait_for_line("access log: .* lost: No space left on device")
    told = int(re.search(r"(\d+) lines", line)[1])
    assert told > 0
    metrics = fetch(status_of(proxy), "/metrics", host="localhost").text
    assert int(re.search(r'records_dropped_total\{log="access"\} (\d+)', metrics)[1]) >= told
    proxy.stop()
    lost = [int(n) for n in re.findall(r"access log: (\d+) lines", proxy.stderr)]
    assert LONG_LINES - 20 <= sum(lost) < LONG_LINES
    assert len(lost) <= 10  # once a second at most


def test_a_pipe_that_nobody_reads_costs_lines_and_no_request(stage, origin, log):
    os.mkfifo(log)
    proxy = stage.proxy(origin, **logging(log, "combined"))
    ask_for_long_lines(proxy, LONG_LINES)
    proxy.wait_for_line("access log: .* lost: nobody reads them")
    proxy.stop(within=8)
    lost = sum(int(n) for n in re.findall(r"access log: (\d+) lines", proxy.stderr))
    assert LONG_LINES - 20 <= lost < LONG_LINES


def test_a_reader_that_has_left_costs_lines_and_no_request(stage, origin, log):
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    proxy = stage.proxy(origin, **logging(log, "combined"))
    fetch(proxy.address, "/read")
    wait_until(lambda: b"/read" in (os.read(reader, 65536) if readable(reader) else b""), "a line")
    os.close(reader)
    ask_for_long_lines(proxy, LONG_LINES)
    proxy.wait_for_line("access log: .* lost: Broken pipe")


def readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])


def test_a_log_that_cannot_be_opened_ends_the_start(stage, origin):
    path = stage.folder / "none" / "access.log"
    proxy = stage.run(["run", "-c", str(stage.config(origin, **logging(path)))], listeners=0)
    assert proxy.wait() == 1
    assert f"access_log.path: cannot open {path} for writing: No such file" in proxy.stderr


@pytest.mark.workers
def test_the_lines_of_several_workers_are_whole(stage, origin, log):
    proxy = stage.proxy(origin, workers=2, **logging(log))
    load = TaggedLoad(proxy.address, 8, seed=SEED, limit=60)
    load.join()
    proxy.stop()
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert len(entries) == len(load.outcomes)
    numbers = {(entry["conn"], entry["conn_req"]) for entry in entries}
    assert len(numbers) == len(entries), "no two requests of a connection have the same number"
