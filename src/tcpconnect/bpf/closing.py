"""Many descriptors closed at once, where the kernel takes long over each."""

from __future__ import annotations

import os
from _thread import allocate_lock, start_new_thread  # threading takes a millisecond
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Iterable

CLOSERS = 256


def close_all(fds: Iterable[int], *, at_once: bool) -> None:
    """Close descriptors of probes; return when all are.

    To detach one the kernel waits for all programs that run: 50 to 200 ms, which those
    that wait at the same time share. Linux commit 04b01625da13 ("perf/uprobe: split
    uprobe_unregister()"), v6.12. Events of perf the kernel detaches one by one.
    """
    left = list(fds)
    helpers = left[1:CLOSERS] if at_once else ()
    waiting = [ended for _ in helpers if (ended := _start(left))]
    _close(left)
    for ended in waiting:
        ended.acquire()


def _start(left: list[int]) -> LockType | None:
    """Have a thread help; return a lock that it releases, None where there is none."""
    ended = allocate_lock()
    ended.acquire()

    def run() -> None:
        try:
            _close(left)
        finally:
            ended.release()

    try:
        start_new_thread(run, ())
    except RuntimeError:  # no more threads: the others do it
        return None
    return ended


def _close(left: list[int]) -> None:
    while True:
        try:
            fd = left.pop()
        except IndexError:
            return
        os.close(fd)
