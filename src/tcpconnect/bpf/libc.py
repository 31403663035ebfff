"""The C libraries of this machine and of its containers, as open files."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINKS = 40  # on a path, as in the kernel
NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)

# Where distributions have glibc and musl, below the root of a process.
MACHINE = os.uname().machine
PATHS = (
    f"lib/{MACHINE}-linux-gnu/libc.so.6",
    f"usr/lib/{MACHINE}-linux-gnu/libc.so.6",
    "lib64/libc.so.6",
    "usr/lib64/libc.so.6",
    "lib/libc.so.6",
    "usr/lib/libc.so.6",
    f"lib/ld-musl-{MACHINE}.so.1",
    f"usr/lib/ld-musl-{MACHINE}.so.1",
)


class Library(NamedTuple):
    """A C library: an open descriptor, and what tells it from others."""

    fd: int
    device: int
    inode: int


def roots() -> list[int]:
    """Return a process of every root directory that processes have now.

    Of other users' processes only CAP_SYS_PTRACE lets us see it.
    """
    seen: dict[tuple[int, int], int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):  # not ours, or it has ended
                root = os.stat(f"/proc/{name}/root")
                seen.setdefault((root.st_dev, root.st_ino), int(name))
    return list(seen.values())


def libraries(pid: int) -> Iterator[Library]:
    """Yield the C libraries below the root directory of a process.

    The caller closes their descriptors. Links are followed as that process would follow
    them, never out of its root. Nothing is yielded for a process that has ended.

    Raises OSError when there are no descriptors left.
    """
    try:
        root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in NO_DESCRIPTORS:
            raise
        return
    try:
        for path in PATHS:
            fd = _open_in(root, path)
            if fd >= 0:
                status = os.fstat(fd)
                yield Library(fd, status.st_dev, status.st_ino)
    finally:
        os.close(root)


def _open_in(root: int, path: str) -> int:
    """Open a file as a process with this root directory does; -1 where there is none.

    openat2(2) does that, too, but units of systemd with DynamicUser= may not call it.
    """
    opened: list[int] = []
    try:
        return _walk(root, path, opened)
    except OSError as error:
        if error.errno in NO_DESCRIPTORS:
            raise
        return -1
    finally:
        for fd in opened:
            os.close(fd)


def _walk(root: int, path: str, opened: list[int]) -> int:
    way = [root]  # from there down to where we are
    left = path.split("/")[::-1]
    links = 0
    while left:
        name = left.pop()
        if name == "..":
            way = way[:-1] or [root]
        elif name not in {"", "."}:
            fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=way[-1])
            opened.append(fd)
            if not stat.S_ISLNK(os.fstat(fd).st_mode):
                way.append(fd)
                continue
            links += 1
            if links > MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            target = os.readlink("", dir_fd=fd)
            if target.startswith("/"):
                way = [root]
            left += target.split("/")[::-1]
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    return os.open(f"/proc/self/fd/{way[-1]}", flags)


def mount_namespace(pid: int) -> int:
    """Return the inode of a process's mount namespace, 0 when it has ended."""
    try:
        return os.stat(f"/proc/{pid}/ns/mnt").st_ino
    except OSError:
        return 0


def mount_namespaces() -> set[int]:
    """Return the inodes of the mount namespaces that processes are in."""
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return {mount_namespace(pid) for pid in pids} - {0}
