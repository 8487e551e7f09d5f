"""The Kubernetes files: against the API's own schema, against each other, and against holdfast."""

import json
import re
import shutil
import subprocess

import jsonschema
import pytest
import yaml

from harness.binary import SOURCE_ROOT, holdfast_binary, sanitized
from harness.container import USER, WEB, Image, Pod
from harness.holdfast import bare_environment
from harness.kustomize import pod_of, render
from harness.namespace import need_root
from harness.scripts import keep_alive_10
from harness.waiting import PATIENCE

FOLDER = SOURCE_ROOT / "docker" / "kubernetes"
SCHEMA = json.loads((SOURCE_ROOT / "tests" / "integration" / "schemas" / "kubernetes.json")
                    .read_text(encoding="utf-8"))
FOLDERS = sorted(path.parent.relative_to(FOLDER).as_posix()
                 for path in FOLDER.rglob("kustomization.yaml"))
ALONE = [name for name in FOLDERS if name != "sidecar"]
WAYS = ["egress", "ingress"]


def objects(folder: str, kind: str) -> list[dict]:
    return [one for one in render(FOLDER / folder) if one["kind"] == kind]


def only(folder: str, kind: str) -> dict:
    (one,) = objects(folder, kind)
    return one


def deployment_of(way: str) -> dict:
    documents = yaml.safe_load_all((FOLDER / "sidecar" / f"{way}.yaml").read_text(encoding="utf-8"))
    return next(one for one in documents if one["kind"] == "Deployment")


def sidecar_of(way: str) -> dict:
    (sidecar,) = pod_of(deployment_of(way))["initContainers"]
    return sidecar


def holdfasts() -> list[tuple[str, dict, dict]]:
    """Each container that runs holdfast, and its pod."""
    alone = [(name, pod_of(only(name, "Deployment"))) for name in ALONE]
    return ([(name, pod["containers"][0], pod) for name, pod in alone]
            + [(way, sidecar_of(way), pod_of(deployment_of(way))) for way in WAYS])


def environment_of(container: dict) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container["env"]}


def keys_with(*words, environment) -> dict[str, str]:
    """All keys of a configuration with their values, as holdfast has them."""
    shown = subprocess.run([holdfast_binary(), "config", "show", "--json", *map(str, words)],
                           env={**bare_environment(), **environment}, capture_output=True,
                           text=True, timeout=PATIENCE, check=False)
    assert shown.returncode == 0 and not shown.stderr, shown.stderr
    return {entry["key"]: entry["value"] for entry in json.loads(shown.stdout)}


def seconds(text: str) -> int:
    return int(re.fullmatch(r"(\d+)s?", text)[1])


