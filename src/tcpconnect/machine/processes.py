"""Processes, from BPF or /proc, and their descendants."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

SECOND_NS = 10**9


class Process(msgspec.Struct, frozen=True):
    """A process: struct listed of the programs.

    ``number`` is its PID in our PID namespace; ``pid`` and ``ppid`` are the machine's.
    A PID is reused when its process is gone; the start, in nanoseconds since the boot,
    distinguishes them. When no thread is ``live``, the process has ended, although its
    parent may not have waited for it.
    """

    number: int
    pid: int
    ppid: int
    live: int
    start_ns: int


def descendants(parents: Mapping[int, int], ancestors: Collection[int]) -> set[int]:
    """Return the PIDs of all descendants of these ancestors.

    ``parents`` has the PID of each process's parent. Ancestors are not among them.
    """
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found = set(ancestors)
    left = list(found)
    while left:
        fresh = set(children.pop(left.pop(), ())) - found
        found |= fresh
        left += fresh
    return found - set(ancestors)


def pids() -> list[int]:
    """Return the PIDs of all processes that /proc shows. Raises OSError."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def in_group(group: int) -> dict[int, int]:
    """Return the PIDs of the processes of a process group, each with its parent's.

    Those that can't be read, for want of descriptors for one, are not among them.
    """
    found = {}
    try:
        every = pids()
    except OSError:
        return {}
    for pid in every:
        # To read /proc/PID/stat of all would take half a second for 25,000.
        if _is_in(group, pid) and (fields := _stat(pid)):
            _, parent, its_group, *_ = fields
            if int(its_group) == group:  # else /proc is of another PID namespace
                found[pid] = int(parent)
    return found


def _is_in(group: int, pid: int) -> bool:
    try:
        return os.getpgid(pid) == group
    except OSError:  # it has ended
        return False


def unlisted(
    numbers: Collection[int], processes: Mapping[int, Process]
) -> frozenset[int]:
    """Return the processes of these numbers that are in /proc, not in ``processes``.

    Empty in a child PID namespace: its /proc does not have the machine's PIDs.
    """
    missing = frozenset(numbers) - {p.number for p in processes.values()}
    # Each namespace has a process 1, whose PID on the machine is another one.
    if not missing or any(p.number != p.pid for p in processes.values()):
        return frozenset()
    if os.readlink("/proc/self") != str(os.getpid()):  # that of another namespace
        return frozenset()
    return missing.intersection(pids())


def read_process(pid: int) -> Process | None:
    """Return a process of the machine from /proc, None if it is not there.

    Its start is in the clock ticks of /proc: compare it only with others of /proc.
    """
    if not (read := _stat(pid)):
        return None
    state, *fields = read
    ppid, threads, start = (int(fields[n - 4]) for n in (4, 20, 22))
    live = threads - (state in {b"Z", b"X"})
    return Process(pid, pid, ppid, live, start * SECOND_NS // os.sysconf("SC_CLK_TCK"))


def _stat(pid: int | str) -> list[bytes]:
    """Return the fields of proc_pid_stat(5), from the third one on.

    The second one, the name, may have any characters. Empty if the process has ended,
    or access is denied.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2].split()
    except OSError:
        return []


@contextmanager
def opened(pid: int | str) -> Iterator[int]:
    """Yield the directory of a process in /proc.

    Everything read below it belongs to one process: when that ends, reading fails, even
    if another process gets its PID. Raises OSError if there is none.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    folder = os.open(f"/proc/{pid}", flags)
    try:
        yield folder
    finally:
        os.close(folder)
