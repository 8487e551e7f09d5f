"""Logins that hold for a connection (NTLM, Negotiate): nobody else is lent it.

The backend gives an identity to a connection in three legs and from then on serves every request on
it as that identity's, with no further proof. So whoever is lent such a connection is taken for
somebody else: each answer names the identity that the backend believed in.
"""

import base64
import struct
import subprocess

import pytest

from harness.client import Client, fence, fetch
from harness.scripts import answer
from harness.waiting import PATIENCE

SIGNATURE = b"NTLMSSP\0"
CHALLENGE = base64.b64encode(
    SIGNATURE + struct.pack("<IHHII8s8xHHI", 2, 0, 0, 48, 0x8201, b"8 bytes!", 0, 0, 48)).decode()


def legs(scheme: str):
    """The three legs of a login, as a table by the kind of message the client shows."""
    def name_in(message: bytes) -> str:
        size, _, at = struct.unpack_from("<HHI", message, 36)
        name = message[at : at + size]
        return name.decode("utf-16-le" if b"\0" in name else "latin-1")

    def script(connection):
        identity, challenged = "nobody", False
        while True:
            request = connection.read_request()
            shown = request.fields.get("Authorization") or ""
            message = base64.b64decode(shown.removeprefix(scheme + " ")) if shown else b""
            kind = message[8] if message.startswith(SIGNATURE) else 0
            if kind == 1:
                challenged = True
                refuse(connection, f"{scheme} {CHALLENGE}")
                continue
            if kind == 3 and challenged:
                identity, challenged = name_in(message), False
            if identity == "nobody" and request.target.startswith("/private"):
                refuse(connection, scheme)
            else:
                answer(connection, request,
                       f"{identity} {request.target} {connection.number}\n".encode())
    return script


def refuse(connection, challenge: str) -> None:
    connection.reply(b"who are you?", status=401, fields=[("WWW-Authenticate", challenge)])


def message_of(scheme: str, kind: int, name: str = "") -> tuple[str, str]:
    """The field with which a client takes a leg; what the backend does not read is left empty."""
    message = SIGNATURE + struct.pack("<I", kind)
    if kind == 3:
        message = message.ljust(36, b"\0") + struct.pack("<HHI", len(name), len(name), 64)
        message = message.ljust(64, b"\0") + name.encode("latin-1")
    return ("Authorization", f"{scheme} {base64.b64encode(message.ljust(32, bytes(1))).decode()}")


def log_in(client: Client, name: str, scheme: str = "NTLM") -> None:
    assert client.get("/private/0").status == 401
    assert client.get("/private/1", [message_of(scheme, 1)]).status == 401
    reply = client.get("/private/2", [message_of(scheme, 3, name)])
    assert reply.text.startswith(f"{name} /private/2 "), reply


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
def test_a_login_of_three_legs_succeeds_and_holds(stage, scheme):
    backend = stage.backend(legs(scheme))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        log_in(client, "alice", scheme)
        for number in range(5):
            assert client.get(f"/private/{number}").text == f"alice /private/{number} 1\n"
    backend.wait_for_open(0)
    assert backend.accepted == 1


def test_nobody_gets_the_identity_of_another(stage, dice):
    # Clients with and without logins ask in any order, some leave: each is who it is, or nobody.
    backend = stage.backend(legs("NTLM"))
    proxy = stage.proxy(backend, upstream={"pool": {"max_connections": 12}})
    people = {name: Client(proxy.address) for name in ("alice", "bob", "carol")}
    for name, client in people.items():
        assert fetch(proxy.address, "/public").text.startswith("nobody ")
        log_in(client, name)
    with Client(proxy.address) as stranger:
        for number in range(300):
            name = dice.choice([*people, "nobody", "stranger"])
            if name == "nobody":
                assert fetch(proxy.address, "/public").text.startswith("nobody ")
            elif name == "stranger":
                assert stranger.get("/public").text.startswith("nobody ")
            elif dice.random() < 0.1:
                people[name].reset() if dice.random() < 0.5 else people[name].close()
                people[name] = Client(proxy.address)
                assert people[name].get("/private").status == 401
                log_in(people[name], name)
            else:
                reply = people[name].get(f"/private/{number}")
                assert reply.text.startswith(f"{name} /private/{number} ")
    for client in people.values():
        client.close()
    assert fetch(proxy.address, "/private").status == 401
    assert proxy.retirements()["connection_bound"] >= 4


