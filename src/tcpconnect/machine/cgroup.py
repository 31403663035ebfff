"""The cgroup v2 hierarchy: where it is mounted, or a private mount of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

# How deep a cgroup that is filtered by may be; so is config.levels in C.
MAX_LEVELS = 64
if TYPE_CHECKING:
    from collections.abc import Iterator

MOUNTINFO = "/proc/self/mountinfo"
ONLY_V2 = (
    "only cgroups of v2 can be filters: name its processes with -f -p PID, or boot "
    "with systemd.unified_cgroup_hierarchy=1"
)

ABOVE = b"/.."  # again and again; cgroup_namespaces(7): not below the namespace's
ROOT_INODE = 1  # of every hierarchy's root: fs/kernfs/dir.c, kernfs_create_root()
OCTAL = rb"\\([0-3][0-7]{2})"  # how mountinfo escapes a space, among others


def open_root() -> int:
    """Return a descriptor of the root of cgroup v2, the machine's where it is seen.

    Raises OSError if this kernel does not have it.
    """
    own, above = _roots(b"cgroup2")
    for path in above + own:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    from tcpconnect.machine.private_mount import mount_privately

    return mount_privately(b"cgroup2")


def mount_point(mountinfo: str = MOUNTINFO) -> bytes:
    """Return the mount point of the hierarchy's root, b"" if it is not mounted."""
    return next(iter(_tops(b"cgroup2", mountinfo)), b"")


def hierarchies() -> tuple[list[str], list[str]]:
    """Return the mount points of the roots of v2 and of v1."""
    return [os.fsdecode(path) for path in _tops(b"cgroup2")], v1_mount_points()


def v1_mount_points(mountinfo: str = MOUNTINFO) -> list[str]:
    """Return the mount points of the roots of cgroup v1's hierarchies."""
    return [os.fsdecode(path) for path in _tops(b"cgroup", mountinfo)]


def _tops(wanted: bytes, mountinfo: str = MOUNTINFO) -> list[bytes]:
    """Return where the root of our cgroup namespace is mounted, else the machine's."""
    own, above = _roots(wanted, mountinfo)
    return own or above


def _roots(
    wanted: bytes, mountinfo: str = MOUNTINFO
) -> tuple[list[bytes], list[bytes]]:
    """Return where roots are mounted: that of our cgroup namespace, and the machine's.

    In such a namespace its own root is ``/``, and the machine's, where a container has
    that too, is above: ``/../..``. Without one there is only the first.
    """
    found = list(_mounts(wanted, mountinfo))
    own = [path for top, path in found if top == b"/"]
    above = [
        path
        for top, path in found
        if top and not top.replace(ABOVE, b"") and _is_root(path)
    ]
    return own, above


def _is_root(path: bytes) -> bool:
    try:
        return os.stat(path).st_ino == ROOT_INODE
    except OSError:
        return False


def mounts(wanted: bytes, root: bytes) -> Iterator[bytes]:
    """Yield the mount points of file systems of this type, with this ``root``."""
    for top, path in _mounts(wanted, MOUNTINFO):
        if top == root:
            yield path


def _mounts(wanted: bytes, mountinfo: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield root and mount point of each file system of this type."""
    with open(mountinfo, "rb") as lines:
        for line in lines:
            # proc_pid_mountinfo(5): id, parent, device, root, mount point, ... - type
            mount, _, kind = line.partition(b" - ")
            fields = mount.split()
            if len(fields) < 5:  # not written by the kernel
                continue
            if kind.startswith(wanted + b" "):
                yield fields[3], _unescaped(fields[4])


def _unescaped(path: bytes) -> bytes:
    if b"\\" not in path:
        return path
    import re  # takes a millisecond, and hardly any path has something to unescape

    return re.sub(OCTAL, lambda code: bytes([int(code[1], 8)]), path)


def directories(mount: str) -> Iterator[str]:
    """Yield the paths of all cgroups below the root, from where they are mounted.

    None is deeper than a filter can be: users may make them as deep as a path can be
    long, and so many at each level.
    """
    left = [("", 0)]
    while left:
        parent, level = left.pop()
        try:
            with os.scandir(f"{mount}{parent}") as entries:
                names = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
        except OSError:  # it has just been removed, too
            continue
        below = [f"{parent}/{name}" for name in names]
        yield from below
        if level + 2 < MAX_LEVELS:
            left += [(path, level + 1) for path in below]


def has_legacy(membership: str = "/proc/self/cgroup") -> bool:
    """Return whether there are hierarchies of cgroup v1, alone or with v2."""
    with open(membership, encoding="utf-8", errors="surrogateescape") as lines:
        # cgroups(7): the hierarchy's number, 0 for v2, its controllers, the path.
        return any(not line.startswith("0:") for line in lines)
