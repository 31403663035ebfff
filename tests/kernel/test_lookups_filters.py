"""Lookups that fail: the filters by process hold, those by address and port don't."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import PORT, Child, comm
from tests.support.idmaps import id_map
from tests.support.lookups import COLUMNS, LOOK_UP, failed, resolving, server
from tests.support.network import NetNs
from tests.support.resolvers import look_up
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.processes import Cgroup

pytestmark = pytest.mark.usefixtures("netns")

OURS, OTHER = "a" * 64, "b" * 64
# Of who asks a server, and who asks the C library. Other tests look up names, too.
NAMES = [f"{by}-{os.getpid()}.test" for by in ("dns", "libc")]


@contextmanager
def other_netns() -> Iterator[NetNs]:
    """Make another network namespace."""
    space = NetNs()
    try:
        yield space
    finally:
        space.remove()


def ask(before: Callable[[], object] = lambda: None) -> None:
    """Look up names that there are not, each in a program of its own."""
    by_dns, by_libc = NAMES
    with Child(lambda: look_up(by_dns), before) as child:
        child.run()
    code = f"open('/proc/self/comm', 'w').write('{comm()}')\n{LOOK_UP}"
    subprocess.run(
        [sys.executable, "-ISc", code, by_libc],
        check=False,
        stderr=subprocess.DEVNULL,
        preexec_fn=before,
    )


def check(
    option: str,
    values: tuple[object, object],
    before: Callable[[], object] = lambda: None,
) -> None:
    """One tool wants the lookups, another, with another value, does not."""
    wanted, other = (f"{option} {value}" for value in values)
    # Attempts of the whole machine, of which other tests make many, need no room.
    columns = ["-rdj", "--columns", COLUMNS, "-P", str(PORT)]
    if option.startswith("--not-"):  # else of the whole machine, which other tests use
        columns += ["-f", "-p", str(os.getpid())]
    with (
        Tool(*columns, *wanted.split()) as tool,
        Tool(*columns, *other.split()) as not_wanted,
    ):
        ask(before)
        events = [failed(name, "NXDOMAIN") for name in NAMES]
        for each in (tool, not_wanted):  # what is held for seconds comes at the stop
            assert each.stop() == 0
        seen = [event for event in tool.all_events() if event in events]
        assert sorted(seen, key=events.index) == events, tool.stderr
        assert not any(event in events for event in not_wanted.all_events())


@pytest.mark.parametrize("option", ["-p", "-u", "--comm", "--not-comm"])
def test_process(option: str, tmp_path: Path) -> None:
    """Filters by process, user and program."""
    values: dict[str, tuple[object, object]] = {
        "-p": (f"{os.getpid()} -f", os.getppid()),
        "-u": (os.getuid(), 12345),
        "--comm": (comm(), "another"),
        "--not-comm": ("another", comm()),
    }
    with resolving(tmp_path):
        check(option, values[option])


@pytest.mark.parametrize(
    "option", ["--cgroup", "--container", "--not-container", "--cgroupmap"]
)
def test_cgroup(
    option: str,
    cgroups: Callable[..., Cgroup],
    bpffs: Path,
    tmp_path: Path,
) -> None:
    """Filters by cgroup: a path, a container's ID, a map of IDs."""
    cgroup, other = (cgroups(f"libpod-{each}.scope") for each in (OURS, OTHER))
    full, empty = id_map(bpffs, "cgroup"), id_map(bpffs, "cgroup", name="empty")
    full.add(cgroup.folder.stat().st_ino)
    values: tuple[object, object] = {
        "--cgroup": (cgroup.path, other.path),
        "--container": (OURS, OTHER),
        "--not-container": (OTHER, OURS),
        "--cgroupmap": (full.path, empty.path),
    }[option]
    with resolving(tmp_path):
        check(option, values, cgroup.enter)


def test_mntnsmap(bpffs: Path, tmp_path: Path) -> None:
    """A map of mount namespaces."""
    full = id_map(bpffs, "mntns")
    empty = id_map(bpffs, "mntns", name="empty")
    with resolving(tmp_path):
        full.add(os.stat("/proc/thread-self/ns/mnt").st_ino)
        check("--mntnsmap", (full.path, empty.path))


def test_netns(netns: NetNs, tmp_path: Path) -> None:
    """A network namespace."""
    with resolving(tmp_path), other_netns() as other:
        check("--netns", (netns.inode, other.inode))


@pytest.mark.parametrize(
    "options",
    [
        "-P 443 --to 10.0.0.0/8 --from 10.0.0.0/8 -4",
        "--not-port 1-65535 --not-to 0.0.0.0/0 -6",
    ],
)
def test_destinations_do_not_matter(options: str) -> None:
    """Nobody knows where the program would have connected to: filters leave it."""
    options = f"-rdj -p {os.getpid()} --names dns --columns {COLUMNS} {options}"
    with server(), Tool(*options.split()) as tool:
        look_up(NAMES[0])
        assert tool.stop() == 0
        assert tool.all_events() == [failed(NAMES[0], "NXDOMAIN")]