def test_the_legs_of_two_logins_may_cross(stage):
    backend = stage.backend(legs("NTLM"))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as one, Client(proxy.address) as other:
        for client in (one, other):
            assert client.get("/private", [message_of("NTLM", 1)]).status == 401
        for client, name in ((other, "bob"), (one, "alice")):
            assert client.get("/private", [message_of("NTLM", 3, name)]).text.startswith(name)
        assert one.get("/public").text.startswith("alice ")
        assert other.get("/public").text.startswith("bob ")


def test_a_login_at_one_upstream_is_none_at_another(stage):
    first, second = stage.backend(legs("NTLM")), stage.backend(legs("NTLM"))
    proxy = stage.proxy(
        listeners={"web": {"address": "127.0.0.1:0", "routes": [
            {"path": "/second", "upstream": "second"}, {"upstream": "first"}]}},
        upstreams={"first": {"servers": [first.server]}, "second": {"servers": [second.server]}})
    with Client(proxy.address) as client:
        log_in(client, "alice")
        assert client.get("/second").text.startswith("nobody ")
        assert client.get("/private/3").text == "alice /private/3 1\n"
        # Logged in at the second, it has left the first.
        assert client.get("/second", [message_of("NTLM", 1)]).status == 401
        assert client.get("/second", [message_of("NTLM", 3, "bob")]).text.startswith("bob ")
        assert client.get("/second").text.startswith("bob ")
        assert client.get("/private/4").status == 401


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_a_login_is_over_when_its_connection_is(stage, how):
    # As it would be without a proxy: the next request is nobody's, and says so.
    backend = stage.backend(legs("NTLM"))
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        log_in(client, "alice")
        backend.drop_connections(how)
        fence(proxy.address)
        assert client.get("/private").status == 401
        log_in(client, "alice")
    backend.wait_for_open(0)
    assert proxy.retirements() == {"connection_bound": 2}


def test_bytes_that_nobody_asked_for_end_a_login(stage):
    stray = []

    def script(connection):
        stray.append(connection)
        legs("NTLM")(connection)
    backend = stage.backend(script)
    proxy = stage.proxy(backend)
    with Client(proxy.address) as client:
        log_in(client, "alice")
        stray[0].send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        backend.wait(lambda b: not b.connections[0].open, "the connection retired")
        assert client.get("/public").text == "nobody /public 2\n"
    assert proxy.retirements()["spoke_while_idle"] == 1


def test_logins_at_rest_do_not_keep_others_out(stage):
    backend = stage.backend(legs("NTLM"))
    proxy = stage.proxy(backend, upstream={"pool": {"max_connections": 2}})
    with Client(proxy.address) as one, Client(proxy.address) as other:
        log_in(one, "alice")
        log_in(other, "bob")
        assert fetch(proxy.address, "/public").text.startswith("nobody ")
    assert backend.max_open <= 2


def test_curl_logs_in_with_ntlm(stage, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(b"x" * 100_000)
    backend = stage.backend(legs("NTLM"))
    proxy = stage.proxy(backend)
    for arguments in (["/private/1"], ["/private/1", "/private/2", "/private/3"],
                      ["-T", upload, "/private/put"]):
        urls = [f"{proxy.url}{a}" if str(a).startswith("/private") else a for a in arguments]
        for name in ("alice", "bob"):
            result = subprocess.run(
                ["curl", "-sS", "--ntlm", "-u", f"{name}:secret", *urls], capture_output=True,
                text=True, timeout=3 * PATIENCE, check=False)
            assert result.returncode == 0, result.stderr
            lines = result.stdout.splitlines()
            assert [line.rsplit(" ", 1)[0] for line in lines] == [
                f"{name} {a}" for a in arguments if str(a).startswith("/private")]
        assert fetch(proxy.address, "/private").status == 401
