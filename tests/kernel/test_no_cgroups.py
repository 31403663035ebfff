"""Without a mount of cgroup v2: options that need it say so, all else works."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import launch
from tests.support.attempts import attempt, run_tool
from tests.support.mounts import private_mounts, unmount_cgroups
from tests.support.tool import READY, Tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns", "_not_mounted")


@pytest.fixture
def _not_mounted() -> Iterator[None]:
    """Hide all hierarchies of cgroups."""
    with private_mounts():
        unmount_cgroups()
        yield


@pytest.fixture
def _not_to_be_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the right to mount one."""
    path = tmp_path / "tool"
    setpriv = "setpriv --bounding-set=-all,+bpf,+perfmon,+net_admin,+sys_resource"
    path.write_text(f'#!/bin/sh\nexec {setpriv} {launch.TOOL} "$@"\n')
    path.chmod(0o755)
    monkeypatch.setattr(launch, "TOOL", path)


def refused(*options: str) -> str:
    """Return the line with which wrong usage ends."""
    result = run_tool(*options)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line


def test_cgroup() -> None:
    """A filter by cgroup needs to find it."""
    assert refused("--cgroup", "system.slice") == (
        "tcpconnect: no cgroup 'system.slice': cgroup v2 is not mounted; "
        "mount it: mount -t cgroup2 none /sys/fs/cgroup"
    )


def test_container() -> None:
    """A filter by container finds containers by their processes."""
    line = refused("--container", "no-such-container")
    assert line.startswith("tcpconnect: no container 'no-such-container'")


def test_columns() -> None:
    """Columns from the kernel's cgroups need no mount."""
    columns = "pid,cgroup,container,unit"
    with Tool("-j", "-p", os.getpid(), "--columns", columns) as tool:
        attempt("127.0.0.1", 1)
        (event,) = tool.events(1)
        assert event["pid"] == os.getpid()
        assert event["cgroup"].startswith("/")
        assert tool.stop() == 0
        assert tool.stderr == READY


def test_check() -> None:
    """It is no reason not to trace, but said."""
    result = run_tool("--check")
    assert result.returncode == 0
    assert "ok    cgroup v2: not mounted; --cgroup does not work" in result.stdout


@pytest.mark.usefixtures("_not_to_be_mounted")
def test_dns() -> None:
    """Where none can be mounted for a moment, either, answers can't be seen."""
    result = run_tool("-d", "--names", "dns")
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("tcpconnect: can't open the cgroup v2 hierarchy: ")
