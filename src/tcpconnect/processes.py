"""Processes as /proc has them: their parents, and whether they are ending."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

PF_EXITING = 0x4  # include/linux/sched.h


class Process(NamedTuple):
    """A process: its parent, when it started (in ticks since the boot), and its flags.

    A number is given to another process when its process is gone; the start tells them
    apart.
    """

    ppid: int
    started: int
    flags: int = 0


def all_processes() -> dict[int, Process]:
    """Return all processes that are there now, by their PIDs."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (process := _read(f"/proc/{name}/stat")):
            found[int(name)] = process
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
    try:
        with opened(pid) as process:
            return _is_running(process, started)
    except OSError:
        return False


def _is_running(folder: int, started: int) -> bool:
    process = _read("stat", folder)
    if not process or process.started != started:
        return False
    tasks = os.open("task", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        threads = os.listdir(tasks)
    finally:
        os.close(tasks)
    for thread in threads:
        task = _read(f"task/{thread}/stat", folder)
        if task and not task.flags & PF_EXITING:
            return True
    return False


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


def _read(path: str, folder: int | None = None) -> Process | None:
    """Return a process or thread; None when it is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
        with open(fd, "rb") as file:
            return parse_stat(file.read())
    except OSError:
        return None


def parse_stat(line: bytes) -> Process | None:
    """Return what proc_pid_stat(5) tells, None when it is something else."""
    # The second field is the name in parentheses, which may have any character in it.
    fields = line.rpartition(b")")[2].split()
    try:
        return Process(int(fields[1]), int(fields[19]), int(fields[6]))
    except (IndexError, ValueError):
        return None
