"""What `kubectl kustomize` makes of a folder, as far as our files need it: there is none in Debian 12
that knows today's fields. A test holds it against a real one where there is one.
"""

import copy
import pathlib

import yaml

KNOWN = {"apiVersion", "kind", "resources", "configMapGenerator", "namespace", "images", "patches"}


def render(folder: pathlib.Path) -> list[dict]:
    """The objects of a kustomization."""
    told = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    assert set(told) <= KNOWN, f"{folder} wants {set(told) - KNOWN}"
    assert (told["apiVersion"], told["kind"]) == ("kustomize.config.k8s.io/v1beta1", "Kustomization")
    found: list[dict] = []
    for resource in told["resources"]:
        path = folder / resource
        found += render(path) if path.is_dir() else list(
            yaml.safe_load_all(path.read_text(encoding="utf-8")))
    for made in told.get("configMapGenerator", ()):
        files = {name: (folder / name).read_text(encoding="utf-8") for name in made["files"]}
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": made["name"]},
                      "data": files})
    for patch in told.get("patches", ()):
        for target in _targets(found, patch["target"]):
            for step in yaml.safe_load(patch["patch"]):
                _apply(target, step)
    for image in told.get("images", ()):
        for container in _containers(found):
            if container["image"].partition(":")[0] == image["name"]:
                container["image"] = f"{image['name']}:{image['newTag']}"
    if "namespace" in told:
        for one in found:
            one["metadata"]["namespace"] = told["namespace"]
    return found


def _targets(found: list[dict], target: dict[str, str]) -> list[dict]:
    matching = [one for one in found if one["kind"] == target["kind"]
                and one["metadata"]["name"] == target["name"]]
    assert matching, f"a patch is for {target}, which is not there"
    return matching


def _apply(target: dict, step: dict) -> None:
    """A step of RFC 6902: `add` and `replace`."""
    *way, last = step["path"].strip("/").split("/")
    place = target
    for word in way:
        place = place[int(word)] if isinstance(place, list) else place[word]
    value = copy.deepcopy(step["value"])
    if isinstance(place, list):
        assert step["op"] == "add" and last == "-" or step["op"] == "replace"
        if last == "-":
            place.append(value)
        else:
            place[int(last)] = value
    else:
        assert step["op"] == "add" or last in place, f"nothing to replace at {step['path']}"
        place[last] = value


def pod_of(workload: dict) -> dict:
    return workload["spec"]["template"]["spec"]


def _containers(found: list[dict]) -> list[dict]:
    return [container for one in found if one["kind"] == "Deployment"
            for container in (*pod_of(one).get("initContainers", ()), *pod_of(one)["containers"])]
