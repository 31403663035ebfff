"""Capabilities: which of them this process has, and giving up all but a few."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from contextlib import contextmanager
from ctypes import Structure, byref, c_int, c_uint32
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

# include/uapi/linux/capability.h: those that some feature needs, or giving up does.
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
PARTS = {"CAP_BPF", "CAP_PERFMON"}  # of the almighty one, from which they were split
ALL = 64  # more than there are

VERSION_3 = 0x20080522
PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 4, 8, 24, 38
# Users, and groups, that root may become: one of its own at random (decision 21), or
# who everybody is that a user namespace does not know.
OWN = range(2_100_000_000, 2_100_000_000 + (1 << 24))
NOBODY = 65534

_libc = ctypes.CDLL(None, use_errno=True)


class _Header(Structure):
    """Struct __user_cap_header_struct."""

    _fields_ = (("version", c_uint32), ("pid", c_int))


class _Half(Structure):
    """Struct __user_cap_data_struct: 32 bits of each set; the low ones come first."""

    _fields_ = (
        ("effective", c_uint32),
        ("permitted", c_uint32),
        ("inheritable", c_uint32),
    )


class _Sets(NamedTuple):
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
    """Return them where seccomp refuses capget(2)."""
    with open("/proc/thread-self/status", encoding="ascii", errors="replace") as lines:
        told = dict(line.split(":", 1) for line in lines)
    return _Sets(*(int(told[name], 16) for name in ("CapEff", "CapPrm", "CapInh")))


def _set(sets: _Sets) -> None:
    halves = [[bits >> shift & 0xFFFFFFFF for bits in sets] for shift in (0, 32)]
    both = (_Half * 2)(*(_Half(*half) for half in halves))
    _check(_libc.capset(byref(_Header(VERSION_3, 0)), both))


def _check(result: int) -> None:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _bits(names: Iterable[str]) -> int:
    return sum(1 << NUMBERS[name] for name in names)


def effective() -> frozenset[str]:
    """Return the names of those in force, as far as NUMBERS has them."""
    bits = _get().effective
    return frozenset(name for name, number in NUMBERS.items() if bits >> number & 1)


def lacking(*names: str) -> list[str]:
    """Return those of ``names`` that this process has not got, in their order."""
    ours = effective()
    if ALMIGHTY in ours:
        ours |= PARTS
    return [name for name in names if name not in ours]


def missing(names: Collection[str]) -> tuple[str, str]:
    """Return the reason and the remedy of an error that is their lack."""
    these = "this capability" if len(names) == 1 else "these capabilities"
    reason = f"{' and '.join(names)} missing"
    remedy = f"give it {these}"
    if os.geteuid():
        from tcpconnect.machine.sudo import as_root

        remedy += f", or {as_root(sys.argv[0])}"
    return reason, remedy


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Do something without these. Raises OSError where that is refused.

    Where seccomp refuses capset(2), root does it as another user, without any.
    """
    before, uid = _get(), os.geteuid()
    try:
        _set(before._replace(effective=before.effective & ~_bits(names)))
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


def keep_only(names: Iterable[str]) -> bool:
    """Give up all others, for good; and with them, being root.

    Root without capabilities still owns the machine's files, so that it becomes a user
    whom no other process has, where it may. No program that this process could execute
    gives anything back, and no process of the same user can take its place.

    A security module or seccomp may refuse any step: the others are made all the same.
    Raises OSError for the first that was refused. Returns whether root had to become
    nobody instead, whom other processes may have.
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
            shared = _become_another(refused)
    with _noted(refused):
        _set(_Sets(kept, kept, 0))  # what is not inheritable is not ambient either
    with _noted(refused):
        _prctl(PR_SET_DUMPABLE, 0)  # another user: what fs.suid_dumpable says
    if refused:
        raise refused[0]
    return shared


@contextmanager
def _noted(refused: list[OSError]) -> Iterator[None]:
    """Go on behind what is refused."""
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
    """Let capabilities outlive root. Raises OSError where they would be of no use."""
    _prctl(PR_SET_KEEPCAPS, 1)
    _set(_get())  # they are to be made effective then


def _become(change: Callable[[int], object]) -> int:
    """Change to a user or group of our own, where it is known; return which it is."""
    own = OWN.start + int.from_bytes(os.urandom(3), "little")
    try:
        change(own)
    except OSError as error:
        if error.errno != errno.EINVAL:  # else our user namespace does not have it
            raise
        change(NOBODY)
        return NOBODY
    return own


def _become_another(refused: list[OSError]) -> bool:
    """Become another user and group; return whether others may be the same."""
    became = 0
    with _noted(refused):
        os.setgroups(())
    with _noted(refused):
        _become(lambda gid: os.setresgid(gid, gid, gid))
    with _noted(refused):
        became = _become(lambda uid: os.setresuid(uid, uid, uid))
    return became == NOBODY
