"""Capabilities of this process, and dropping all but a few."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from contextlib import contextmanager
from ctypes import Structure, byref, c_int, c_uint32
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

# include/uapi/linux/capability.h: those needed for features, or to drop the others.
NUMBERS = {
    "CAP_DAC_OVERRIDE": 1,
    "CAP_DAC_READ_SEARCH": 2,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
    "CAP_SETPCAP": 8,
    "CAP_NET_ADMIN": 12,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYS_RESOURCE": 24,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
    "CAP_CHECKPOINT_RESTORE": 40,
}
ALMIGHTY = "CAP_SYS_ADMIN"
READ_FILES = "CAP_DAC_READ_SEARCH"
PARTS = {"CAP_BPF", "CAP_PERFMON"}  # CAP_SYS_ADMIN includes them
ALL = 64  # more than exist

VERSION_3 = 0x20080522
PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 4, 8, 24, 38
# IDs of users, and groups, that root may become: a random one of its own (decision 21),
# or that of all users outside of a user namespace.
OWN = range(2_100_000_000, 2_100_000_000 + (1 << 24))
NOBODY = 65534

_libc = ctypes.CDLL(None, use_errno=True)


class _Header(Structure):
    """Struct __user_cap_header_struct."""

    _fields_ = (("version", c_uint32), ("pid", c_int))


class _Half(Structure):
    """Struct __user_cap_data_struct: 32 bits of each set; the low ones are first."""

    _fields_ = (
        ("effective", c_uint32),
        ("permitted", c_uint32),
        ("inheritable", c_uint32),
    )


class _Sets(msgspec.Struct, frozen=True):
    """The sets of this thread, as bits."""

    effective: int
    permitted: int
    inheritable: int


def _get() -> _Sets:
    low, high = halves = (_Half * 2)()
    if _libc.capget(byref(_Header(VERSION_3, 0)), halves) < 0:
        return _read()
    return _Sets(
        low.effective | high.effective << 32,
        low.permitted | high.permitted << 32,
        low.inheritable | high.inheritable << 32,
    )


def _read() -> _Sets:
    """Return the sets when seccomp refuses capget(2)."""
    with open("/proc/thread-self/status", encoding="ascii", errors="replace") as lines:
        fields = dict(line.split(":", 1) for line in lines)
    return _Sets(*(int(fields[name], 16) for name in ("CapEff", "CapPrm", "CapInh")))


def _set(sets: _Sets) -> None:
    each = sets.effective, sets.permitted, sets.inheritable
    halves = [[bits >> shift & 0xFFFFFFFF for bits in each] for shift in (0, 32)]
    both = (_Half * 2)(*(_Half(*half) for half in halves))
    _check(_libc.capset(byref(_Header(VERSION_3, 0)), both))


def _check(result: int) -> None:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _bits(names: Iterable[str]) -> int:
    return sum(1 << NUMBERS[name] for name in names)


def effective() -> frozenset[str]:
    """Return the names of effective capabilities that are in NUMBERS."""
    bits = _get().effective
    return frozenset(name for name, number in NUMBERS.items() if bits >> number & 1)


def lacking(*names: str) -> list[str]:
    """Return those of ``names`` that this process does not have, in their order."""
    ours = effective()
    if ALMIGHTY in ours:
        ours |= PARTS
    return [name for name in names if name not in ours]


def missing(names: Collection[str]) -> tuple[str, str]:
    """Return the reason and the remedy when these capabilities are missing."""
    these = "this capability" if len(names) == 1 else "these capabilities"
    reason = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} missing"
    remedy = f"grant {these}"
    if os.geteuid():
        from tcpconnect.machine.sudo import as_root

        remedy += f", or {as_root(sys.argv[0])}"
    return reason, remedy


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Run the body without these capabilities. Raises OSError if that is refused.

    If seccomp refuses capset(2), root runs it as another user, without any.
    """
    before, uid = _get(), os.geteuid()
    try:
        _set(replace(before, effective=before.effective & ~_bits(names)))
    except OSError:
        if uid:
            raise
        _become(os.seteuid)
    try:
        yield
    finally:
        if os.geteuid() != uid:
            os.seteuid(uid)
        else:
            _set(before)


def keep_only(names: Iterable[str], user: tuple[int, int] | None = None) -> bool:
    """Drop all other capabilities for good, and root's user ID.

    Root without capabilities still owns the machine's files, so it becomes a user that
    no other process has, if it may, or this ``user``: its ID, and that of its group.
    Executing a program gives nothing back; no process of the same user can debug it.

    A security module or seccomp may refuse any step: the others are taken anyway.
    Raises OSError for the first refused step. Returns whether root had to become user
    nobody instead, which other processes may use.
    """
    ours, kept = effective(), _get().permitted & _bits(names)
    refused: list[OSError] = []
    shared = False
    with _noted(refused):
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
    if "CAP_SETPCAP" in ours:
        with _noted(refused):
            _drop_bounding()
    if not os.geteuid() and {"CAP_SETGID", "CAP_SETUID"} <= ours:
        with _noted(refused):
            if kept:
                _keep_with_another_user()
            if user:
                _become_this(*user)
            else:
                shared = _become_another(refused)
    with _noted(refused):
        _set(_Sets(kept, kept, 0))  # ambient ones must be inheritable
    with _noted(refused):
        _prctl(PR_SET_DUMPABLE, 0)  # after a change of user, fs.suid_dumpable decides
    if refused:
        raise refused[0]
    return shared


def reduce_to(names: Iterable[str]) -> None:
    """Drop all other capabilities for good, but stay the same user. Raises OSError."""
    kept = _get().permitted & _bits(names)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _set(_Sets(kept, kept, 0))


@contextmanager
def _noted(refused: list[OSError]) -> Iterator[None]:
    """Note an error, and continue after the body."""
    try:
        yield
    except OSError as error:
        refused.append(error)


def _prctl(option: int, argument: int) -> None:
    _check(_libc.prctl(option, argument, 0, 0, 0))


def _drop_bounding() -> None:
    for number in range(ALL):
        try:
            _prctl(PR_CAPBSET_DROP, number)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return  # that was the last one
            raise


def _keep_with_another_user() -> None:
    """Keep capabilities when the user changes. Raises OSError if they can't be used."""
    _prctl(PR_SET_KEEPCAPS, 1)
    _set(_get())  # capset(2) must work to make them effective later


def _become(change: Callable[[int], object]) -> int:
    """Change to a user or group of our own, or nobody's; return its ID."""
    own = OWN.start + int.from_bytes(os.urandom(3), "little")
    try:
        change(own)
    except OSError as error:
        if error.errno != errno.EINVAL:  # EINVAL: not mapped in our user namespace
            raise
        change(NOBODY)
        return NOBODY
    return own


def _become_this(uid: int, gid: int) -> None:
    os.setgroups(())
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def _become_another(refused: list[OSError]) -> bool:
    """Become another user and group; return whether others may use the same."""
    became = 0
    with _noted(refused):
        os.setgroups(())
    with _noted(refused):
        _become(lambda gid: os.setresgid(gid, gid, gid))
    with _noted(refused):
        became = _become(lambda uid: os.setresuid(uid, uid, uid))
    return became == NOBODY
