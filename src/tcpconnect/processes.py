"""Processes as the kernel lists them, and who descends from whom."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


class Process(NamedTuple):
    """A process: struct listed of types.h.

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


def in_group(group: int) -> dict[int, int]:
    """Return the PIDs of the processes of a process group, each with its parent's."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        # An error: not ours to see, or it has ended.
        with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            # proc_pid_stat(5): the name in brackets, state, ppid, pgrp
            _, parent, its_group, *_ = file.read().rpartition(b") ")[2].split()
            if int(its_group) == group:
                found[int(name)] = int(parent)
    return found


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
