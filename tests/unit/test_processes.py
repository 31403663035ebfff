"""Descendants of processes, and the user who called sudo."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import astuple

from tcpconnect.command import User, invoking_user
from tcpconnect.errors import UsageError
from tcpconnect.machine.cgroup import mount_point, v1_mount_points
from tcpconnect.machine.processes import (
    Process,
    descendants,
    in_group,
    read_process,
    unlisted,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

#     1
#    / \
#   2   5
#  / \
# 3   4
TREE = {1: 0, 2: 1, 3: 2, 4: 2, 5: 1}


def family(parents: dict[int, int]) -> dict[int, Process]:
    """Return processes by their PIDs and those of their parents."""
    return {pid: Process(pid, pid, ppid, 1, 0) for pid, ppid in parents.items()}


@pytest.mark.parametrize(
    ("ancestors", "expected"),
    [
        ({1}, {2, 3, 4, 5}),
        ({2}, {3, 4}),
        ({2, 5}, {3, 4}),
        ({1, 2}, {3, 4, 5}),
        ({4}, set()),
        (set(), set()),
        ({9}, set()),
    ],
)
def test_descendants(ancestors: set[int], expected: set[int]) -> None:
    """Children, their children and so on; those we began with are not among them."""
    assert descendants(TREE, ancestors) == expected


def test_circle() -> None:
    """Numbers that were given anew while we looked may make a circle."""
    assert descendants({1: 2, 2: 1}, {1}) == {2}


def test_many_ancestors() -> None:
    """Each process is examined once: this takes no noticeable time."""
    many = range(1, 200_001)
    parents = {pid: pid - 1 for pid in many}
    assert descendants(parents, set(many)) == set()
    assert descendants(parents, {1}) == set(many[1:])


ME = os.getpid()


@pytest.fixture
def hostile_name() -> Iterator[None]:
    """The name of this process looks like what follows a name in /proc/PID/stat."""
    comm = Path("/proc/self/comm")
    before = comm.read_text().strip()
    comm.write_text("x) Z 1 2 3 (")
    yield
    comm.write_text(before)


@pytest.mark.usefixtures("hostile_name")
def test_read_process() -> None:
    """It is what the system calls say, whatever its name."""
    threads, process, after = 0, None, 1
    while threads != after:  # those that tests before have left may end
        threads = len(os.listdir("/proc/self/task"))
        process = read_process(ME)
        after = len(os.listdir("/proc/self/task"))
    assert process
    assert astuple(process)[:4] == (ME, ME, os.getppid(), threads)
    booted_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert 0 < process.start_ns < booted_ns
    again = read_process(ME)
    assert again
    assert process.start_ns == again.start_ns


def test_read_none() -> None:
    """A process that does not exist is None."""
    assert read_process(4_194_304) is None


@pytest.mark.parametrize(
    ("number", "listed", "expected"),
    [
        (ME, family({2: 0}), {ME}),
        (ME, family({2: 0, ME: 2}), set()),
        (4_194_304, family({2: 0}), set()),
        # Of a PID namespace: its process 1 is another one on the machine.
        (ME, {5000: Process(1, 5000, 4999, 1, 0)}, set()),
    ],
    ids=["unlisted", "listed", "neither", "namespace"],
)
def test_unlisted(number: int, listed: dict[int, Process], expected: set[int]) -> None:
    """What /proc has and the list has not, where PIDs are the machine's."""
    assert unlisted([number], listed) == expected


def test_thread_is_not_unlisted() -> None:
    """The number of a thread is not that of a process, although /proc finds it."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert thread.native_id
        assert unlisted([thread.native_id], family({2: 0})) == set()
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"SUDO_UID": "0", "SUDO_GID": "0", "SUDO_USER": "root"}, None),
        (
            {"SUDO_UID": "1000", "SUDO_GID": "100", "SUDO_USER": "alice"},
            User(1000, 100, "alice"),
        ),
        ({"SUDO_UID": "1000", "SUDO_GID": "100"}, User(1000, 100, "")),
    ],
)
def test_invoking_user(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: User | None
) -> None:
    """Who called sudo, if that was not root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "environ", variables)
    assert invoking_user() == expected


@pytest.mark.parametrize("uid", ["", "-1", "root", "1000 ", "٣", str(1 << 32)])
def test_damaged_variables(monkeypatch: pytest.MonkeyPatch, uid: str) -> None:
    """Rather than running the command as root, the tool refuses."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "environ", {"SUDO_UID": uid, "SUDO_GID": "100"})
    with pytest.raises(UsageError):
        invoking_user()


def test_not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root, the variables of sudo mean nothing."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "environ", {"SUDO_UID": "1001", "SUDO_GID": "100"})
    assert invoking_user() is None


MOUNTS = """\
24 1 0:22 / /sys/fs/cgroup rw shared:5 - tmpfs tmpfs rw
25 24 0:23 / /sys/fs/cgroup/memory rw shared:6 - cgroup cgroup rw,memory
26 24 0:24 /docker /mnt/part rw - cgroup2 cgroup2 rw
27 24 0:24 / /sys/fs/cgroup/uni\\040fied rw - cgroup2 cgroup2 rw
28 24 0:25 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
"""


def test_mount_points(tmp_path: object) -> None:
    """Hierarchies are found where their roots are mounted."""
    path = f"{tmp_path}/mountinfo"
    with open(path, "w", encoding="ascii") as file:
        file.write(MOUNTS)
    assert mount_point(path) == b"/sys/fs/cgroup/uni fied"
    assert v1_mount_points(path) == ["/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids"]


def test_group_without_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked for in a signal handler, where nothing may be raised."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert os.getpid() in in_group(os.getpgrp())
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        assert in_group(os.getpgrp()) == {}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    monkeypatch.setattr(os, "listdir", lambda _: [str(os.getpid()), "self"])
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        assert in_group(os.getpgrp()) == {}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_group_among_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of other processes, of which there may be 30,000, no file is read."""
    read: list[int] = []

    def stat(pid: int) -> list[bytes]:
        read.append(pid)
        return [b"S", b"1", b"%d" % pid]

    monkeypatch.setattr("tcpconnect.machine.processes._stat", stat)
    cat = subprocess.Popen("cat", stdin=subprocess.PIPE, start_new_session=True)
    assert in_group(cat.pid) == {cat.pid: 1}
    cat.communicate()
    assert read == [cat.pid]
