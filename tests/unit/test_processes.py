"""Who descends from whom, and who called sudo."""

from __future__ import annotations

import os

import pytest

from tcpconnect.bpf.cgroup import mount_point, v1_mount_points
from tcpconnect.command import User, invoking_user
from tcpconnect.errors import UsageError
from tcpconnect.processes import descendants

#     1
#    / \
#   2   5
#  / \
# 3   4
TREE = {1: 0, 2: 1, 3: 2, 4: 2, 5: 1}


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
    """Each process is looked at once: this ends before anybody notices."""
    many = range(1, 200_001)
    parents = {pid: pid - 1 for pid in many}
    assert descendants(parents, set(many)) == set()
    assert descendants(parents, {1}) == set(many[1:])


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
