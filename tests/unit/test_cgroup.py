"""What cgroups there are, however users have made them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tcpconnect.machine import cgroup
from tcpconnect.machine.cgroup import MAX_LEVELS

if TYPE_CHECKING:
    from pathlib import Path

DEPTH = 1500  # more than Python's limit of recursion


def test_directories(tmp_path: Path) -> None:
    """All that lie below the root; links are none."""
    for path in ("a/b", "a/c", "d"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "a/file").touch()
    (tmp_path / "a/link").symlink_to(tmp_path)
    assert sorted(cgroup.directories(str(tmp_path))) == ["/a", "/a/b", "/a/c", "/d"]


def test_deep_directories(tmp_path: Path) -> None:
    """A user may make cgroups as deep as paths can be long: no filter takes those."""
    place = os.open(tmp_path, os.O_PATH)
    for _ in range(DEPTH):
        os.mkdir("a", dir_fd=place)
        place = _go("a", place)
    try:
        assert len(list(cgroup.directories(str(tmp_path)))) == MAX_LEVELS - 1
    finally:  # not every rmtree() can
        for _ in range(DEPTH):
            place = _go("..", place)
            os.rmdir("a", dir_fd=place)
        os.close(place)


def _go(name: str, place: int) -> int:
    there = os.open(name, os.O_PATH, dir_fd=place)
    os.close(place)
    return there
