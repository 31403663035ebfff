"""Cgroups by path, and the ID of a fake container."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ID = "0123456789abcdef" * 4
V1 = Path("/sys/fs/cgroup/memory")
# Cgroups as systemd and a container runtime make them, by the port of who is inside.
CRI_ID = "c0ffee" * 10 + "abcd"
POD = "3b7cda51-1f2b-4c5e-8a57-0d3c2f4bd8a2"
POD_SLICE = f"kubepods-burstable-pod{POD.replace('-', '_')}.slice"
PLACES = {
    80: ("system.slice", "nginx.service"),
    81: ("system.slice", "nginx-debug.service"),
    82: ("user.slice", "nginx.scope"),
    83: ("kubepods.slice", POD_SLICE, f"cri-containerd-{CRI_ID}.scope"),
    84: ("none",),
}


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
