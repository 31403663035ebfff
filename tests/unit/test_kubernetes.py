"""packaging/kubernetes: what reviewers are promised, and that Kubernetes takes it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tcpconnect import __version__
from tcpconnect.machine.hostname import host_name
from tcpconnect.options.verbs import verb_named
from tcpconnect.parsing import parse_verb
from tcpconnect.remote.otlp_settings import resource
from tests.support.kustomize import (
    DOCUMENT,
    FOLDER,
    as_documented,
    build,
    with_metrics,
)
from tests.support.pods import NODE, environment

VERSIONS = ("1.30", "1.33", "1.37")
BASE = FOLDER / "base"
LIBC = FOLDER / "overlays/libc-names"
# In CRDs, which kubernetes-validate has no schemas of.
OF_OPERATORS = {"PodMonitor"}
POD_MONITOR = Path(__file__).parents[1] / "support/podmonitor.json"
CAPABILITIES = ["BPF", "PERFMON", "NET_ADMIN", "DAC_READ_SEARCH"]


@pytest.fixture(params=["base", "overlays/libc-names", "with metrics", "documented"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Each folder that is made for `kubectl apply --kustomize`."""
    made = {"with metrics": with_metrics, "documented": as_documented}
    if make := made.get(request.param):
        return make(tmp_path)
    return FOLDER / str(request.param)


def the(kind: str, folder: Path) -> dict[str, Any]:
    """Return the one object of a kind."""
    (found,) = (each for each in build(folder) if each["kind"] == kind)
    return found


