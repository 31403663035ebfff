"""Unit, pod and container, from the path of a cgroup and from files."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.enrich import files, pod
from tcpconnect.enrich.container import Container
from tcpconnect.enrich.place import Places, unit
from tcpconnect.image import Place

if TYPE_CHECKING:
    from pathlib import Path

A, B = "0123456789abcdef" * 4, "fedcba9876543210" * 4
UID = "3b7cda51-1f2b-4c5e-8a57-0d3c2f4bd8a1"
SLICED = UID.replace("-", "_")
STATIC = "0123456789abcdef" * 2  # of a pod that no API server knows
USER = "/user.slice/user-1000.slice/user@1000.service"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/system.slice/cron.service", "cron.service"),
        ("/system.slice/cron.service/worker/1", "cron.service"),
        ("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
        ("/system.slice/cups.socket", "cups.socket"),
        (r"/system.slice/dev-disk\x2d1.swap", "dev-disk-1.swap"),
        ("/system.slice/var-lib.mount", "var-lib.mount"),
        ("/init.scope", "init.scope"),
        ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope"),
        (f"{USER}/init.scope", "init.scope"),
        (f"{USER}/app.slice/app-x\\x2dterm-12.scope", "app-x-term-12.scope"),
        (f"/system.slice/docker-{A}.scope", f"docker-{A}.scope"),
        (f"/system.slice/docker-{A}.scope/system.slice/web.service", "web.service"),
        ("/system.slice/_cpu.service", "cpu.service"),
        (r"/system.slice/a\x1b.service", r"a\x1b.service"),
        (r"/system.slice/gr\xc3\xbcn.service", "grün.service"),
        (r"/system.slice/\xff.service", r"\xff.service"),
        ("/", None),
        ("", None),
        ("/user.slice", None),
        ("/system.slice/.service", None),
        (f"/docker/{A}", None),
    ],
)
def test_unit(path: str, expected: str | None) -> None:
    """The innermost unit, as a name for systemctl; slices do not count."""
    assert unit(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/kubepods.slice/kubepods-pod{SLICED}.slice", UID),
        (f"/kubepods.slice/kubepods-pod{SLICED}.slice/crio-{A}.scope", UID),
        (
            f"/kubepods.slice/kubepods-burstable-pod{SLICED}.slice/crio-{A}.scope",
            UID,
        ),
        (f"/kubepods.slice/kubepods-besteffort-pod{STATIC}.slice", STATIC),
        (
            f"/kubelet.slice/kubelet-kubepods-besteffort-pod{SLICED}.slice/{A}",
            UID,
        ),
        (f"/kubepods/pod{UID}/{A}", UID),
        (f"/kubepods/burstable/pod{UID}/{A}", UID),
        (f"/kubepods/besteffort/pod{STATIC}/{A}/init.scope", STATIC),
        (f"/docker/{B}/kubelet/kubepods/burstable/pod{UID}/{A}", UID),
        (f"/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope", B),
        (f"{USER}/user.slice/user-libpod_pod_{B}.slice/libpod-{A}.scope", B),
        (f"/pod{UID}", None),
        (f"/kubepods/burstable/podx{UID}", None),
        ("/kubepods/burstable/pod", None),
        (f"/machine.slice/libpod-{A}.scope", None),
        ("/", None),
    ],
)
def test_pod_uid(path: str, expected: str | None) -> None:
    """A pod's UID by both drivers of kubelet's, and a pod's ID of podman's."""
    assert pod.uid(path) == expected


@pytest.fixture(autouse=True)
def our_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files of ours for the machine's."""
    monkeypatch.setattr(files, "MACHINE", os.geteuid())


TASKS = "run/containerd/io.containerd.runtime.v2.task"
CRI = {
    "io.kubernetes.cri.container-name": "web",
    "io.kubernetes.cri.sandbox-name": "shop-0",
    "io.kubernetes.cri.sandbox-namespace": "prod",
}
KUBERNETES = {
    "io.kubernetes.pod.name": "shop-0",
    "io.kubernetes.pod.namespace": "prod",
}
FILES: dict[str, tuple[str, Any]] = {
    "containerd of k3s": (
        f"run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/{A}/config.json",
        {"annotations": CRI},
    ),
    "containerd of microk8s": (
        f"var/snap/microk8s/common/{TASKS}/k8s.io/{A}/config.json",
        {"annotations": CRI},
    ),
    "containerd": (f"{TASKS}/k8s.io/{A}/config.json", {"annotations": CRI}),
    "cri-o": (
        f"run/containers/storage/overlay-containers/{A}/userdata/config.json",
        {"annotations": {**KUBERNETES, "n": 1}},
    ),
    "docker": (
        f"var/lib/docker/containers/{A}/config.v2.json",
        {"Name": "/k8s_web", "Config": {"Labels": KUBERNETES}},
    ),
}


