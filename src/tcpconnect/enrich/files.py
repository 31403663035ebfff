"""Files of container runtimes: read only from the right owner, and with limits.

A user's file may be a pipe, a link, endless, one of a million, or on a mount that never
answers. Only regular files of the right owner on a local disk are read, and of users'
files only as much as takes some milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import stat
from ctypes import Structure, byref, c_uint64
from glob import glob
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tcpconnect.enrich.allowance import Allowance
from tcpconnect.enrich.kept import Kept
from tcpconnect.enrich.mounts import Mounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

READ_FILES = "CAP_DAC_READ_SEARCH"  # what it takes to read those of others
ROOT = 0
MACHINE = ROOT  # the owner of the files of the machine's runtimes
MAX_BYTES = 16 << 20  # of root's file
USERS_MAX_BYTES = 1 << 20  # of another user's file
# Of users' files, a second: parsing a megabyte of JSON takes some 5 ms.
EACH_BYTES = 2 << 20
ALL_BYTES = 8 << 20
FILE_BYTES = 16 << 10  # the least that a file counts, and a look for files

MAX_USERS = 4096  # a user may have 65,536 user IDs

# The same on all architectures, v5.6; include/uapi/linux/openat2.h.
SYS_OPENAT2 = 437
RESOLVE_NO_XDEV, RESOLVE_NO_SYMLINKS = 1, 4
AT_FDCWD = -100
OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC

_libc = ctypes.CDLL(None, use_errno=True)


class _How(Structure):
    """Struct open_how."""

    _fields_ = (("flags", c_uint64), ("mode", c_uint64), ("resolve", c_uint64))


_mounts = Mounts()
_all = Allowance(ALL_BYTES)
_each: dict[int, Allowance] = {}


def machines(patterns: Iterable[str], kind: type[T], root: str) -> Iterator[T]:
    """Yield root's own files with these patterns, if they can be parsed."""
    for pattern in patterns:
        for path in glob(f"{root}/{pattern}"):
            yield from machines_own(path, kind)


def machines_own(path: str, kind: type[T]) -> Iterator[T]:
    """Yield a file of root's own that can be understood."""
    try:
        content = _content(os.open(path, OPEN), MACHINE, MAX_BYTES)
    except OSError:
        return
    yield from _decoded(content, kind)


def users(
    uid: int, folder: str, paths: Iterable[str], kind: type[T], root: str
) -> Iterator[T]:
    """Yield a user's own files below their folder, if they can be parsed.

    Files behind a link, or on another mount, are not read.
    """
    folder = f"{root.rstrip('/')}{folder}"
    if not _may(uid, FILE_BYTES) or not _mounts.is_local(folder):
        return
    try:
        top = _open(AT_FDCWD, folder, OPEN | os.O_DIRECTORY, RESOLVE_NO_SYMLINKS)
    except OSError:
        return
    try:
        for path in paths:
            yield from _decoded(_users_content(top, path, uid), kind)
    finally:
        os.close(top)


def _users_content(top: int, path: str, uid: int) -> bytes:
    try:
        fd = _open(top, path, OPEN, RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)
    except OSError:
        return b""
    size = max(os.fstat(fd).st_size, FILE_BYTES)
    if size > USERS_MAX_BYTES or not _may(uid, size):
        os.close(fd)
        return b""
    return _content(fd, uid, size)  # it may grow


def _may(uid: int, size: int) -> bool:
    """Take so much of what a user may have read; return whether that was left."""
    if uid not in _each and len(_each) >= MAX_USERS:
        _each.clear()
    allowances = (_all, _each.setdefault(uid, Allowance(EACH_BYTES)))
    if not all(each.has(size) for each in allowances):
        return False
    for each in allowances:
        each.take(size)
    return True


def _open(at: int, path: str, flags: int, resolve: int) -> int:
    """Return openat2(2)'s descriptor. Raises OSError."""
    how = _How(flags, 0, resolve)
    raw = os.fsencode(path)
    fd: int = _libc.syscall(SYS_OPENAT2, at, raw, byref(how), ctypes.sizeof(how))
    if fd < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return fd


def _content(fd: int, owner: int, most: int) -> bytes:
    """Return what a file has; nothing unless it is one, with one name, of its owner.

    The descriptor is closed.
    """
    try:
        status = os.fstat(fd)
        regular = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        if not regular or status.st_uid != owner:
            return b""
        with open(fd, "rb", closefd=False) as file:
            return file.read(most)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _decoded(content: bytes, kind: type[T]) -> Iterator[T]:
    try:
        yield msgspec.json.decode(content, type=kind)
    # UnicodeDecodeError, a ValueError, for a text that is not UTF-8.
    except (ValueError, msgspec.DecodeError, RecursionError):
        return


def home(uid: int, root: str) -> str | None:
    """Return a user's home, if /etc/passwd has it: other sources may block."""
    try:
        return _homes.get(f"{root.rstrip('/')}/etc/passwd").get(str(uid))
    except OSError:
        return None


def _read_homes(passwd: str) -> dict[str, str]:
    """Return homes by user ID; of several the first."""
    homes: dict[str, str] = {}
    with open(passwd, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            # passwd(5): name, password, UID, GID, comment, home, shell
            fields = line.rstrip("\n").split(":")
            if len(fields) > 5:
                homes.setdefault(fields[2], fields[5])
    return homes


_homes = Kept(_read_homes)
