"""The ladder of overload: shed who rests, refuse, stop accepting; and back, step by step."""

import re
import signal
import subprocess
import sys

from harness.client import CLOSE, Client, fetch
from harness.load import wrk
from harness.scripts import Gate, keep_alive
from harness.waiting import wait_until

# Connects, says one byte and leaves, as often as it can until it is told to stop.
# From many addresses: one has ports for less than a second of this.
STORM = """
import select, socket, sys
count = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    source = (f"127.0.1.{1 + count % 200}", 0)
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 20, source) as client:
        client.send(b"G")
    count += 1
print(count)
"""
HALF_A_HEAD = b"GET /half HTTP/1.1\r\nHost: a\r\nX-"


def ended(proxy) -> dict[str, int]:
    """Stops holdfast; what it says of its ladder."""
    proxy.stop(signal.SIGTERM)
    line = next(line for line in proxy.stderr.splitlines() if "ended: " in line)
    refused = re.search(r"proxy_overloaded=(\d+)", line)
    return {"shed": int(re.search(r"(\d+) idle clients shed", line)[1]),
            "stopped": int(re.search(r"accepting stopped (\d+) times", line)[1]),
            "refused": int(refused[1]) if refused else 0}


def test_step_one_the_longest_idle_clients_are_shed(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, listener={"max_connections": 40})
    clients = []
    for number in range(34):  # 15 % of 40 are left
        clients.append(Client(proxy.address))
        reply = clients[-1].get(f"/{number}")
        assert "close" not in reply.fields.tokens("Connection")
    assert clients[5].get("/young-again").status == 200
    for number in range(5):
        clients.append(Client(proxy.address))
        assert clients[-1].get("/new").status == 200
        assert clients[number].ends()  # the oldest first
    for client in clients[5:]:
        assert client.get("/still-here").status == 200
        client.close()
    assert ended(proxy)["shed"] == 5


def test_step_one_without_idle_clients_answers_say_close(stage):
    gate = Gate()
    backend = stage.backend(gate.script)
    proxy = stage.proxy(backend, listener={"max_connections": 20})
    busy = [Client(proxy.address) for _ in range(18)]  # less than 15 % of 20 are left
    for count, client in enumerate(busy, 1):
        client.ask("GET", f"/{count}")
        backend.wait_for_begun(count)
    gate.open("/1")
    reply = busy[0].answer()
    assert reply.status == 200 and reply.fields.tokens("Connection") == ["close"]
    assert busy[0].ends()
    gate.open()
    for client in busy[1:]:
        assert client.answer().status == 200
        client.close()
    assert backend.open == 18  # no connection to the backend is lost by it


def test_step_one_makes_room_for_who_waits_outside(stage):
    # Full to the last place with clients that rest: each newcomer is served at once all the same.
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, listener={"max_connections": 4})
    clients = [Client(proxy.address) for _ in range(4)]
    for client in clients:
        assert client.get("/").status == 200
    for number in range(8):
        newcomer = Client(proxy.address)
        assert newcomer.get(f"/{number}").status == 200
        clients.append(newcomer)
    assert clients[0].ends()
    for client in clients:
        client.close()
    counted = ended(proxy)
    assert counted["shed"] >= 7 and counted["stopped"] >= 1


def test_step_three_full_of_busy_clients_nobody_is_accepted_until_one_leaves(stage):
    gate = Gate()
    backend = stage.backend(gate.script)
    proxy = stage.proxy(backend, listener={"max_connections": 8})
    busy = [Client(proxy.address) for _ in range(8)]
    for count, client in enumerate(busy, 1):
        client.ask("GET", f"/{count}")
        backend.wait_for_begun(count)
    with Client(proxy.address) as late:
        late.ask("GET", "/late")
        assert late.silent(0.3)
        gate.open("/1")
        assert busy[0].answer().status == 200
        gate.open()
        assert late.answer().status == 200
    for client in busy:
        client.close()
    assert ended(proxy)["stopped"] >= 1


def test_steps_two_and_three_of_memory_refuse_then_stop_accepting(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend, memory="1m", listener={"timeouts": {"head": "60s"}})
    assert fetch(proxy.address, "/before").status == 200
    slow = []

    def one_more() -> None:
        assert len(slow) < 400, "no end of the memory"
        slow.append(Client(proxy.address))
        slow[-1].send(HALF_A_HEAD)

    def refused() -> bool:
        one_more()
        reply = fetch(proxy.address, "/ask")
        assert reply.status in (200, 503)
        assert reply.status == 200 or reply.fields.get("Retry-After") == "1"
        return reply.status == 503
    wait_until(refused, "requests are refused")
    refused_at = len(slow)
    with Client(proxy.address) as late:
        def shut_out() -> bool:
            one_more()
            with Client(proxy.address) as probe:
                probe.ask("GET", "/probe", [CLOSE])
                return probe.silent(0.4)
        wait_until(shut_out, "nobody is accepted")
        print(f"1 MiB: refused with {refused_at} half heads, shut with {len(slow)}")
        for client in slow:
            client.close()
        wait_until(lambda: fetch(proxy.address, "/after").status == 200, "there is room again")
    counted = ended(proxy)
    assert counted["refused"] >= 1 and counted["stopped"] >= 1


def test_an_accept_storm_leaves_the_others_their_share(stage):
    backend = stage.backend(keep_alive())
    proxy = stage.proxy(backend)
    calm = wrk(f"{proxy.url}/", 2, 8)
    storm = subprocess.Popen([sys.executable, "-c", STORM, *map(str, proxy.address)],
                             stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    try:
        loud = wrk(f"{proxy.url}/", 2, 8)
    finally:
        stormed, _ = storm.communicate("enough\n", timeout=20)
    # Backend, storm and wrk share two processors with holdfast: most of what is lost is theirs.
    print(f"{calm.complete / 2:.0f} requests/s alone, {loud.complete / 2:.0f} beside a storm of "
          f"{int(stormed)} connects in all")
    assert int(stormed) > 100
    calm.check(10)
    loud.check(max(5, calm.complete // 10))
