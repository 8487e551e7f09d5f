"""The compose demo: its files fit each other and holdfast, and its scenario runs without containers."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from harness.binary import SOURCE_ROOT, holdfast_binary
from harness.client import Client, fetch
from harness.holdfast import bare_environment
from harness.namespace import Namespace, need_root
from harness.scripts import close_after, one_by_one, raw
from harness.waiting import PATIENCE, wait_until
from test_status import ON, ask

DOCKER = SOURCE_ROOT / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
DASHBOARDS = sorted((DOCKER / "grafana" / "dashboards").glob("*.json"))
FAMILY = re.compile(r"\b(?:holdfast|demo)_\w+")


def call(*words, **how) -> subprocess.CompletedProcess:
    result = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False,
                            timeout=3 * PATIENCE, **how)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def expressions(path) -> list[str]:
    """Those of a dashboard, with Grafana's variables given values."""
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    found += [variable["query"].removeprefix("label_values(").split(",")[0]
              for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
    return [text.replace("$__rate_interval", "1m").replace("$job", ".*").replace(
        "$instance", ".*").replace("$upstream", ".*") for text in found]


def alarms() -> list[dict]:
    rules = yaml.safe_load((DOCKER / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    return [rule for group in rules["groups"] for rule in group["rules"]]


class Families:
    """What a page of metrics has: names, and the labels of each."""

    def __init__(self, *pages: str) -> None:
        self.labels: dict[str, set[str]] = {}
        for line in "\n".join(pages).splitlines():
            if told := re.match(r"# TYPE (\w+) (\w+)", line):
                names = [told[1]] + [f"{told[1]}_{part}" for part in ("bucket", "sum", "count")
                                     if told[2] == "histogram"]
                self.labels.update({name: set() for name in names})
            elif sample := re.match(r"(\w+)(?:\{(.*)\})? ", line):
                self.labels[sample[1]] |= set(re.findall(r"(\w+)=\"", sample[2] or ""))

    def missing(self, expression: str) -> set[str]:
        """Names of the expression that are not there, and labels that none of its metrics has."""
        names = set(FAMILY.findall(expression))
        assert names, expression
        unknown = names - set(self.labels)
        known = {"job", "instance", "part"}.union(*(self.labels.get(name, ()) for name in names))
        used = {label for group in re.findall(r"by \(([^)]*)\)", expression)
                for label in re.split(r"\W+", group)}
        used |= set(re.findall(r"(\w+)=~?\"", expression))
        return unknown | (used - known)


@pytest.fixture(scope="module")
def demo_pages():
    """The metrics of the demo's service and of its clients, in a network of their own."""
    network = Namespace()
    words = [*network.prefix, sys.executable, "-B"]
    with open(os.devnull, "w", encoding="ascii") as nowhere:
        children = [subprocess.Popen([*words, DOCKER / "demo" / name, *more], stdout=nowhere)
                    for name, *more in (("legacy.py",), ("flood.py", "--metrics", "9101", "--to",
                                                         "127.0.0.1:9000"))]
    def page(port: int) -> str:
        try:
            with Client(("127.0.0.1", port), make_socket=network.socket) as client:
                client.ask("GET", "/metrics")
                return client.answer().text
        except ConnectionError:
            return ""
    try:
        wait_until(lambda: 'outcome="answered"} 0\n' not in (page(9101) or 'outcome="answered"} 0\n'),
                   "clients are answered")
        yield [page(9100), page(9101)]
    finally:
        for child in children:
            child.terminate()
            child.wait(PATIENCE)
        network.stop()


@pytest.fixture
def own_page(stage) -> str:
    """The metrics of a holdfast to which happened what can: an answer that is none, and closes."""
    backend = stage.backend(one_by_one(raw(b"220 no HTTP\r\n\r\n"), close_after(3, announced=True)))
    proxy = stage.proxy(backend, **ON)
    assert [fetch(proxy.address, "/").status for _ in range(10)] == [502] + [200] * 9
    return ask(proxy, "/metrics")[1]


def test_compose_takes_its_file():
    call("docker-compose", "-f", DOCKER / "compose.yaml", "config", "-q")


def test_images_are_named_by_version_and_ours_is_built_here():
    for name, service in SERVICES.items():
        image, _, version = service["image"].partition(":")
        assert re.search(r"\d", version) or image == "holdfast", name
    build = SERVICES["holdfast"]["build"]
    assert (DOCKER / build["context"] / build["dockerfile"]).samefile(DOCKER / "Dockerfile")


def test_what_is_mounted_is_there_and_cannot_be_written():
    for name, service in SERVICES.items():
        for mount in service.get("volumes", ()):
            outside, _, mode = mount.split(":")
            assert (DOCKER / outside).is_dir() and mode == "ro", (name, mount)


def test_only_this_machine_reaches_the_ports():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)
    assert all(isinstance(port, str) for port in ports)


def test_both_kinds_of_clients_have_as_few_ports():
    ranges = [SERVICES[name]["sysctls"] for name in ("direct", "holdfast")]
    assert ranges[0] == ranges[1] and SERVICES["clients"]["network_mode"] == "service:holdfast"


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items()
                                  if "/demo/" in str(service.get("command"))])
