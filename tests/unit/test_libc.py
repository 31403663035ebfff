"""Files below another root directory: links lead where they lead there."""

from __future__ import annotations

import os
import resource
import stat
from typing import TYPE_CHECKING

import pytest

from tcpconnect.kernel import libc
from tests.support.descriptors import left_open

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def find(tmp_path: Path) -> Iterator[Callable[[str], str | None]]:
    """A root directory with links, and a function that resolves a path."""
    outside, root = tmp_path / "secret", tmp_path / "root"
    (root / "usr/lib").mkdir(parents=True)
    for path in (outside, root / "usr/lib/libc.so.6", root / "top"):
        path.write_text(path.name)
    for name, target in {
        "lib": "usr/lib",
        "absolute": "/usr/lib/libc.so.6",
        "usr/up": "../top",
        "far-up": "../../../../../../top",
        "out": "../secret",
        "absolute-out": str(outside),
        "loop": "loop",
        "dangling": "nothing",
    }.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "pipe")
    fd = os.open(root, os.O_PATH)

    def read(path: str) -> str | None:
        found = libc._open_in(fd, path)  # noqa: SLF001 (what is tested)
        if found < 0:
            return None
        with open(found, encoding="ascii") as file:
            return file.read()

    yield read
    os.close(fd)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("usr/lib/libc.so.6", "libc.so.6"),
        ("lib/libc.so.6", "libc.so.6"),
        ("absolute", "libc.so.6"),
        ("usr/up", "top"),
        ("far-up", "top"),
        ("../../top", "top"),
        ("./usr//lib/../../top", "top"),
        ("out", None),
        ("absolute-out", None),
        ("loop", None),
        ("dangling", None),
        ("nothing", None),
        ("pipe", None),
        ("usr", None),
        ("top/below", None),
    ],
)
def test_path(find: Callable[[str], str | None], path: str, found: str | None) -> None:
    """Never out of that root directory, whatever the links say."""
    assert find(path) == found
    assert left_open(lambda: find(path)) == 0


def test_many_links_take_few_descriptors(tmp_path: Path) -> None:
    """A path may go up and down, and lead on, until it is too long."""
    (tmp_path / "a").mkdir()
    (tmp_path / "libc.so.6").write_text("")
    (tmp_path / "0").symlink_to("a/../" * 400 + "libc.so.6")
    for i in range(1, 39):
        (tmp_path / f"{i}").symlink_to("a/../" * 400 + f"{i - 1}")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    root = os.open(tmp_path, os.O_PATH)
    try:
        most = max(map(int, os.listdir("/proc/self/fd"))) + 20
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, limits[1]))
        found = [libc._open_in(root, name) for name in ("0", "38")]  # noqa: SLF001
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        os.close(root)
    assert found[0] >= 0
    assert found[1] == -1
    os.close(found[0])


def test_deep_directories_take_few_descriptors(tmp_path: Path) -> None:
    """Nothing is found further down than any library is."""
    path = tmp_path / ("d/" * 200)
    path.mkdir(parents=True)
    (path / "libc.so.6").write_text("")
    root = os.open(tmp_path, os.O_PATH)
    try:
        assert libc._open_in(root, "d/" * 200 + "libc.so.6") == -1  # noqa: SLF001
    finally:
        os.close(root)


@pytest.mark.parametrize(
    "kind",
    [stat.S_IFIFO, stat.S_IFSOCK, pytest.param(stat.S_IFCHR, marks=pytest.mark.root)],
)
def test_no_regular_file(tmp_path: Path, kind: int) -> None:
    """What could block, or become our terminal, is not opened."""
    path = tmp_path / "libc.so.6"
    os.mknod(path, kind | 0o600, os.makedev(5, 0))
    place = os.open(path, os.O_PATH)
    try:
        with pytest.raises(OSError, match="Invalid argument"):
            libc._open_regular(place)  # noqa: SLF001 (what is tested)
    finally:
        os.close(place)
