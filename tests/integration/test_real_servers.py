"""Real servers behind, real clients before: every pair of them, without one failure."""

import http.client
import subprocess

import pytest

from harness.client import Client
from harness.load import ab, h2load, wrk
from harness.servers import RealServer
from harness.stage import Stage
from harness.waiting import PATIENCE, scaled

SERVERS = ["nginx", "apache", "http.server"]


@pytest.fixture(scope="module", params=SERVERS)
def server(request, binary, tmp_path_factory):
    server = RealServer(request.param, tmp_path_factory.mktemp(request.param))
    yield server
    server.stop()


@pytest.fixture(scope="module", params=[1, pytest.param(2, marks=pytest.mark.workers)],
                ids=["one-worker", "two-workers"])
def proxy(request, server, tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("proxy"))
    yield stage.proxy(server.server, workers=request.param)
    stage.close()


def count_for(server, count: int) -> int:
    """http.server makes a thread for every request: it gets fewer of them."""
    return scaled(count // 4 if server.kind == "http.server" else count)


def test_curl(server, proxy):
    targets = [f"{proxy.url}/file?{n}" for n in range(10)]
    result = subprocess.run(["curl", "-sS", "--fail", *targets], capture_output=True,
                            timeout=3 * PATIENCE, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout == RealServer.file * 10


def test_curl_speaking_http_1_0(server, proxy):
    for _ in range(3):
        result = subprocess.run(["curl", "-sS", "--fail", "--http1.0", f"{proxy.url}/file"],
                                capture_output=True, timeout=3 * PATIENCE, check=False)
        assert (result.returncode, result.stdout) == (0, RealServer.file)


def test_ab_with_short_connections(server, proxy):
    count = count_for(server, 2000)
    ab(f"{proxy.url}/", count, 20).check(count)


def test_ab_with_kept_alive_connections(server, proxy):
    count = count_for(server, 2000)
    ab(f"{proxy.url}/", count, 20, "-k").check(count)


def test_wrk(server, proxy):
    wrk(f"{proxy.url}/", 1, 16).check(scaled(50))


def test_wrk_with_a_bigger_file(server, proxy):
    wrk(f"{proxy.url}/file", 1, 4).check(scaled(20))


def test_h2load(server, proxy):
    count = count_for(server, 2000)
    h2load(f"{proxy.url}/", count, 10).check(count)


def test_h2load_pipelining(server, proxy):
    count = count_for(server, 2000)
    h2load(f"{proxy.url}/", count, 4, "-m8").check(count)


def test_http_client(server, proxy):
    connection = http.client.HTTPConnection(*proxy.address, timeout=PATIENCE)
    for method, target, status, body in 10 * [
            ("GET", "/", 200, RealServer.page), ("HEAD", "/file", 200, b""),
            ("GET", "/file", 200, RealServer.file), ("GET", "/nothing", 404, None)]:
        connection.request(method, target)
        reply = connection.getresponse()
        content = reply.read()
        assert reply.status == status
        assert body is None or content == body
    connection.close()


def test_a_conditional_get(server, proxy):
    with Client(proxy.address) as client:
        stamp = client.get("/file").fields.get("Last-Modified")
        for _ in range(3):
            assert client.get("/file", [("If-Modified-Since", stamp)]).status == 304
            assert client.get("/").body == RealServer.page


def test_a_raw_http_1_0_client(server, proxy):
    for _ in range(10):
        with Client(proxy.address) as client:
            assert client.get("/", version="1.0", host=None).body == RealServer.page
            assert client.ends()
