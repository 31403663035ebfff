"""As much of kustomize as packaging/kubernetes takes: resources, components, patches.

There is no kustomize where tests run; where there is kubectl, a test compares them.
"""

from __future__ import annotations

import re
import shutil
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "packaging/kubernetes"
KNOWN = {"apiVersion", "kind", "namespace", "resources", "components", "patches"}
KNOWN |= {"images"}
DOCUMENT = FOLDER.parents[1] / "docs/kubernetes.md"
DOCUMENTED = re.compile(
    r"^```yaml\n# (at the end of )?mine/(\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL
)
KUSTOMIZATION = "kustomization.yaml"
NO_NAMESPACE = {"Namespace", "PriorityClass"}  # they are the cluster's
# Lists whose members are merged by a key; any other is replaced.
KEYS = {
    **dict.fromkeys(("containers", "env", "volumes"), "name"),
    "ports": "containerPort",
    "volumeMounts": "mountPath",
}

METRICS = """\
components: [../../components/podmonitor]
resources: [../../base]
"""
Object = dict[str, Any]


def with_metrics(folder: Path) -> Path:
    """Return a folder of an operator's own, with the component for metrics."""
    shutil.copytree(FOLDER, folder / "kubernetes")
    mine = folder / "kubernetes/overlays/mine"
    mine.mkdir()
    (mine / KUSTOMIZATION).write_text(METRICS)
    return mine


def as_documented(folder: Path, *, place: bool = False) -> Path:
    """Return the folder that docs/kubernetes.md has its reader make."""
    shutil.copytree(FOLDER, folder / "packaging/kubernetes")
    mine = folder / "mine"
    mine.mkdir()
    for added, name, text in DOCUMENTED.findall(DOCUMENT.read_text()):
        if place or (name == KUSTOMIZATION and not added):
            with (mine / name).open("a") as file:
                file.write(text)
    return mine


def build(folder: Path) -> list[Object]:
    """Return the objects that a folder with a kustomization makes."""
    objects: list[Object] = []
    _add(folder, objects)
    return objects


def _add(folder: Path, objects: list[Object]) -> None:
    (asked,) = _read(folder / KUSTOMIZATION)
    assert not asked.keys() - KNOWN, asked.keys() - KNOWN
    for name in asked.get("resources", []):
        path = folder / name
        if path.is_dir():
            _add(path, objects)
        else:
            objects += _read(path)
    for each in objects:
        if "namespace" in asked and each["kind"] not in NO_NAMESPACE:
            each["metadata"]["namespace"] = asked["namespace"]
    for name in asked.get("components", []):
        _add(folder / name, objects)
    for patch in asked.get("patches", []):
        assert patch.keys() == {"path"}
        (change,) = _read(folder / patch["path"])
        # It is an error to patch what is not there.
        (place,) = (i for i, each in enumerate(objects) if _id(each) == _id(change))
        objects[place] = _merged(objects[place], change)
    for image in asked.get("images", []):
        assert image.keys() == {"name", "newName", "newTag"}
        for container in _containers(objects):
            if container["image"] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"


def _containers(objects: list[Object]) -> list[Object]:
    pods = [
        each["spec"]["template"]["spec"]
        for each in objects
        if each["kind"] == "DaemonSet"
    ]
    return [container for pod in pods for container in pod["containers"]]


def _read(path: Path) -> list[Object]:
    return deepcopy(_parsed(path.read_text()))


@cache
def _parsed(text: str) -> list[Object]:
    return list(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def _id(each: Object) -> tuple[object, ...]:
    metadata = each["metadata"]
    return each["apiVersion"], each["kind"], metadata["name"], metadata.get("namespace")


def _merged(old: Any, new: Any, name: str = "") -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        both = {key: _merged(old[key], new[key], key) for key in old if key in new}
        return {**old, **new, **both}
    key = KEYS.get(name)
    if key is None or not isinstance(old, list):
        return new
    by_key = {each[key]: each for each in new}
    kept = [_merged(each, by_key.pop(each[key], each)) for each in old]
    return [*by_key.values(), *kept]  # what is new comes first
