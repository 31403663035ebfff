"""Processes as /proc has them: their parents, and whether they are ending."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

PF_EXITING = 0x4  # include/linux/sched.h


class Process(NamedTuple):
    """A process: its parent, and when it started (in ticks since the boot).

    A number is given to another process when its process is gone; the start tells them
    apart.
    """

    ppid: int
    started: int


def all_processes() -> dict[int, Process]:
    """Return all processes that are there now, by their PIDs."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := _stat(name)):
            found[int(name)] = Process(int(stat[1]), int(stat[19]))
    return found


def descendants(processes: dict[int, Process], ancestors: Collection[int]) -> set[int]:
    """Return those whose parent, or the parent of that one and so on, is an ancestor.

    Ancestors are not among them.
    """
    children: dict[int, list[int]] = {}
    for pid, process in processes.items():
        children.setdefault(process.ppid, []).append(pid)
    found: set[int] = set()
    left = list(ancestors)
    while left:
        fresh = set(children.pop(left.pop(), ())) - found - set(ancestors)
        found |= fresh
        left += fresh
    return found


def is_running(pid: int, started: int) -> bool:
    """Whether a thread of the process that started then is not ending yet."""
    stat = _stat(str(pid))
    if not stat or int(stat[19]) != started:
        return False
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return False
    for thread in threads:
        stat = _stat(f"{pid}/task/{thread}")
        if stat and not int(stat[6]) & PF_EXITING:
            return True
    return False


def _stat(path: str) -> list[str]:
    """Return the fields of proc_pid_stat(5) from the third on; none when it is gone."""
    try:
        with open(f"/proc/{path}/stat", "rb") as file:
            line = file.read()
    except OSError:
        return []
    # The second is the name in parentheses, which may have any character in it.
    return line.rpartition(b")")[2].decode().split()
