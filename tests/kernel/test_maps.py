"""--cgroupmap and --mntnsmap: pinned maps of others, changed while tracing."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import Child, attempt
from tests.support.idmaps import id_map
from tests.support.processes import unified
from tests.support.system import CLONE_NEWNS, libc
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")

KINDS = ["cgroup", "mntns"]


@contextmanager
def in_cgroup(child: Child) -> Iterator[int]:
    """Move a child into a cgroup of its own; yield its ID."""
    procs = f"{child.pid}\n"
    home = unified()
    cgroup = home / f"tcpconnect-test-{child.pid}"
    cgroup.mkdir()
    try:
        (cgroup / "cgroup.procs").write_text(procs)
        yield cgroup.stat().st_ino
    finally:
        (home / "cgroup.procs").write_text(procs)
        cgroup.rmdir()


@contextmanager
def in_mntns(child: Child) -> Iterator[int]:
    """Yield the inode of the mount namespace that a child is in."""
    yield os.stat(f"/proc/{child.pid}/ns/mnt").st_ino


def unshare() -> None:
    """Give this process a mount namespace of its own."""
    assert libc.unshare(CLONE_NEWNS) == 0


class Places:
    """Children: ``inside`` is in a cgroup or mount namespace of its own."""

    def __init__(self, kind: str) -> None:
        self.port = 0
        self.inside = Child(self._attempt, unshare if kind == "mntns" else None)
        self.outside = Child(self._attempt)
        self.number = in_cgroup if kind == "cgroup" else in_mntns

    def _attempt(self) -> None:
        self.port += 1
        attempt("127.0.0.1", self.port)

    @property
    def pids(self) -> str:
        """Both, as -p takes them: other processes make attempts, too."""
        return f"{self.inside.pid},{self.outside.pid}"


@contextmanager
def places(kind: str) -> Iterator[tuple[Places, int]]:
    """Yield the children and the number of the place that one of them is in."""
    both = Places(kind)
    with both.inside, both.outside, both.number(both.inside) as number:
        yield both, number


def shown(tool: Tool) -> list[tuple[int, int]]:
    """Stop; return the processes and ports of all events."""
    assert tool.stop() == 0
    return [(event["pid"], event["dport"]) for event in tool.all_events()]


@pytest.mark.parametrize("flags", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_entries_come_and_go(bpffs: Path, kind: str, flags: int) -> None:
    """What is in the map at the time of a connect decides, with flags or without."""
    wanted = id_map(bpffs, kind, flags)
    with (
        places(kind) as (both, number),
        Tool("-j", "-p", both.pids, *wanted.option) as tool,
    ):
        for change in (None, wanted.add, wanted.remove, wanted.add):
            if change:
                change(number)
            both.inside.run()
            both.outside.run()
        pid = both.inside.pid
        assert shown(tool) == [(pid, 2), (pid, 4)]


@pytest.mark.parametrize("kind", KINDS)
def test_entries_before_start(bpffs: Path, kind: str) -> None:
    """Entries made before the tool started count as well."""
    wanted = id_map(bpffs, kind)
    with places(kind) as (both, number):
        wanted.add(number)
        with Tool("-jr", "-p", both.pids, *wanted.option) as tool:
            both.inside.run()
            both.outside.run()
            assert shown(tool) == [(both.inside.pid, 1)]


def test_both_maps(bpffs: Path) -> None:
    """With both, a process must be in one of the cgroups and of the namespaces."""
    cgroups, mntnses = id_map(bpffs, "cgroup"), id_map(bpffs, "mntns")

    def work() -> None:
        attempt("127.0.0.1", 80)

    with (
        Child(work, unshare) as in_both,
        Child(work, unshare) as in_namespace,
        Child(work) as in_group,
        in_cgroup(in_both) as first,
        in_cgroup(in_group) as second,
    ):
        children = (in_both, in_namespace, in_group)
        for cgroup in (first, second):
            cgroups.add(cgroup)
        for child in (in_both, in_namespace):
            mntnses.add(os.stat(f"/proc/{child.pid}/ns/mnt").st_ino)
        pids = ",".join(str(child.pid) for child in children)
        with Tool("-j", "-p", pids, *cgroups.option, *mntnses.option) as tool:
            for child in children:
                child.run()
            assert shown(tool) == [(in_both.pid, 80)]


def test_map_outlives_the_tool(bpffs: Path) -> None:
    """The map of others is as it was, and still pinned, when the tool has ended."""
    wanted = id_map(bpffs, "cgroup")
    with Tool("-p", os.getpid(), *wanted.option) as tool:
        assert tool.stop() == 0
    wanted.add(7)
    wanted.remove(7)


@pytest.mark.parametrize("kind", KINDS)
def test_map_that_is_deleted(bpffs: Path, kind: str) -> None:
    """A map whose name is deleted while it is in use continues to filter."""
    wanted = id_map(bpffs, kind)
    with places(kind) as (both, number):
        wanted.add(number)
        with Tool("-j", "-p", both.pids, *wanted.option) as tool:
            wanted.path.unlink()
            both.inside.run()
            both.outside.run()
            assert shown(tool) == [(both.inside.pid, 1)]


def test_place_that_is_deleted() -> None:
    """So does a cgroup that is removed while it is a filter."""
    with places("cgroup") as (both, _):
        path = f"tcpconnect-test-{both.inside.pid}"
        tool = Tool("-j", "-p", both.pids, "--cgroup", path)
        with tool:
            both.inside.run()
            assert tool.events(1)[0]["pid"] == both.inside.pid
            procs = unified() / "cgroup.procs"
            procs.write_text(f"{both.inside.pid}\n")
            (unified() / path).rmdir()
            both.inside.run()
            assert shown(tool) == [(both.inside.pid, 1)]
            (unified() / path).mkdir()  # for its maker to remove
