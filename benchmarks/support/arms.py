"""The arms: what stands between the clients and the backend; their files are in benchmarks/arms.

An arm's program may be named in the environment: HOLDFAST_BINARY, NGINX_BINARY, HAPROXY_BINARY.
"""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks" / "arms"


class Unmeasurable(Exception):
    """A figure cannot be had here, or a run went wrong; the text says why."""


@dataclasses.dataclass(frozen=True)
class Arm:
    name: str
    title: str
    program: str = ""   # "" = none: the clients speak to the backend
    config: str = ""    # its file in benchmarks/arms
    colour: str = "#888888"

    def command(self, config: pathlib.Path, folder: pathlib.Path) -> list:
        words = {"holdfast": ["run", "-c", config], "haproxy": ["-db", "-f", config],
                 "nginx": ["-c", config, "-p", folder, "-e", "stderr"]}[self.program]
        return [program(self.program), *words]


ARMS = {arm.name: arm for arm in (
    Arm("direct", "no proxy", colour="#bbbbbb"),
    Arm("relay", "relay (the floor)", "relay", colour="#777777"),
    Arm("nginx-default", "nginx, Debian's defaults", "nginx", "nginx-default.conf", "#f2b0a5"),
    Arm("nginx", "nginx, tuned", "nginx", "nginx.conf", "#d1495b"),
    Arm("haproxy", "HAProxy, reuse safe", "haproxy", "haproxy.cfg", "#a8c5da"),
    Arm("haproxy-always", "HAProxy, reuse always", "haproxy", "haproxy-always.cfg", "#2e6f95"),
    Arm("holdfast", "holdfast, defaults", "holdfast", "holdfast.yaml", "#1b9e5a"),
)}


def program(name: str) -> pathlib.Path:
    """The program of this name: the one that the environment names, else the installed one."""
    named = os.environ.get(f"{name.upper()}_BINARY")
    built = ROOT / "build/release/src/holdfast" if name == "holdfast" else None
    path = named or built or shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if not path or not os.access(path, os.X_OK):
        advice = "build it with ./dev build release" if built else "it is not installed"
        raise Unmeasurable(f"cannot run {path or name}: {advice}")
    return pathlib.Path(path).resolve()


def version(name: str) -> str:
    """The program's name and the number that it gives for its version."""
    words = ["-v"] if name in ("nginx", "haproxy") else ["--version"]
    result = subprocess.run([program(name), *words], capture_output=True, text=True, timeout=10,
                            check=False)
    number = re.search(r"\d+\.\d+\S*", result.stdout + result.stderr)
    return f"{name} {number[0] if number else '?'}"