def complaints(thing: dict) -> list[str]:
    kind = SCHEMA["kinds"].get(f"{thing['apiVersion']}/{thing['kind']}")
    assert kind, f"no schema for {thing['kind']}"
    validator = jsonschema.Draft7Validator({**kind, "definitions": SCHEMA["definitions"]})
    return [f"{'/'.join(map(str, error.path))}: {error.message}"
            for error in validator.iter_errors(thing)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_object_is_as_the_api_has_it(folder):
    for thing in render(FOLDER / folder):
        assert not complaints(thing), thing["metadata"]["name"]


def test_the_schema_notices_what_is_wrong():
    thing = only("base", "Deployment")
    container = pod_of(thing)["containers"][0]
    container["startupProbe"]["httpget"] = container["startupProbe"].pop("httpGet")
    container["imagePullPolicy"] = "Sometimes"
    thing["spec"]["replicas"] = "two"
    del container["name"]
    said = "\n".join(complaints(thing))
    for word in ("httpget", "Sometimes", "two", "'name' is a required"):
        assert word in said


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl to compare with")
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_real_kustomize_makes_the_same(folder):
    made = subprocess.run(["kubectl", "kustomize", FOLDER / folder], capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    assert made.returncode == 0, made.stderr
    text = re.sub(r"\bholdfast-[a-z0-9]{10}\b", "holdfast", made.stdout)

    def by_name(things) -> list[dict]:
        return sorted(things, key=lambda thing: (thing["kind"], thing["metadata"]["name"]))
    assert by_name(yaml.safe_load_all(text)) == by_name(render(FOLDER / folder))


@pytest.mark.parametrize("name, container, pod", holdfasts(), ids=lambda value: str(value)[:12])
def test_holdfast_has_no_right_that_it_does_not_need(name, container, pod):
    security = container["securityContext"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["automountServiceAccountToken"] is False
    assert str(pod["securityContext"]["runAsUser"]) == USER.split(":")[0]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"]
    assert "cpu" not in container["resources"]["limits"], "throttling would be latency"


@pytest.mark.parametrize("name, container, pod", holdfasts(), ids=lambda value: str(value)[:12])
def test_probes_ask_what_is_there(name, container, pod):
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports["status"] == 8081
    for probe, path in (("startupProbe", "/readyz"), ("livenessProbe", "/livez"),
                        ("readinessProbe", "/readyz")):
        if probe in container:
            assert container[probe]["httpGet"] == {"path": path, "port": "status"}
    assert "startupProbe" in container and "preStop" not in str(container)
    # Without a readiness of its own a sidecar on the way out does not take its application out of service.
    assert ("readinessProbe" in container) == (name != "egress")


@pytest.mark.parametrize("name, container, pod", holdfasts(), ids=lambda value: str(value)[:12])
def test_holdfast_takes_its_configuration_and_ends_in_time(name, container, pod):
    words = [FOLDER / "base" / "holdfast.yaml"] if name in ALONE else []
    keys = keys_with(*words, environment=environment_of(container))
    assert keys["status.address"] in (":8081", "0.0.0.0:8081")
    ending = seconds(keys["shutdown.delay"]) + seconds(keys["shutdown.timeout"])
    assert ending < pod["terminationGracePeriodSeconds"]
    # A sidecar is told to end when its application has gone: nobody is left to wait for.
    assert (seconds(keys["shutdown.delay"]) > 0) == (name in ALONE)


@pytest.mark.parametrize("way", WAYS)
def test_a_sidecar_is_a_native_one(way):
    assert sidecar_of(way)["restartPolicy"] == "Always" and sidecar_of(way)["args"] == ["run"]
    listen = environment_of(sidecar_of(way))["HOLDFAST_LISTEN"]
    assert (listen == "127.0.0.1:8080") == (way == "egress")


def test_the_piece_of_the_readme_is_that_of_the_example():
    """Shorter, and with nothing that the whole one has not."""
    text = (SOURCE_ROOT / "README.md").read_text(encoding="utf-8")
    (piece,) = [found for found in re.findall(r"```yaml\n(.*?)```", text, re.S)
                if found.startswith("initContainers:")]
    (short,) = yaml.safe_load(piece)["initContainers"]
    short["startupProbe"]["httpGet"]["port"] = "status"  # by number where no port has a name
    whole = sidecar_of("egress")
    assert all(one in whole["env"] for one in short.pop("env"))
    assert all(whole[name] == value for name, value in short.items())


@pytest.mark.parametrize("folder", FOLDERS)
def test_selectors_find_their_pods(folder):
    things = render(FOLDER / folder)
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in things
            if one["kind"] == "Deployment"]
    selectors = [one["spec"]["selector"] for one in things if "selector" in one.get("spec", {})]
    for selector in selectors:
        assert selector.get("matchLabels", selector) in pods
    for service in (one for one in things if one["kind"] == "Service"):
        owner = next(one for one in things if one["kind"] == "Deployment" and one["spec"]["template"][
            "metadata"]["labels"] == service["spec"]["selector"])
        names = {port["name"] for container in (*pod_of(owner).get("initContainers", ()),
                                                *pod_of(owner)["containers"])
                 for port in container.get("ports", ())}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names


@pytest.mark.parametrize("folder", ALONE)
def test_replicas_scale_within_what_was_said(folder):
    deployment, scaler = only(folder, "Deployment"), only(folder, "HorizontalPodAutoscaler")
    assert scaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment",
                                                "name": deployment["metadata"]["name"]}
    least, most = scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]
    assert least <= deployment["spec"]["replicas"] <= most
    assert only(folder, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    volume = pod_of(deployment)["volumes"][0]["configMap"]["name"]
    assert volume == only(folder, "ConfigMap")["metadata"]["name"]
    assert "subPath" not in json.dumps(deployment)


@pytest.mark.skipif(sanitized(), reason="an image is made of what is shipped")
def test_the_sidecar_on_the_way_in_serves_with_its_environment_alone(stage, tmp_path):
    need_root()
    pod = stage.adopt(Pod(Image(tmp_path / "root"), arguments=sidecar_of("ingress")["args"],
                          environment=environment_of(sidecar_of("ingress"))))
    backend = stage.backend(keep_alive_10, address=("127.0.0.1", 9000),
                            make_socket=pod.network.socket)
    pod.start().wait_until_ready()
    assert [pod.fetch(WEB, "/").status for _ in range(10)] == [200] * 10
    assert len(backend.connections) == 1
