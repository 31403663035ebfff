"""Network namespaces of this machine: found by their inode numbers, and opened."""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from tcpconnect.errors import UsageError
from tcpconnect.machine import capabilities, cgroup
from tcpconnect.machine.processes import pids

if TYPE_CHECKING:
    from collections.abc import Iterator

NS_GET_NSTYPE = 0xB703  # include/uapi/linux/nsfs.h
CLONE_NEWNET = 0x40000000
FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def open_netns(which: int | str) -> int:
    """Return a descriptor of a network namespace, by its inode number or a path.

    Raises UsageError when it is not there.
    """
    return _open_path(which) if isinstance(which, str) else _open_inode(which)


def _open_path(path: str) -> int:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise UsageError(f"no network namespace {path!r}", reason) from error
    try:
        fd = _netns(place)
    finally:
        os.close(place)
    if fd >= 0:
        return fd
    raise UsageError(f"no network namespace {path!r}", "it is something else")


def _netns(place: int) -> int:
    """Open the network namespace that O_PATH has found; -1 where it is none.

    What is no file is not opened: devices act on that.
    """
    if not stat.S_ISREG(os.fstat(place).st_mode):
        return -1
    try:
        fd = os.open(f"/proc/self/fd/{place}", FLAGS)
    except OSError:
        return -1
    with suppress(OSError):
        if fcntl.ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET:
            return fd
    os.close(fd)
    return -1


def _open_inode(inode: int) -> int:
    for path in _holders(inode):
        with suppress(OSError):  # it has ended, or is another user's
            fd = os.open(path, FLAGS)
            if os.fstat(fd).st_ino == inode:
                return fd
            os.close(fd)
    reason, remedy = "no process is in it, nor is it mounted", "lsns -t net lists them"
    if lacking := capabilities.lacking("CAP_SYS_PTRACE"):
        reason, remedy = capabilities.missing(lacking)
    raise UsageError(f"no network namespace {inode}", reason, remedy)


def _holders(inode: int) -> Iterator[str]:
    """Yield where it is mounted, as ip-netns(8) does, then what each process has."""
    yield from map(os.fsdecode, cgroup.mounts(b"nsfs", root=b"net:[%d]" % inode))
    for pid in pids():
        yield f"/proc/{pid}/ns/net"
