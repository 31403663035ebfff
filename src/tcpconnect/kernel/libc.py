"""The C libraries of this machine and of its containers, as open files."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

import msgspec

from tcpconnect.kernel.elf import MACHINE, START_BYTES, is_foreign
from tcpconnect.kernel.mappings import EXHAUSTED
from tcpconnect.machine import processes
from tcpconnect.output import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.kernel.mappings import Mapping

# On a path: links, as in the kernel; names; nested directories.
MAX_LINKS, MAX_NAMES, MAX_DEPTH = 40, 1024, 64
# Do not wait when another program has a lease on the file.
READ_ONLY = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY

# Where distributions have glibc and musl, below the root of a process.
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


class Library(msgspec.Struct, frozen=True):
    """A C library: an open descriptor, its identity, and its path.

    ``version``, size and time of change, differs when the file has been written to. The
    path is as its process sees it, escaped.
    """

    fd: int
    file: tuple[int, int]  # device and inode
    version: tuple[int, int]
    path: str


def has_ended(pid: int) -> bool:
    """Whether a process has certainly ended, as a zombie has."""
    try:
        os.stat(f"/proc/{pid}/ns/mnt")
    except (FileNotFoundError, ProcessLookupError):
        return True
    except OSError:  # not ours
        return False
    return False


def roots() -> list[int]:
    """Return one process for every root directory of processes.

    Of other users' processes only CAP_SYS_PTRACE lets us see it. Raises OSError.
    """
    seen: dict[tuple[int, int], int] = {}
    for pid in processes.pids():
        with contextlib.suppress(OSError):  # not ours, or it has ended
            root = os.stat(f"/proc/{pid}/root")
            seen.setdefault((root.st_dev, root.st_ino), pid)
    return list(seen.values())


def libraries(pid: int) -> Iterator[Library]:
    """Yield the C libraries below the root directory of a process.

    The caller closes their descriptors. Links are followed as by that process, never
    out of its root. Nothing is yielded for a process that has ended.

    Raises OSError when there are no descriptors, or no memory, left.
    """
    try:
        root = _open_root(f"/proc/{pid}/root")
    except OSError as error:
        if error.errno in EXHAUSTED:
            raise
        return
    try:
        for path in PATHS:
            fd = _open_in(root, path)
            if fd >= 0 and (library := _library(fd, f"/{path}".encode())):
                yield library
    finally:
        os.close(root)


def mapped_library(mapping: Mapping) -> Library | None:
    """Return a C library that a process has mapped; the caller closes it.

    None if it can't be opened, or is for another kind of programs.
    Raises OSError when there are no descriptors, or no memory, left.
    """
    fd = _open_mapped(mapping)
    return _library(fd, mapping.path) if fd >= 0 else None


def _open_mapped(mapping: Mapping) -> int:
    """Open a file that a process has mapped; return -1 on failure.

    The mapped file, even if it was deleted, takes CAP_CHECKPOINT_RESTORE; the file at
    its path, in the process's root directory, CAP_SYS_PTRACE. Most often our root
    directory has the same file.
    """
    process = f"/proc/{mapping.pid}"
    path = f"{process}/map_files/{mapping.start:x}-{mapping.end:x}"
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            return _open_regular(place)
        finally:
            os.close(place)
    except OSError as error:
        if error.errno in EXHAUSTED:
            raise
    try:
        root = _open_root(f"{process}/root")
    except PermissionError:
        root = _open_root("/")
    except OSError as error:
        if error.errno in EXHAUSTED:
            raise
        return -1
    try:
        return _open_in(root, os.fsdecode(mapping.path))
    finally:
        os.close(root)


def _open_root(path: str) -> int:
    return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _library(fd: int, path: bytes) -> Library | None:
    """Return an open file as a Library; close one for another kind of programs."""
    status = os.fstat(fd)
    if is_foreign(_start(fd)):
        os.close(fd)
        return None
    version = (status.st_size, status.st_mtime_ns)
    return Library(fd, (status.st_dev, status.st_ino), version, printable(path))


def _start(fd: int) -> bytes:
    try:
        return os.pread(fd, START_BYTES, 0)
    except OSError:
        return b""


def _open_in(root: int, path: str) -> int:
    """Open a file as a process with this root directory does; return -1 on failure.

    openat2(2) could do it, but systemd units with DynamicUser= may not call it.
    """
    way = [root]  # from the root down to the current directory
    try:
        _walk(way, path)
        return _open_regular(way[-1])
    except OSError as error:
        if error.errno in EXHAUSTED:
            raise
        return -1
    finally:
        _climb(way, 1)


def _walk(way: list[int], path: str) -> None:
    """Follow a path; ``way`` gets a descriptor of each directory down to its end."""
    left = path.split("/")[::-1]
    links = names = 0
    while left:
        name = left.pop()
        names += 1
        if links > MAX_LINKS or names > MAX_NAMES or len(way) > MAX_DEPTH:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if name == "..":
            _climb(way, max(len(way) - 1, 1))
        elif name not in {"", "."}:
            flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
            way.append(os.open(name, flags, dir_fd=way[-1]))
            if stat.S_ISLNK(os.fstat(way[-1]).st_mode):
                links += 1
                target = os.readlink("", dir_fd=way[-1])
                _climb(way, 1 if target.startswith("/") else len(way) - 1)
                left += target.split("/")[::-1]


def _climb(way: list[int], depth: int) -> None:
    """Close the directories below a depth."""
    while len(way) > depth:
        os.close(way.pop())


def _open_regular(place: int) -> int:
    """Reopen an O_PATH descriptor if it is a regular file: others may block."""
    if not stat.S_ISREG(os.fstat(place).st_mode):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return os.open(f"/proc/self/fd/{place}", READ_ONLY)
