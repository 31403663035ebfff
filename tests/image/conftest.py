"""The image, loaded into a podman of its own, and a node of Kubernetes around it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcpconnect.machine.cgroup import mount_point
from tests.support.kustomize import build
from tests.support.network import NetNs, inside
from tests.support.places import CRI_ID, POD
from tests.support.pods import Podman, options
from tests.support.system import sh
from tests.support.waiting import TIMEOUT_S
from vmtest.debian import Apt, host_mirror

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    Run = Callable[..., subprocess.Popen[str]]

TOP = Path(__file__).parents[2]
CACHE = TOP / ".cache/image"
# Of Debian 13: that of Debian 12 does not know CAP_BPF.
PROFILE = "golang-github-containers-common"
SUITE = "trixie"
LINK = f"web-7d4b9c6f5-x2x4z_prod_nginx-{CRI_ID}.log"


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Podman:
    """Podman with the image, as ``tcpconnect``."""
    found = sorted((TOP / "dist").glob("*.oci.tar"), key=os.path.getmtime)
    assert found, "no image: make image"
    made = Podman(tmp_path_factory.mktemp("podman"))
    loaded = made("load", "--quiet", "--input", str(found[-1]))
    made("tag", loaded.partition(": ")[2], "tcpconnect")
    return made


@pytest.fixture(scope="session")
def seccomp() -> Path:
    """The profile that podman and cri-o have as RuntimeDefault."""
    folder = CACHE / "profile"
    profile = folder / "usr/share/containers/seccomp.json"
    if not profile.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["dpkg", "--print-architecture"]
        arch = subprocess.run(command, check=True, capture_output=True, text=True)
        apt = Apt(CACHE / "apt", host_mirror(), SUITE, arch.stdout.strip())
        for package in apt.download([PROFILE], folder):
            subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
    return profile


@pytest.fixture
def netns() -> Iterator[None]:
    """A network namespace of its own, which the test (and its children) runs in."""
    space = NetNs()
    try:
        with inside(space):
            yield
    finally:
        space.remove()


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """Where this machine has the paths of a node, with a container's links."""
    node = {
        "/var/lib/tcpconnect-kubernetes": tmp_path / "state",
        "/var/log/containers": tmp_path / "containers",
    }
    for folder in node.values():
        folder.mkdir()
    (node["/var/log/containers"] / LINK).symlink_to(f"/var/log/pods/prod_web_{POD}/0")
    if os.path.ismount("/sys/kernel/tracing"):
        yield node
        return
    node["/sys/kernel/tracing"] = tmp_path / "tracing"
    node["/sys/kernel/tracing"].mkdir()
    sh(f"mount -t tracefs none {tmp_path}/tracing")
    yield node
    sh(f"umount {tmp_path}/tracing")


@pytest.fixture
def run(podman: Podman, seccomp: Path, paths: dict[str, Path]) -> Iterator[Run]:
    """What starts the container of a folder's pods, with other arguments if given.

    A pod can be without some of its privileges.
    """
    started: list[subprocess.Popen[str]] = []

    def start(
        folder: Path,
        *args: str,
        python: str = "",
        without: Collection[str] = (),
    ) -> subprocess.Popen[str]:
        (daemons,) = (each for each in build(folder) if each["kind"] == "DaemonSet")
        pod = daemons["spec"]["template"]["spec"]
        given = options(pod, {**here(), **paths}, seccomp)
        assert all(any(each.endswith(end) for each in given) for end in without)
        given = [each for each in given if not each.endswith(tuple(without))]
        if python:
            given.append(f"--entrypoint={json.dumps(['/usr/bin/python3', '-c'])}")
            args = (python,)
        words = args or pod["containers"][0]["args"]
        process = subprocess.Popen(
            [*podman.command, "run", "--rm", *given, "tcpconnect", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:  # the test has failed
            process.terminate()
            process.communicate(timeout=TIMEOUT_S)


def here() -> dict[str, str]:
    """Return where this machine has cgroup v2: not where systemd mounts it, maybe."""
    return {"/sys/fs/cgroup": os.fsdecode(mount_point())}
