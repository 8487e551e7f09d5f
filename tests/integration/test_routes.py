"""Routes: which upstream a request goes to, by its host and path; several listeners."""

import pytest

from harness.client import Client, fetch
from harness.scripts import answer, own_body


def named(name: str):
    """A backend that says who it is, and which target it was asked for."""
    def script(connection) -> None:
        while True:
            request = connection.read_request()
            answer(connection, request, f"{name} ".encode() + own_body(request))
    return script


def backends(stage, *names: str) -> dict:
    return {name: stage.backend(named(name)) for name in names}


def upstreams(behind: dict, **options) -> dict:
    return {name: {"servers": [backend.server], **options} for name, backend in behind.items()}


def routed(stage, behind: dict, routes: list[dict], **top):
    return stage.proxy(listeners={"web": {"address": "127.0.0.1:0", "routes": routes}},
                       upstreams=upstreams(behind), **top)


THREE_ROUTES = [{"host": "api.example.test", "path": "/v1", "upstream": "api"},
                {"host": "*.example.test", "upstream": "web"},
                {"path": "/status/", "upstream": "api"}]


def whose(proxy, host: str | None, target: str, **how) -> str:
    got = fetch(proxy.address, target, host=host, **how)
    return got.text.split()[0] if got.status == 200 else str(got.status)


def test_three_routes_lead_to_two_upstreams(stage):
    proxy = routed(stage, backends(stage, "api", "web"), THREE_ROUTES)
    assert whose(proxy, "api.example.test", "/v1/users") == "api"
    assert whose(proxy, "API.example.test.:8080", "/v1") == "api"
    assert whose(proxy, "api.example.test", "/v10") == "web"
    assert whose(proxy, "www.example.test", "/v1") == "web"
    assert whose(proxy, "elsewhere.test", "/status/x") == "api"
    assert whose(proxy, "elsewhere.test", "/") == "404"
    assert whose(proxy, None, "/status/", version="1.0") == "api"
    assert whose(proxy, None, "/v1", version="1.0") == "404"
    assert whose(proxy, "api.example.test", "http://api.example.test/v1/x") == "api"
    proxy.wait_for_line("listening on .*3 routes")


def test_the_backend_gets_the_path_as_it_came(stage):
    behind = backends(stage, "api", "web")
    proxy = routed(stage, behind, THREE_ROUTES)
    assert whose(proxy, "api.example.test", "/%761/a%20b/../c?d=%2F") == "api"
    assert behind["api"].requests[0].target == "/%761/a%20b/../c?d=%2F"


def test_a_request_that_no_route_matches_is_told_so_and_its_client_stays(stage):
    proxy = routed(stage, backends(stage, "api", "web"), THREE_ROUTES)
    with Client(proxy.address) as client:
        for method, body in [("GET", None), ("POST", b"x" * 1000), ("HEAD", None)]:
            got = client.exchange(method, "/", host="elsewhere.test", body=body)
            assert got.status == 404
            assert method == "HEAD" or "No route" in got.text
        assert client.get("/", host="www.example.test").text.startswith("web ")
    proxy.stop()
    assert "no_route=3" in proxy.stderr


def test_pipelined_requests_go_each_its_own_way(stage):
    proxy = routed(stage, backends(stage, "api", "web"), THREE_ROUTES)
    with Client(proxy.address) as client:
        for host in ["www.example.test", "elsewhere.test", "api.example.test"]:
            client.ask("GET", "/v1", host=host)
        assert client.answer().text.startswith("web ")
        assert client.answer().status == 404
        assert client.answer().text.startswith("api ")


@pytest.mark.parametrize("target", ["/x/../v1", "/x/..%2fv1", "//v1", "/v1;a", "/v1%2fx"])
def test_a_path_that_backends_would_read_in_different_ways_is_refused(stage, target):
    behind = backends(stage, "api", "web")
    proxy = routed(stage, behind, [{"upstream": "web"}, {"path": "/v1", "upstream": "api"}])
    got = fetch(proxy.address, target)
    assert got.status == 400 and "several ways" in got.text
    assert not behind["api"].requests and not behind["web"].requests


def test_each_upstream_has_connections_of_its_own(stage):
    behind = backends(stage, "api", "web")
    proxy = routed(stage, behind, THREE_ROUTES)
    with Client(proxy.address) as client:
        for _ in range(20):
            assert client.get("/v1", host="api.example.test").text.startswith("api ")
            assert client.get("/v1", host="www.example.test").text.startswith("web ")
    assert [backend.accepted for backend in behind.values()] == [1, 1]


@pytest.mark.workers
@pytest.mark.parametrize("workers", [1, 2])
def test_listeners_have_routes_of_their_own(stage, workers):
    behind = backends(stage, "api", "web")
    proxy = stage.proxy(
        workers=workers, upstreams=upstreams(behind),
        listeners={"one": {"address": "127.0.0.1:0", "upstream": "web"},
                   "two": {"address": "127.0.0.1:0", "routes": [
                       {"path": "/v1", "upstream": "api"}, {"path": "/v2", "upstream": "web"}]}})
    one, two = (proxy.named_addresses()[name] for name in ("one", "two"))
    for _ in range(30):
        assert fetch(one, "/v1").text.startswith("web ")
        assert fetch(two, "/v1").text.startswith("api ")
        assert fetch(two, "/v2").text.startswith("web ")
        assert fetch(two, "/v3").status == 404


def test_a_thousand_routes_are_carried(stage):
    behind = backends(stage, "api", "web")
    routes = [{"host": f"h{n}.test", "upstream": "web" if n % 2 else "api"} for n in range(1000)]
    proxy = routed(stage, behind, routes)
    for n in range(0, 1000, 37):
        assert whose(proxy, f"h{n}.test", "/") == ("web" if n % 2 else "api")
    assert whose(proxy, "h1000.test", "/") == "404"