def pod_of(folder: Path) -> dict[str, Any]:
    """Return the specification of the pods."""
    pod: dict[str, Any] = the("DaemonSet", folder)["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("version", VERSIONS)
def test_schemas(folder: Path, version: str) -> None:
    """Each object has what its kind has, and nothing that it does not have."""
    objects = [each for each in build(folder) if each["kind"] not in OF_OPERATORS]
    assert len(objects) == 5
    for each in objects:
        kubernetes_validate.validate(each, version, strict=True)


def test_schemas_find_mistakes() -> None:
    """A word that Kubernetes does not know is found."""
    wrong = the("DaemonSet", BASE)
    wrong["spec"]["template"]["spec"]["containers"][0]["privilege"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


@pytest.mark.parametrize(
    ("word", "value"),
    [(None, None), ("intervall", "30s"), ("interval", "30 s"), ("port", 9435)],
    ids=["ours", "unknown", "not-a-time", "not-a-name"],
)
def test_pod_monitor(tmp_path: Path, word: str | None, value: object) -> None:
    """The Prometheus operator takes our PodMonitor, and would refuse mistakes."""
    monitor = the("PodMonitor", with_metrics(tmp_path))
    validator = jsonschema.Draft202012Validator(json.loads(POD_MONITOR.read_text()))
    if word is None:
        validator.validate(monitor)
        return
    monitor["spec"]["podMetricsEndpoints"][0][word] = value
    assert not validator.is_valid(monitor)


def by_kind(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return objects in an order."""
    return sorted(objects, key=lambda each: str(each["kind"]))


def of_kubectl(folder: Path) -> list[dict[str, Any]]:
    """Return what kubectl makes of a folder."""
    if not shutil.which("kubectl"):
        pytest.skip("needs kubectl, which Debian has only an old one of")
    command = ["kubectl", "kustomize", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(done.stdout))


def test_kubectl(folder: Path) -> None:
    """Kubectl makes the same of it."""
    assert by_kind(of_kubectl(folder)) == by_kind(build(folder))


def test_kubectl_with_a_place(tmp_path: Path) -> None:
    """Kubectl makes the same of the patches that the document has for a database."""
    folder = as_documented(tmp_path, place=True)
    assert by_kind(of_kubectl(folder)) == by_kind(build(folder))


def test_place(tmp_path: Path) -> None:
    """The document's patches are valid, and so are their options."""
    folder = as_documented(tmp_path, place=True)
    for each in build(folder):
        kubernetes_validate.validate(each, VERSIONS[-1], strict=True)
    (container,) = pod_of(folder)["containers"]
    verb, *words = container["args"]
    parse_verb(verb_named(verb), words)
    (database, names) = the("NetworkPolicy", folder)["spec"]["egress"]
    assert (database["ports"][0]["port"], names["ports"][0]["port"]) == (8443, 53)


def test_image(tmp_path: Path) -> None:
    """The document's folder has the pods take the image that its reader has pushed."""
    (container,) = pod_of(as_documented(tmp_path))["containers"]
    assert container["image"] == f"registry.example/tcpconnect:{__version__}"


@pytest.mark.parametrize(
    ("folder", "pids", "more"),
    [(BASE, False, []), (LIBC, True, ["SYS_PTRACE"])],
    ids=["base", "libc-names"],
    indirect=False,
)
def test_privileges(folder: Path, more: list[str], *, pids: bool) -> None:
    """They are these, and no others."""
    pod = pod_of(folder)
    (container,) = pod["containers"]
    assert pod["hostPID"] is pids
    assert not {"hostNetwork", "hostIPC", "initContainers"} & pod.keys()
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "runAsUser": 0,
        "runAsGroup": 0,
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": [*CAPABILITIES, *more]},
    }
    assert container["resources"].keys() == {"requests", "limits"}


def test_node(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it sees is the node's, by the words of histories and of OpenTelemetry."""
    (container,) = pod_of(folder)["containers"]
    for name, value in environment(container).items():
        monkeypatch.setenv(name, value)
    assert host_name() == NODE
    found = resource()
    assert (found["host.name"], found["k8s.node.name"]) == (NODE, NODE)


def test_notices(folder: Path) -> None:
    """What it can't see is in its log: nobody looks for that elsewhere."""
    (container,) = pod_of(folder)["containers"]
    assert container["args"][0] == "record"
    assert "--quiet" not in container["args"]


def test_paths(folder: Path) -> None:
    """Of the host only the directory with the history can be written."""
    pod = pod_of(folder)
    (container,) = pod["containers"]
    paths = {each["name"]: each["hostPath"]["path"] for each in pod["volumes"]}
    mounts = container["volumeMounts"]
    assert sorted(each["name"] for each in mounts) == sorted(paths)
    assert [paths[each["name"]] for each in mounts if not each.get("readOnly")] == [
        "/var/lib/tcpconnect-kubernetes"
    ]
    # Of a mount below it, as cgroup v1 has them, readOnly says nothing.
    deep = {each.get("recursiveReadOnly") for each in mounts if each.get("readOnly")}
    assert deep == {"IfPossible"}
    # Whoever can connect to a runtime's socket is root, also where it is read-only.
    assert not any(path.startswith(("/run", "/var/run")) for path in paths.values())


def test_selectors(folder: Path) -> None:
    """All that choose the pods choose by a label that they have."""
    labels = the("DaemonSet", folder)["spec"]["template"]["metadata"]["labels"]
    chosen = [the("DaemonSet", folder)["spec"]["selector"]["matchLabels"]]
    chosen.append(the("NetworkPolicy", folder)["spec"]["podSelector"]["matchLabels"])
    monitors = [each for each in build(folder) if each["kind"] in OF_OPERATORS]
    chosen += [each["spec"]["selector"]["matchLabels"] for each in monitors]
    assert all(each.items() <= labels.items() for each in chosen)


def test_metrics(folder: Path) -> None:
    """The PodMonitor asks the port that the recorder serves, and the policy opens."""
    kinds = {each["kind"]: each for each in build(folder)}
    (container,) = pod_of(folder)["containers"]
    policy = kinds["NetworkPolicy"]["spec"]
    if "PodMonitor" not in kinds:
        assert "ports" not in container
        assert "ingress" not in policy
        return
    (endpoint,) = kinds["PodMonitor"]["spec"]["podMetricsEndpoints"]
    (port,) = container["ports"]
    (opened,) = policy["ingress"][0]["ports"]
    assert endpoint["port"] == port["name"] == opened["port"]
    served = f"--output=prometheus://0.0.0.0:{port['containerPort']}"
    assert served in container["args"]


def test_document() -> None:
    """The tables for the reviewer have each privilege and path, and no other."""
    text = DOCUMENT.read_text()
    pod = pod_of(LIBC)
    (container,) = pod["containers"]
    added = container["securityContext"]["capabilities"]["add"]
    named = re.findall(r"^\| CAP_(\w+)", text, re.MULTILINE)
    assert named == added
    paths = re.findall(
        r"^\| `(/[\w/-]+)` \| (read only|written) \|", text, re.MULTILINE
    )
    read_only = {
        each["name"]: each.get("readOnly") for each in container["volumeMounts"]
    }
    assert sorted(paths) == sorted(
        (
            each["hostPath"]["path"],
            "read only" if read_only[each["name"]] else "written",
        )
        for each in pod["volumes"]
    )
