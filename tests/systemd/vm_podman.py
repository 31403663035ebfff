"""Containers of podman: who it was, and filters by their names and IDs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.tracing import CONNECTING, PORT, event, sh, tracing

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "tcpc-web"
WORK = f"while :; do busybox nc 127.0.0.1 {PORT}; busybox sleep 1; done"
COLUMNS = "container,container_id,runtime,unit,cgroup,exe"

# The root of these machines is an initial one, from which pivot_root(2) is impossible.
SETTINGS = "[engine]\nno_pivot_root = true\n"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with busybox in it."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "bin").mkdir()
    shutil.copy(shutil.which("busybox") or "", folder / "bin/busybox")
    (folder / "bin/sh").symlink_to("busybox")
    sh("tar", "-C", str(folder), "-cf", f"{folder}.tar", ".")
    Path("/etc/containers").mkdir(exist_ok=True)
    Path("/etc/containers/containers.conf").write_text(SETTINGS)
    sh("podman", "import", "--quiet", f"{folder}.tar", "tcpc")
    return "tcpc"


def start(image: str, name: str) -> str:
    """Start a container that connects every second; return its ID."""
    options = ["--detach", "--network=host", f"--name={name}"]
    return sh("podman", "run", *options, image, "/bin/sh", "-c", WORK).strip()


@pytest.fixture
def container(image: str) -> Iterator[str]:
    """A container; its ID."""
    yield start(image, NAME)
    sh("podman", "rm", "--force", "--time=0", NAME)


def test_container(container: str) -> None:
    """All columns are filled, with the name in podman's files."""
    options = ["-j", "-P", str(PORT), "--columns", COLUMNS]
    with tracing("tcpconnect", *options) as tool:
        found = event(tool)
    assert found.pop("cgroup").startswith(f"/machine.slice/libpod-{container}.scope")
    assert found == {
        "container": NAME,
        "container_id": container,
        "runtime": "podman",
        "unit": f"libpod-{container}.scope",
        "exe": "/bin/busybox",
    }


@pytest.mark.parametrize("by", ["name", "ID", "short ID"])
def test_filter(container: str, by: str) -> None:
    """A container is chosen by its name or ID; others are not shown."""
    given = {"name": NAME, "ID": container, "short ID": container[:12]}[by]
    options = ["-j", "-P", str(PORT), "--columns", "container_id"]
    with tracing("tcpconnect", *options, "--container", given) as tool:
        sh(*CONNECTING)
        assert [event(tool), event(tool)] == [{"container_id": container}] * 2


def test_wrong_name(container: str) -> None:
    """A name that is almost right gets an error with the right one."""
    assert container
    command = ["tcpconnect", "--container", f"{NAME}x"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"tcpconnect: no container '{NAME}x'; did you mean {NAME}?\n"
    )


def test_container_that_comes_later(image: str, container: str) -> None:
    """Its name is read from podman's files when it connects first."""
    options = ["-j", "-P", str(PORT), "--columns", "container,container_id"]
    with tracing("tcpconnect", *options) as tool:
        later = start(image, "tcpc-later")
        found = event(tool)
        while found["container_id"] == container:
            found = event(tool)
    sh("podman", "rm", "--force", "--time=0", "tcpc-later")
    assert found == {"container": "tcpc-later", "container_id": later}