def write(root: Path, path: str, content: object) -> None:
    """Write a JSON file below ``root``."""
    file = root / path
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize("kind", FILES)
def test_pod_name(tmp_path: Path, kind: str) -> None:
    """Its namespace and name, if the runtime has them."""
    runtime = kind.partition(" ")[0]
    write(tmp_path, *FILES[kind])
    assert pod.name_of(Container(runtime, A, None), str(tmp_path)) == "prod/shop-0"
    assert pod.name_of(Container(runtime, B, None), str(tmp_path)) is None


@pytest.mark.parametrize(
    ("kind", "theirs"), [("cri-o", CRI), ("docker", CRI), ("containerd", KUBERNETES)]
)
@pytest.mark.parametrize("ours", [True, False], ids=["with ours", "alone"])
def test_pod_says(
    tmp_path: Path, kind: str, theirs: dict[str, str], *, ours: bool
) -> None:
    """Another runtime's keys have what the pod, or its image, says of itself."""
    false = dict.fromkeys(theirs, "kube-system")
    true = (KUBERNETES if theirs is CRI else CRI) if ours else {}
    keys = {**false, **true}
    found = {"Config": {"Labels": keys}} if kind == "docker" else {"annotations": keys}
    write(tmp_path, FILES[kind][0], found)
    name = "prod/shop-0" if ours else None
    assert pod.name_of(Container(kind, A, None), str(tmp_path)) == name


@pytest.mark.parametrize(
    "content", [[], None, {"annotations": 1}, {"Config": {"Labels": []}}, {}, "x"]
)
@pytest.mark.parametrize("kind", [*FILES, "podman", "lxc"])
def test_no_pod_name(tmp_path: Path, kind: str, content: object) -> None:
    """What files do not have, or not in the right form, is unknown."""
    runtime = kind.partition(" ")[0]
    if kind in FILES:
        write(tmp_path, FILES[kind][0], content)
    assert pod.name_of(Container(runtime, A, None), str(tmp_path)) is None


def test_pod_name_without_namespace(tmp_path: Path) -> None:
    """Half of the name is better than none."""
    annotations = {"io.kubernetes.cri.sandbox-name": "shop-0"}
    write(tmp_path, FILES["containerd"][0], {"annotations": annotations})
    assert pod.name_of(Container("containerd", A, None), str(tmp_path)) == "shop-0"


KUBEPODS = f"/kubepods/burstable/pod{UID}/{A}"


def test_container_of_a_pod(tmp_path: Path) -> None:
    """Names if files have them, else short IDs; always the long ones."""
    expected = Place(KUBEPODS, A[:12], A, "containerd", None, UID, UID)
    assert Places(str(tmp_path)).find(KUBEPODS, "/") == expected
    write(tmp_path, *FILES["containerd"])
    names = ("prod/shop-0", UID, "prod/shop")
    expected = Place(KUBEPODS, "web", A, "containerd", None, *names)
    assert Places(str(tmp_path)).find(KUBEPODS, "/") == expected


def test_pod_of_podman(tmp_path: Path) -> None:
    """It has an ID as containers have."""
    path = f"/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope"
    scope = f"libpod-{A}.scope"
    expected = Place(path, A[:12], A, "podman", scope, B[:12], B)
    assert Places(str(tmp_path)).find(path, "/") == expected


@pytest.mark.parametrize(
    ("path", "legacy", "expected"),
    [
        ("/", "/", Place("/")),
        ("/a", "/", Place("/a")),
        ("/", "/a", Place("/a")),
        ("/a", "/b", Place("/a")),
        ("/", f"/docker/{A}", Place(f"/docker/{A}", A[:12], A, "docker")),
        (
            "/system.slice/docker.service",
            f"/docker/{A}",
            Place(
                "/system.slice/docker.service",
                A[:12],
                A,
                "docker",
                "docker.service",
            ),
        ),
        ("/x", f"/kubepods/pod{UID}", Place("/x", pod=UID, pod_uid=UID)),
    ],
)
def test_both_versions(tmp_path: Path, path: str, legacy: str, expected: Place) -> None:
    """Paths of cgroup v1 complete those of v2."""
    assert Places(str(tmp_path)).find(path, legacy) == expected


def test_harmless(tmp_path: Path) -> None:
    """Any user can choose names of cgroups, containers and pods."""
    path = "/\x1b/lxc.payload.a\x1b[2J"
    name = r"a\x1b[2J"
    expected = Place(r"/\x1b/lxc.payload.a\x1b[2J", name, name, "lxc")
    assert Places(str(tmp_path)).find(path, "/") == expected
    annotations = {
        "io.kubernetes.cri.container-name": "\x1b",
        "io.kubernetes.cri.sandbox-name": "\r",
    }
    write(tmp_path, FILES["containerd"][0], {"annotations": annotations})
    expected = Place(KUBEPODS, r"\x1b", A, "containerd", None, r"\r", UID)
    assert Places(str(tmp_path)).find(KUBEPODS, "/") == expected


def test_files_are_read_once(tmp_path: Path) -> None:
    """Of all processes of a container, only the first one costs that."""
    places = Places(str(tmp_path))
    first = places.find(KUBEPODS, "/")
    write(tmp_path, *FILES["containerd"])
    assert places.find(KUBEPODS, "/") is first
