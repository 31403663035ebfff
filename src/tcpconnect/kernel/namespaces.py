"""Network namespaces of this machine: found by their inode numbers, and opened."""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from tcpconnect import messages
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

    Raises UsageError if it does not exist.
    """
    return _open_path(which) if isinstance(which, str) else _open_inode(which)


def _open_path(path: str) -> int:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise UsageError(messages.NO_NETNS_AT, path=path, reason=reason) from error
    try:
        fd = _netns(place)
    finally:
        os.close(place)
    if fd >= 0:
        return fd
    raise UsageError(messages.NOT_A_NETNS, path=path)


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
        with suppress(OSError):  # it has ended, or belongs to another user
            fd = os.open(path, FLAGS)
            if os.fstat(fd).st_ino == inode:
                return fd
            os.close(fd)
    reason, remedy = "no process or mount refers to it", "lsns -t net lists them"
    if lacking := capabilities.lacking("CAP_SYS_PTRACE"):
        reason, remedy = capabilities.missing(lacking)
    message = messages.NO_NETNS_INODE
    raise UsageError(message, inode=inode, reason=reason, remedy=remedy)


def _holders(inode: int) -> Iterator[str]:
    """Yield its mounts, as of ip-netns(8), then the namespace of each process."""
    yield from map(os.fsdecode, cgroup.mounts(b"nsfs", root=b"net:[%d]" % inode))
    for pid in pids():
        yield f"/proc/{pid}/ns/net"
