"""The cgroup v2 hierarchy: where it is mounted, or a private mount of it."""

from __future__ import annotations

import ctypes
import os

# The same on all architectures: arch/*/entry/syscalls, v5.2.
SYS_FSOPEN, SYS_FSCONFIG, SYS_FSMOUNT = 430, 431, 432
FSCONFIG_CMD_CREATE = 6


def open_root() -> int:
    """Return a descriptor of the root of the cgroup v2 hierarchy.

    Raises OSError when this kernel has none.
    """
    path = mount_point()
    if path:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return _mount_privately()


def mount_point(mountinfo: str = "/proc/self/mountinfo") -> str:
    """Return where the hierarchy is mounted from its root, or an empty string."""
    with open(mountinfo, encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            # proc_pid_mountinfo(5): id, parent, device, root, mount point, ... - type
            mount, _, kind = line.partition(" - ")
            _, _, _, root, path, *_ = mount.split()
            if kind.startswith("cgroup2 ") and root == "/":
                return path.encode().decode("unicode_escape")
    return ""


def _mount_privately() -> int:
    """Mount the hierarchy where no path leads: the descriptor is all there is of it."""
    libc = ctypes.CDLL(None, use_errno=True)
    context = _check(libc.syscall(SYS_FSOPEN, b"cgroup2", 0))
    try:
        _check(libc.syscall(SYS_FSCONFIG, context, FSCONFIG_CMD_CREATE, None, None, 0))
        return _check(libc.syscall(SYS_FSMOUNT, context, 0, 0))
    finally:
        os.close(context)


def _check(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
