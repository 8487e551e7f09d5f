"""The sample configurations serve: each is started, its addresses moved, and asked by each of its ways."""

import json
import subprocess

import pytest

from harness.binary import SOURCE_ROOT, holdfast_binary
from harness.client import fetch
from harness.holdfast import bare_environment
from harness.scripts import keep_alive

SAMPLES = sorted(path.stem for path in (SOURCE_ROOT / "conf").glob("*.yaml"))
# For those with routes: host, path, and the upstream that gets it, or none.
ROUTED = {
    "routes": [("api.example.test", "/v1/x", "api"), ("www.example.test", "/", "shop"),
               ("other.test", "/static/x", "shop"), ("other.test", "/", None)],
    "defaults": [("www.example.test", "/", "app"), ("other.test", "/", None)],
}


def keys_of(path) -> dict:
    """All keys of a configuration with their values."""
    shown = subprocess.run([str(holdfast_binary()), "config", "show", "--json", str(path)],
                           env=bare_environment(), capture_output=True, check=True, timeout=30)
    return {entry["key"]: entry["value"] for entry in json.loads(shown.stdout)}


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_serves(stage, sample):
    path = SOURCE_ROOT / "conf" / f"{sample}.yaml"
    keys = keys_of(path)
    upstreams = {key.split(".")[1]: stage.backend(keep_alive())
                 for key in keys if key.startswith("upstreams.") and key.endswith(".servers")}
    listeners = {key.split(".")[1]: value for key, value in keys.items()
                 if key.startswith("listeners.") and key.endswith(".address")}
    assert upstreams and listeners
    moves = ["status.address=127.0.0.1:0", "shutdown.delay=0s"]
    moves += [f"upstreams.{name}.servers={backend.server}" for name, backend in upstreams.items()]
    for name, address in listeners.items():
        is_file = address.startswith("unix:")
        moves.append(f"listeners.{name}.address="
                     + (f"unix:{stage.folder}/{name}.sock" if is_file else "127.0.0.1:0"))
    proxy = stage.run(["run", "-c", str(path), *(word for move in moves for word in ("--set", move))],
                      listeners=len(listeners))
    for name, address in proxy.named_addresses().items():
        chosen = keys.get(f"listeners.{name}.upstream")
        ways = [("any.test", "/", chosen)] if chosen else ROUTED[sample]
        for host, target, upstream in ways:
            answer = fetch(address, target, host=host)
            assert answer.status == (200 if upstream else 404), (name, host, target)
            if upstream:
                assert upstreams[upstream].requests[-1].target == target
    proxy.stop()
    # A machine may have fewer descriptors than a sample could use.
    complaints = [line for line in proxy.stderr.splitlines()
                  if '"level":"info"' not in line and "file descriptors" not in line]
    assert not complaints
