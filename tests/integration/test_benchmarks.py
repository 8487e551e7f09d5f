"""The comparison runs: one tiny round of two arms, its figures, its plots and its tables."""

import json
import re
import shutil
import subprocess

import pytest

from harness.binary import SOURCE_ROOT, holdfast_binary, sanitized

pytestmark = [
    pytest.mark.skipif(sanitized(), reason="nobody measures a sanitizer"),
    pytest.mark.timeout(120),
    pytest.mark.long,
    pytest.mark.xdist_group("benchmarks"),  # they share one run
]

COMPARE = SOURCE_ROOT / "benchmarks" / "compare" / "run"
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
ARMS = {"nginx", "holdfast"}


def compare(*words) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(COMPARE), *map(str, words)], capture_output=True, text=True, timeout=100, check=False,
        env={**ENVIRONMENT, "HOLDFAST_BINARY": str(holdfast_binary())})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder with all that a tiny run has written."""
    for tool in ("wrk", "h2load", "nginx", "taskset", "c++"):
        if not shutil.which(tool, path=ENVIRONMENT["PATH"]):
            pytest.fail(f"{tool} is not installed", pytrace=False)
    folder = tmp_path_factory.mktemp("compare")
    readme = folder / "page.md"
    readme.write_text("before\n<!-- measured: begin -->\nan earlier text\n"
                      "<!-- measured: end -->\nafter\n")
    chosen = [f"--arm={arm}" for arm in sorted(ARMS)]
    result = compare("--quick", "--rounds=1", *chosen, "--workload=short",
                     "--workload=constant-rate", "--workload=ports",
                     "--json", folder / "all.json", "--plots", folder, "--markdown", readme)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def test_a_round_counts_at_the_backend_what_each_arm_has_done(written):
    results = json.loads((written / "all.json").read_text())
    for name in ("short", "constant-rate"):
        rows = results["workloads"][name]
        assert set(rows) == ARMS
        for row in rows.values():
            assert row["errors"] == 0
            assert row["rate"] > 0 and row["cpu_us"] > 0 and row["p99_us"] >= row["p50_us"] > 0
            assert 0 < row["opened"] <= 64
    assert set(results["versions"]) == ARMS and results["machine"]["cpus"] > 0


def test_few_local_ports_are_enough_for_two_that_keep_connections(written):
    ports = json.loads((written / "all.json").read_text())["ports"]
    if not ports:
        pytest.skip("networks of their own need root")
    for row in ports.values():
        assert row["errors"] == 0 and row["opened"] < row["requests"] / 2
        assert row["samples"][-1]["opened"] == row["opened"]


def test_plots_and_tables_are_made_of_it(written):
    page = (written / "page.md").read_text()
    assert page.startswith("before\n") and page.endswith("after\n") and "earlier" not in page
    assert re.search(r"^\| short clients, one request each \| 1 = [\d.]+ us \| [\d.]+ \|$", page,
                     re.M)
    plots = {path.name for path in written.glob("*.svg")}
    assert {"cpu.svg", "latency.svg"} <= plots
    for name in plots:
        assert f"]({name})" in page
        assert (written / name).read_text().rstrip().endswith("</svg>")


def test_an_earlier_run_is_drawn_again_without_measuring(written, tmp_path):
    result = compare("--from", written / "all.json", "--plots", tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "cpu.svg").read_bytes() == (written / "cpu.svg").read_bytes()
