"""Processes as the kernel lists them, or /proc, and who descends from whom."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

SECOND_NS = 10**9


class Process(NamedTuple):
    """A process: struct listed of the programs.

    ``number`` is its PID in our PID namespace; ``pid`` and ``ppid`` are the machine's.
    A PID is given to another process when its process is gone; the start, in
    nanoseconds since the boot, tells them apart. When no thread is ``live``, it has
    ended, though its parent may not have seen it.
    """

    number: int
    pid: int
    ppid: int
    live: int
    start_ns: int


def descendants(parents: Mapping[int, int], ancestors: Collection[int]) -> set[int]:
    """Return those whose parent, or the parent of that one and so on, is an ancestor.

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
        if fields := _stat(pid):
            _, parent, its_group, *_ = fields
            if int(its_group) == group:
                found[pid] = int(parent)
    return found


def unlisted(
    numbers: Collection[int], processes: Mapping[int, Process]
) -> frozenset[int]:
    """Return the processes of these numbers that /proc has, and ``processes`` has not.

    None in a PID namespace below the machine's: /proc does not tell the machine's PIDs.
    """
    missing = frozenset(numbers) - {p.number for p in processes.values()}
    # Each namespace has a process 1, whose PID on the machine is another one.
    if not missing or any(p.number != p.pid for p in processes.values()):
        return frozenset()
    if os.readlink("/proc/self") != str(os.getpid()):  # that of another namespace
        return frozenset()
    return missing.intersection(pids())


def read_process(pid: int) -> Process | None:
    """Return a process of the machine as /proc has it, None where it has none.

    Its start is in the clock ticks of /proc: compare it only with others of /proc.
    """
    if not (read := _stat(pid)):
        return None
    state, *fields = read
    ppid, threads, start = (int(fields[n - 4]) for n in (4, 20, 22))
    live = threads - (state in {b"Z", b"X"})
    return Process(pid, pid, ppid, live, start * SECOND_NS // os.sysconf("SC_CLK_TCK"))


def _stat(pid: int | str) -> list[bytes]:
    """Return what proc_pid_stat(5) has of a process, from the third field on.

    The second one, the name, is anything. Nothing of one that has ended, or that we may
    not look at.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2].split()
    except OSError:
        return []


@contextmanager
def opened(pid: int | str) -> Iterator[int]:
    """Yield the directory of a process in /proc.

    All that is read below it is of one process: when that ends, reading fails, even if
    another process gets its PID. Raises OSError where there is none.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    folder = os.open(f"/proc/{pid}", flags)
    try:
        yield folder
    finally:
        os.close(folder)
