"""Names of containers from the files of their runtimes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tcpconnect.enrich import files
from tcpconnect.enrich.allowance import Allowance
from tcpconnect.enrich.container import Container
from tcpconnect.enrich.container_names import name_of
from tcpconnect.enrich.mounts import Mounts
from tests.support.runtime_files import DAMAGED, write

if TYPE_CHECKING:
    from pathlib import Path

A, B = "0123456789abcdef" * 4, "fedcba9876543210" * 4
UID = "3b7cda51-1f2b-4c5e-8a57-0d3c2f4bd8a1"
STORAGE = "containers/storage/overlay-containers"
V2 = "io.containerd.runtime.v2.task"
TASKS = f"run/containerd/{V2}"

FILES = {
    "docker": (
        f"var/lib/docker/containers/{A}/config.v2.json",
        {"ID": A, "Name": "/web", "State": {"Running": True}},
    ),
    "podman": (
        f"var/lib/{STORAGE}/containers.json",
        [{"id": B, "names": ["db"]}, {"id": A, "names": ["web", "www"], "layer": "x"}],
    ),
    "podman, volatile": (
        f"run/{STORAGE}/volatile-containers.json",
        [{"id": A, "names": ["web"]}],
    ),
    "cri-o": (f"var/lib/{STORAGE}/containers.json", [{"id": A, "names": ["web"]}]),
    "containerd": (
        f"{TASKS}/k8s.io/{A}/config.json",
        {"annotations": {"io.kubernetes.cri.container-name": "web"}, "root": {}},
    ),
    "containerd of k3s and RKE2": (
        f"run/k3s/containerd/{V2}/k8s.io/{A}/config.json",
        {"annotations": {"io.kubernetes.cri.container-name": "web"}},
    ),
    "containerd of microk8s": (
        f"var/snap/microk8s/common/run/containerd/{V2}/k8s.io/{A}/config.json",
        {"annotations": {"io.kubernetes.cri.container-name": "web"}},
    ),
    "containerd of nerdctl": (
        f"{TASKS}/default/{A}/config.json",
        {"annotations": {"nerdctl/name": "web"}},
    ),
}


@pytest.fixture(autouse=True)
def our_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files of ours for the machine's, and none as read before."""
    monkeypatch.setattr(files, "MACHINE", os.geteuid())
    monkeypatch.setattr(files, "_all", Allowance(files.ALL_BYTES))
    monkeypatch.setattr(files, "_each", {})


@pytest.mark.parametrize("kind", FILES)
def test_name(tmp_path: Path, kind: str) -> None:
    """The name that the runtime's own file has for the ID."""
    runtime = kind.partition(" ")[0].rstrip(",")
    path, content = FILES[kind]
    write(tmp_path, path, json.dumps(content))
    assert name_of(Container(runtime, A, None), str(tmp_path)) == "web"
    assert name_of(Container(runtime, "0" * 64, None), str(tmp_path)) is None


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("cri-o", f"k8s_nginx_web-7d4b9c6f5-x2x4z_prod_{UID}_0", "nginx"),
        ("cri-o", f"k8s_nginx_web-7d4b9c6f5-x2x4z_prod_{UID}_12", "nginx"),
        ("cri-o", f"k8s_nginx_v1.2-x2x4z_prod_{UID}_0", "nginx"),
        ("docker", f"/k8s_nginx_web-7d4b9c6f5-x2x4z_prod_{UID}_0", "nginx"),
        ("docker", "/k8s_nginx", "k8s_nginx"),
        ("docker", f"/k8s_\x1b_web_prod_{UID}_0", f"k8s_\x1b_web_prod_{UID}_0"),
        ("podman", f"k8s_nginx_web_prod_{UID}_0", f"k8s_nginx_web_prod_{UID}_0"),
    ],
)
def test_name_in_pod(tmp_path: Path, kind: str, name: str, expected: str) -> None:
    """It is the one that the pod gives it: the runtime's own is new at each start."""
    path, _ = FILES[kind]
    written = {"Name": name} if kind == "docker" else [{"id": A, "names": [name]}]
    write(tmp_path, path, json.dumps(written))
    assert name_of(Container(kind, A, None), str(tmp_path)) == expected


@pytest.mark.parametrize("content", DAMAGED)
@pytest.mark.parametrize("kind", FILES)
def test_damaged_file(tmp_path: Path, kind: str, content: str) -> None:
    """A file that can't be understood is no name, and no error."""
    write(tmp_path, FILES[kind][0], content)
    container = Container(kind.partition(" ")[0].rstrip(","), A, None)
    assert name_of(container, str(tmp_path)) is None


@pytest.mark.parametrize("kind", FILES)
def test_traps(tmp_path: Path, kind: str) -> None:
    """A pipe does not stop the tool, a link is not followed."""
    runtime = kind.partition(" ")[0].rstrip(",")
    path, content = FILES[kind]
    write(tmp_path, path, json.dumps(content))
    file = tmp_path / path
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert name_of(Container(runtime, A, None), str(tmp_path)) is None
    file.unlink()
    os.mkfifo(file)
    assert name_of(Container(runtime, A, None), str(tmp_path)) is None


@pytest.mark.parametrize("kind", FILES)
def test_whose_file(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's containers have no names from another's files, nor from links."""
    runtime = kind.partition(" ")[0].rstrip(",")
    path, content = FILES[kind]
    write(tmp_path, path, json.dumps(content))
    container = Container(runtime, A, None)
    os.link(tmp_path / path, tmp_path / "another")
    assert name_of(container, str(tmp_path)) is None
    (tmp_path / "another").unlink()
    assert name_of(container, str(tmp_path)) == "web"
    monkeypatch.setattr(files, "MACHINE", os.geteuid() + 1)
    assert name_of(container, str(tmp_path)) is None


def test_mounts_are_read_once(tmp_path: Path) -> None:
    """Until something is mounted, which the kernel tells."""
    file = tmp_path / "mountinfo"
    file.write_text("1 0 0:1 / / rw - ext4 x rw\n")
    mounts = Mounts(str(file))
    assert mounts.is_local("/a")
    file.write_text("")
    assert mounts.is_local("/b")


def test_local(tmp_path: Path) -> None:
    """What is mounted from a server, or when it is asked for, is not touched."""
    mounts = tmp_path / "mountinfo"
    line = "1 0 0:1 / {} rw - {} x rw\n"
    for kinds, expected in (
        ([("/", "ext4")], True),
        ([("/", "ext4"), ("/home", "autofs")], False),
        ([("/", "ext4"), ("/home", "nfs4")], False),
        ([("/", "nfs4"), ("/home", "xfs")], True),
        ([("/", "ext4"), ("/home", "xfs"), ("/home", "fuse.sshfs")], False),
        ([("/", "ext4"), ("/home", "autofs"), ("/home", "xfs")], False),
        ([("/", "ext4"), ("/hom", "nfs4"), ("/home/bob", "nfs4")], True),
        ([("/", "ext4"), (r"/home/al\040ice", "nfs4")], False),
        ([], False),
    ):
        mounts.write_text("".join(line.format(*kind) for kind in kinds))
        assert Mounts(str(mounts)).is_local("/home/al ice/x") is expected


def test_known_name(tmp_path: Path) -> None:
    """A name from the path needs no file."""
    assert name_of(Container("lxc", "web", "web"), str(tmp_path)) == "web"