def test_the_scripts_know_their_options(name):
    _, _, script, *options = SERVICES[name]["command"]
    told = call(sys.executable, "-B", DOCKER / "demo" / script.rpartition("/")[2], "--help").stdout
    assert all(option in told for option in options if option.startswith("--"))


def test_holdfast_takes_the_environment_of_its_service(stage):
    environment = SERVICES["holdfast"]["environment"]
    assert all(isinstance(value, str) for value in environment.values())
    result = call(holdfast_binary(), "check", env={**bare_environment(), **environment})
    assert "warning" not in result.stderr
    assert SERVICES["clients"]["command"][-1] == environment["HOLDFAST_LISTEN"]


def test_prometheus_takes_its_files_and_asks_services_that_are_there():
    folder = DOCKER / "prometheus"
    call("promtool", "check", "config", folder / "prometheus.yml")
    jobs = yaml.safe_load((folder / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    targets = [target for job in jobs for place in job["static_configs"]
               for target in place["targets"]]
    assert {target.split(":")[0] for target in targets} <= set(SERVICES)
    assert "holdfast:8081" in targets and {t for t in targets if "9100" in t}


def test_grafana_finds_prometheus_and_the_dashboards():
    folder = DOCKER / "grafana" / "provisioning"
    source = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())["datasources"][0]
    assert source["url"] == "http://prometheus:9090" and source["type"] == "prometheus"
    place = yaml.safe_load((folder / "dashboards" / "holdfast.yaml").read_text())["providers"][0]
    mounts = dict(mount.split(":")[1::-1] for mount in SERVICES["grafana"]["volumes"])
    assert mounts[place["options"]["path"]] == "./grafana/dashboards"
    assert mounts["/etc/grafana/provisioning"] == "./grafana/provisioning"


def test_the_dashboards_are_what_their_script_writes():
    script: dict = {"__name__": "make_dashboards", "__file__": str(
        DOCKER / "grafana" / "make_dashboards")}
    exec((DOCKER / "grafana" / "make_dashboards").read_text(encoding="utf-8"), script)
    written = script["written"]()
    assert sorted(written) == [path.name for path in DASHBOARDS]
    for path in DASHBOARDS:
        assert path.read_text(encoding="utf-8") == written[path.name], "run make_dashboards"


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_hangs_together(path):
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers) and dashboard["uid"] and dashboard["title"]
    taken = {(x, y) for panel in dashboard["panels"] for place in [panel["gridPos"]]
             for x in range(place["x"], place["x"] + place["w"])
             for y in range(place["y"], place["y"] + place["h"])}
    assert len(taken) == sum(p["gridPos"]["w"] * p["gridPos"]["h"] for p in dashboard["panels"])
    assert max(x for x, _ in taken) < 24
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard))) - {"__rate_interval", "__all"}
    assert used == variables
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            legend = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            kept = {label for group in re.findall(r"by \(([^)]*)\)", target["expr"])
                    for label in re.split(r"\W+", group)}
            assert not kept or legend <= kept, panel["title"]


def test_prometheus_understands_each_expression(tmp_path):
    texts = [text for path in DASHBOARDS for text in expressions(path)]
    rules = [{"record": f"expression:{n}", "expr": text} for n, text in enumerate(texts)]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}), encoding="utf-8")
    said = call("promtool", "check", "rules", path).stdout
    assert f"{len(texts)} rules found" in said and len(texts) > 30


def test_the_dashboard_and_the_alarms_name_only_what_metrics_really_has(own_page):
    families = Families(own_page)
    texts = expressions(DOCKER / "grafana" / "dashboards" / "holdfast.json")
    for text in [*texts, *(rule["expr"] for rule in alarms())]:
        assert not families.missing(text), text
    assert families.missing("sum by (colour) (holdfast_requests)") == {"colour", "holdfast_requests"}


def test_the_demos_dashboard_names_only_what_the_demo_really_has(demo_pages):
    families = Families(*demo_pages)
    for text in expressions(DOCKER / "grafana" / "dashboards" / "demo.json"):
        assert not families.missing(text), text
    for page in demo_pages:
        call("promtool", "check", "metrics", input=page)


