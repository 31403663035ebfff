"""Names of containers from the files of their runtimes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tcpconnect.enrich.container import Container
from tcpconnect.enrich.container_names import name_of
from tcpconnect.enrich.runc import State, states

if TYPE_CHECKING:
    from pathlib import Path

A, B = "0123456789abcdef" * 4, "fedcba9876543210" * 4
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
    "podman of a user": (
        f"home/alice/.local/share/{STORAGE}/containers.json",
        [{"id": A, "names": ["web"]}],
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


def write(root: Path, path: str, content: str) -> None:
    """Write a file below ``root``."""
    file = root / path
    file.parent.mkdir(parents=True)
    file.write_text(content, errors="surrogateescape")


@pytest.mark.parametrize("kind", FILES)
def test_name(tmp_path: Path, kind: str) -> None:
    """The name that the runtime's own file has for the ID."""
    runtime = kind.partition(" ")[0].rstrip(",")
    path, content = FILES[kind]
    write(tmp_path, path, json.dumps(content))
    assert name_of(Container(runtime, A, None), str(tmp_path)) == "web"
    assert name_of(Container(runtime, "0" * 64, None), str(tmp_path)) is None


NO_UTF8 = '{"Name": "\udcff", "names": ["\udcff"], "annotations": {"\udcff": "web"}}'
DAMAGED = ["", "{", "[]", "{}", '{"Name": 1}', "null", "\0", NO_UTF8, f"[{NO_UTF8}]"]


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


def test_known_name(tmp_path: Path) -> None:
    """A name from the path needs no file."""
    assert name_of(Container("lxc", "web", "web"), str(tmp_path)) == "web"


RUNC_STATE = "run/runc/web/state.json"
CGROUPS = {"": "/sys/fs/cgroup/web", "pids": "/sys/fs/cgroup/pids/web"}


def test_states_of_runc(tmp_path: Path) -> None:
    """The name that the user gave, and the cgroups of both versions."""
    state = {"id": "web", "init_process_pid": 1, "cgroup_paths": CGROUPS}
    write(tmp_path, RUNC_STATE, json.dumps(state))
    assert list(states(str(tmp_path))) == [State("web", CGROUPS)]


@pytest.mark.parametrize("content", [*DAMAGED, '{"id": "x", "cgroup_paths": [1]}'])
def test_damaged_state_of_runc(tmp_path: Path, content: str) -> None:
    """A file that can't be understood is no container, and no error."""
    write(tmp_path, RUNC_STATE, content)
    assert list(states(str(tmp_path))) == []
