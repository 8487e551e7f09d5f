"""The Dockerfile, held against rules: there is no engine here to build it, and no lint in Debian.

What it builds is assembled and run by test_image.py.
"""

import fnmatch
import json
import re
import shutil
import subprocess

import pytest

from harness.binary import SOURCE_ROOT
from harness.container import USER

DOCKER = SOURCE_ROOT / "docker"
KNOWN = {"FROM", "LABEL", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK",
         "ENTRYPOINT", "CMD"}


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage: name and the rest, comments gone and lines joined."""
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.M).replace("\\\n", " ")
    found: list[list[tuple[str, str]]] = []
    for line in filter(str.strip, text.splitlines()):
        name, rest = line.split(maxsplit=1)
        assert name in KNOWN, f"no rule here knows {name}"
        if name == "FROM":
            found.append([])
        found[-1].append((name, re.sub(r"\s+", " ", rest)))
    return found


BUILD, FINAL = stages()


def only(name: str) -> str:
    """What the one instruction of this name in the final stage says."""
    rests = [rest for found, rest in FINAL if found == name]
    assert len(rests) == 1, f"{name} stands there {len(rests)} times"
    return rests[0]


def copied() -> list[str]:
    """What the build stage takes from the sources."""
    return [source for name, rest in BUILD if name == "COPY" for source in rest.split()[:-1]]


def test_it_is_built_on_a_named_debian_and_ships_none_of_it():
    assert BUILD[0] == ("FROM", "debian:bookworm-slim AS build")
    assert FINAL[0] == ("FROM", "scratch")
    assert not [rest for name, rest in FINAL if name in ("RUN", "ADD")]
    assert only("COPY") == "--from=build /image/ /"


def test_what_runs_is_in_exec_form_and_is_in_the_image():
    program = ["/usr/bin/holdfast"]
    assert json.loads(only("ENTRYPOINT")) == program
    assert json.loads(only("CMD")) == ["run"]
    options, _, health = only("HEALTHCHECK").partition(" CMD ")
    assert json.loads(health) == [*program, "healthcheck"]
    times = dict(re.findall(r"--([a-z-]+)=(\w+)", options))
    assert set(times) == {"interval", "timeout", "start-period", "retries"}
    assert int(times["timeout"].rstrip("s")) > 2, "healthcheck itself gives up after 2 s"


def test_it_runs_as_a_number_and_stops_by_sigterm():
    assert only("USER") == USER and USER.split(":")[0] not in ("0", "root")
    assert only("STOPSIGNAL") == "SIGTERM"
    assert only("EXPOSE").split() == ["8080", "8081"]
    assert f":{USER}:" in (DOCKER / "rootfs").read_text(encoding="utf-8")


def test_the_build_leaves_no_package_lists_and_fetches_nothing_else():
    for name, rest in BUILD:
        if name == "RUN":
            assert not re.search(r"curl|wget|git clone|\bsudo\b", rest)
            assert "setup" not in rest or rest.endswith("rm -rf /var/lib/apt/lists/*")
        assert name != "COPY" or " . " not in f" {rest} ", "name what is copied"


def test_the_ignore_file_lets_through_just_what_is_copied():
    lines = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert sorted(rule.removeprefix("!") for rule in rules[1:]) == sorted(copied())
    assert all(rule.startswith("!") for rule in rules[1:])


def test_the_build_stage_has_all_that_the_build_needs(tmp_path):
    """Configured, and each file that it would compile is there. Nothing is compiled."""
    skipped = shutil.ignore_patterns("__pycache__", "build")
    for source in copied():
        path = SOURCE_ROOT / source
        if path.is_dir():
            shutil.copytree(path, tmp_path / source, ignore=skipped)
        else:
            (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / source)
    run = next(rest for name, rest in BUILD if name == "RUN" and "cmake" in rest)
    configure, build, assemble = run.split(" && ")
    assert fnmatch.fnmatch(assemble, "docker/rootfs build/release/src/holdfast /image")
    for command in (configure, build + " -- -n"):
        result = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True,
                                timeout=60, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "docker" / "rootfs").stat().st_mode & 0o111


@pytest.mark.parametrize("arguments", [[], ["one"], ["one", "two", "three"]])
def test_the_script_of_the_image_says_how_it_is_used(arguments):
    result = subprocess.run([DOCKER / "rootfs", *arguments], capture_output=True, text=True,
                            timeout=10, check=False)
    assert result.returncode == 2 and "usage: rootfs" in result.stderr
