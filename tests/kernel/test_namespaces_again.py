"""Filters by namespace: a stranger that gets the number of one that is gone."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tcpconnect import trace
from tcpconnect.errors import UsageError
from tests.support.attempts import Child, attempt, run_tool
from tests.support.network import NetNs
from tests.support.places import ID, V1, cgroup
from tests.support.strangers import HELD, Stranger, numbers_below
from tests.support.system import CLONE_NEWNET, CLONE_NEWNS, libc
from tests.support.tool import Tool
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("netns")


def unshare_mounts() -> None:
    """Give this process a mount namespace of its own."""
    assert libc.unshare(CLONE_NEWNS) == 0


@pytest.mark.parametrize("how", ["name", "inode", "pid"])
def test_network_namespace(how: str) -> None:
    """It is traced; another one that gets its number when it is gone is not."""
    with numbers_below():
        space = NetNs()
    inode = space.inode
    with ExitStack() as stack:
        with Child(partial(attempt, "127.0.0.1", 1), space.enter) as child:
            value = {"name": space.name, "inode": inode, "pid": child.pid}[how]
            tool = stack.enter_context(Tool("-j", "--netns", value))
            child.run()
        assert [e["dport"] for e in tool.events(1)] == [1]
        space.remove()
        stranger = Stranger("net", CLONE_NEWNET, inode)
        with Child(partial(attempt, "127.0.0.1", 2), stranger.enter) as child:
            child.run()
        assert tool.stop() == 0
        assert [e["dport"] for e in tool.all_events()] == [1]


def test_network_namespace_is_not_held() -> None:
    """It goes, with its interfaces, when all others let it go; before 5.12 it stays."""
    space, other = NetNs(), NetNs()
    space.ip("link add tcpc-held type veth peer name tcpc-end netns " + other.name)
    names = partial(_interfaces, other)
    try:
        with Tool("-j", "--netns", space.name) as tool:
            space.remove()
            if HELD:
                assert "tcpc-end" in names()
            else:
                wait_until(lambda: "tcpc-end" not in names(), "the end of an interface")
            assert tool.stop() == 0
    finally:
        other.remove()


def _interfaces(space: NetNs) -> list[str]:
    names: list[str] = []
    with Child(lambda: None, space.enter) as child:
        lines = Path(f"/proc/{child.pid}/net/dev").read_text().splitlines()[2:]
        names += [line.partition(":")[0].strip() for line in lines]
    return names


def test_mount_namespace_of_a_container() -> None:
    """The same with containers of cgroup v1, identified by mount namespaces."""
    if not (V1 / "cgroup.procs").exists():
        pytest.skip("this machine has no cgroup v1")
    path = V1 / f"docker/{ID}"
    with ExitStack() as stack, cgroup(path):
        work = partial(attempt, "127.0.0.1", 1)
        with numbers_below():
            child = Child(work, unshare_mounts)
        with child:
            inode = os.stat(f"/proc/{child.pid}/ns/mnt").st_ino
            (path / "cgroup.procs").write_text(str(child.pid))
            tool = stack.enter_context(Tool("-j", "--container", ID[:12]))
            child.run()
            (V1 / "cgroup.procs").write_text(str(child.pid))
        stranger = Stranger("mnt", CLONE_NEWNS, inode)
        work = partial(attempt, "127.0.0.1", 2)
        with Child(work, stranger.enter) as child:
            child.run()
        assert tool.stop() == 0
        assert [event["dport"] for event in tool.all_events()] == [1]


def test_namespace_that_is_gone() -> None:
    """An inode that leads to no namespace is an error."""
    result = run_tool("--netns", 4_294_967_295)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "tcpconnect: no network namespace 4294967295: no process or mount refers to "
        "it; lsns -t net lists them\n"
    )


def test_api() -> None:
    """trace() takes paths, too, and refuses those that lead to something else."""
    space = NetNs()
    try:
        with (
            Child(partial(attempt, "127.0.0.1", 1), space.enter) as child,
            trace(netns=[space.path]) as events,
        ):
            child.run()
            attempt("127.0.0.1", 2)
            events.stop()
            assert [event.dport for event in events] == [1]
    finally:
        space.remove()
    for path, wrong in (
        (space.path, "no network namespace at '{}': No such file or directory"),
        ("/etc/passwd", "'{}' is not a network namespace"),
        ("/proc/self/ns/mnt", "'{}' is not a network namespace"),
    ):
        with pytest.raises(UsageError, match=wrong.format(path)):
            trace(netns=[path])