# What each alarm waits for, and what is well; ten minutes and more of each.
SICK = {
    "HoldfastPortsRunOut": {'holdfast_upstream_ports_exhausted_in_seconds{server="b:80"}': "30x40"},
    "HoldfastPoolStarved": {'holdfast_pool_oldest_wait_seconds{upstream="app"}': "2x40"},
    "HoldfastServerDown": {'holdfast_upstream_up{server="b:80"}': "0x40"},
    "HoldfastNameUnresolved": {'holdfast_upstream_name_resolved{name="b"}': "0x40"},
    "HoldfastReuseCollapsed": {
        'holdfast_upstream_connection_reuses_total{instance="i",upstream="app"}': "0+1x40",
        'holdfast_upstream_connections_opened_total{instance="i",upstream="app"}': "0+9x40"},
    "HoldfastWorkerStuck": {'holdfast_worker_up{instance="i"}': "0x40"},
    "HoldfastLogLost": {'holdfast_log_records_dropped_total{instance="i"}': "0+1x40"},
}
WELL = {
    'holdfast_upstream_ports_exhausted_in_seconds{server="b:80"}': "9000x40",
    'holdfast_pool_oldest_wait_seconds{upstream="app"}': "0x40",
    'holdfast_upstream_up{server="b:80"}': "1x40",
    'holdfast_upstream_name_resolved{name="b"}': "1x40",
    'holdfast_upstream_connection_reuses_total{instance="i",upstream="app"}': "0+900x40",
    'holdfast_upstream_connections_opened_total{instance="i",upstream="app"}': "0+1x40",
    'holdfast_worker_up{instance="i"}': "1x40",
    'holdfast_log_records_dropped_total{instance="i"}': "0x40",
}


def test_an_alarm_is_raised_by_what_it_is_for_and_by_nothing_else(tmp_path):
    assert set(SICK) == {rule["alert"] for rule in alarms()}
    tests = []
    for rule in alarms():
        sick = SICK[rule["alert"]]
        labels = dict(re.findall(r'(\w+)="([^"]*)"', next(iter(sick))))
        annotations = {name: re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found[1]], text)
                       for name, text in rule["annotations"].items()}
        raised = [{"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": annotations}]
        for series, expected in ((sick, raised), (WELL, [])):
            tests.append({
                "interval": "1m",
                "input_series": [{"series": name, "values": values}
                                 for name, values in series.items()],
                "alert_rule_test": [{"eval_time": "30m", "alertname": rule["alert"],
                                     "exp_alerts": expected}]})
    path = tmp_path / "alerts_test.yml"
    path.write_text(yaml.safe_dump({"rule_files": [str(DOCKER / "prometheus" / "alerts.yml")],
                                    "evaluation_interval": "1m", "tests": tests}), encoding="utf-8")
    assert "SUCCESS" in call("promtool", "test", "rules", path).stdout


def test_each_alarm_says_what_it_is_and_what_to_do():
    for rule in alarms():
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
        assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]


@pytest.mark.long
def test_its_scenario_runs_over_networks_of_their_own(binary):
    """Backend connections stay flat while clients come by the thousand; without holdfast they end."""
    need_root()
    with subprocess.Popen([DOCKER / "demo" / "netns", "--seconds", "8", "--rate", "400", "--json"],
                          env={**bare_environment(), "HOLDFAST_BINARY": str(binary)}, text=True,
                          stdout=subprocess.PIPE) as script:
        found = json.loads(script.communicate(timeout=3 * PATIENCE)[0])
    print(json.dumps(found, indent=1))
    direct, sidecar = ({name: pair[who] for name, pair in found.items()}
                       for who in ("direct", "sidecar"))
    opened, waits = "backend connections opened", "ports in TIME_WAIT to the backend"
    refused, answered = "requests without a port (errno 99)", "requests answered"
    assert direct[opened] > 500 and direct[waits] > direct[opened] // 2
    assert direct[refused] > 0, "a thousand ports last for a thousand clients"
    assert sidecar[refused] == sidecar["requests that failed otherwise"] == 0
    assert sidecar[answered] > 1000
    # Flat: each that was ever opened is still there. How many there are is up to the worst moment.
    assert sidecar[opened] == sidecar["backend connections open"] <= 256 and sidecar[waits] == 0
    assert f"holdfast-demo-{script.pid}-" not in call("ip", "netns").stdout


def test_a_script_that_is_ended_leaves_nothing_behind(binary):
    need_root()
    with subprocess.Popen([DOCKER / "demo" / "netns"], text=True, stderr=subprocess.PIPE,
                          env={**bare_environment(), "HOLDFAST_BINARY": str(binary)}) as script:
        assert script.stderr.readline().startswith("  1 s")
        script.terminate()
        script.communicate(timeout=PATIENCE)
    assert script.returncode == 1
    assert f"holdfast-demo-{script.pid}-" not in call("ip", "netns").stdout
    assert not [line for line in call("ps", "-eo", "ppid,args").stdout.splitlines()
                if line.split()[0] == str(script.pid)]


def test_the_script_says_what_it_needs(tmp_path):
    missing = subprocess.run([DOCKER / "demo" / "netns"], capture_output=True, text=True, timeout=20,
                             check=False, env={**os.environ, "HOLDFAST_BINARY": str(tmp_path / "no")})
    assert missing.returncode == 1 and "netns: " in missing.stderr
