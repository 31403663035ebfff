"""Files below another root directory: links lead where they lead there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tcpconnect.bpf import libc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


MACHINE = libc.ELF_MACHINES[libc.MACHINE]


def elf(size: int, machine: int) -> bytes:
    """Return how an ELF file of a class and a machine begins."""
    return b"\x7fELF" + bytes([size]) + bytes(13) + machine.to_bytes(2, "little")


@pytest.fixture
def find(tmp_path: Path) -> Iterator[Callable[[str], str | None]]:
    """A root directory with links, and a function that tells what a path leads to."""
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
    before = len(os.listdir("/proc/self/fd"))
    assert find(path) == found
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("start", "foreign"),
    [
        (elf(2, MACHINE), False),
        (elf(1, 3), True),
        (elf(1, MACHINE), True),
        (elf(2, 21), True),
        (elf(2, MACHINE)[:19], False),
        (b"", False),
        (b"#!/bin/sh\n# that is no library", False),
    ],
)
def test_other_kinds_of_programs(start: bytes, foreign: bool) -> None:  # noqa: FBT001
    """Libraries for 32 bits or another processor; what is none fails later."""
    assert libc._is_foreign(start) == foreign  # noqa: SLF001 (what is tested)
