"""Cgroups by path, and the ID of a fake container."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ID = "0123456789abcdef" * 4
V1 = Path("/sys/fs/cgroup/memory")


@contextmanager
def cgroup(path: Path) -> Iterator[Path]:
    """Make a cgroup, and those above it that are not there; remove them all."""
    missing = [p for p in (path, *path.parents) if not p.exists()]
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        for directory in missing:
            directory.rmdir()
