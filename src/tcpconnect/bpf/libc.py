"""The C libraries of this machine and of its containers, as open files."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from tcpconnect.connection import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.bpf.mappings import Mapping

MAX_LINKS = 40  # on a path, as in the kernel
NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
READ_ONLY = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK

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


# The first bytes of an ELF file, its class at 4, its machine at 18 (elf.h).
ELF = b"\x7fELF"
ELF_BYTES = 20
CLASS_64 = 2
ELF_MACHINES = {"x86_64": 62, "aarch64": 183}


class Library(NamedTuple):
    """A C library: an open descriptor, what tells it from others, and its path.

    ``version`` is another one when the file has been written to since: its size, and
    when that was. The path is as a process of it has it, made printable.
    """

    fd: int
    file: tuple[int, int]  # device and inode
    version: tuple[int, int]
    path: str


def processes() -> list[int]:
    """Return the PIDs of all processes."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def has_ended(pid: int) -> bool:
    """Whether a process is certain to have ended, as a zombie has."""
    try:
        os.stat(f"/proc/{pid}/ns/mnt")
    except (FileNotFoundError, ProcessLookupError):
        return True
    except OSError:  # not ours
        return False
    return False


def roots() -> list[int]:
    """Return a process of every root directory that processes have now.

    Of other users' processes only CAP_SYS_PTRACE lets us see it.
    """
    seen: dict[tuple[int, int], int] = {}
    for pid in processes():
        with contextlib.suppress(OSError):  # not ours, or it has ended
            root = os.stat(f"/proc/{pid}/root")
            seen.setdefault((root.st_dev, root.st_ino), pid)
    return list(seen.values())


def libraries(pid: int) -> Iterator[Library]:
    """Yield the C libraries below the root directory of a process.

    The caller closes their descriptors. Links are followed as that process would follow
    them, never out of its root. Nothing is yielded for a process that has ended.

    Raises OSError when there are no descriptors left.
    """
    try:
        root = _open_root(f"/proc/{pid}/root")
    except OSError as error:
        if error.errno in NO_DESCRIPTORS:
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
    """Return a C library that a process has mapped; its descriptor is the caller's.

    None when it can't be opened, or is none for programs of this machine's own kind.
    Raises OSError when there are no descriptors left.
    """
    fd = _open_mapped(mapping)
    return _library(fd, mapping.path) if fd >= 0 else None


def _open_mapped(mapping: Mapping) -> int:
    """Open a file that a process has mapped; -1 when it can't be.

    What it has mapped, be it deleted, takes CAP_SYS_ADMIN; what is at its path, in its
    root directory, CAP_SYS_PTRACE. What is there in ours is the same for most.
    """
    process = f"/proc/{mapping.pid}"
    try:
        return os.open(
            f"{process}/map_files/{mapping.start:x}-{mapping.end:x}", READ_ONLY
        )
    except OSError as error:
        if error.errno in NO_DESCRIPTORS:
            raise
    try:
        root = _open_root(f"{process}/root")
    except PermissionError:
        root = _open_root("/")
    except OSError as error:
        if error.errno in NO_DESCRIPTORS:
            raise
        return -1
    try:
        return _open_in(root, os.fsdecode(mapping.path))
    finally:
        os.close(root)


def _open_root(path: str) -> int:
    return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _library(fd: int, path: bytes) -> Library | None:
    """Return what is open as a Library; close what is for another kind of program."""
    status = os.fstat(fd)
    if _is_foreign(os.pread(fd, ELF_BYTES, 0)):
        os.close(fd)
        return None
    version = (status.st_size, status.st_mtime_ns)
    return Library(fd, (status.st_dev, status.st_ino), version, printable(path))


def _is_foreign(start: bytes) -> bool:
    """Whether a file that begins so is for 32 bits or for another processor."""
    if len(start) < ELF_BYTES or not start.startswith(ELF):
        return False  # it may not have been written yet
    machine = int.from_bytes(start[18:20], "little")
    return start[4] != CLASS_64 or machine != ELF_MACHINES.get(MACHINE)


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
    if not stat.S_ISREG(os.fstat(way[-1]).st_mode):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return os.open(f"/proc/self/fd/{way[-1]}", READ_ONLY)


def mount_namespace(pid: int) -> int:
    """Return the inode of a process's mount namespace, 0 when it has ended."""
    try:
        return os.stat(f"/proc/{pid}/ns/mnt").st_ino
    except OSError:
        return 0


def mount_namespaces() -> set[int]:
    """Return the inodes of the mount namespaces that processes are in."""
    return {mount_namespace(pid) for pid in processes()} - {0}
