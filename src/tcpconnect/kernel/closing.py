"""Closes many descriptors at once, when the kernel takes long for each."""

from __future__ import annotations

import os
import time
from _thread import allocate_lock, start_new_thread  # threading takes a millisecond
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import signal
    from _thread import LockType
    from collections.abc import Callable, Collection
else:
    import _signal as signal  # its enums take half a millisecond

CLOSERS = 256
# How long to wait at the stop: for those that wait together, and one by one.
TOGETHER_S, PATIENCE_S = 1.0, 0.25


def close_at_once(left: list[int]) -> None:
    """Close links of probes, and empty the list; return when all are closed.

    To detach one the kernel waits for all programs that run: 50 to 200 ms, which those
    that wait at the same time share. Linux commit 04b01625da13 ("perf/uprobe: split
    uprobe_unregister()"), v6.12.
    """
    _close_by_many(left, lambda: False)


def _close_by_many(left: list[int], is_enough: Callable[[], bool]) -> None:
    waiting = [ended for _ in left[1:CLOSERS] if (ended := _start(left, is_enough))]
    close_each(left, is_enough)
    for ended in waiting:
        ended.acquire()


def close_each(left: list[int], is_enough: Callable[[], bool]) -> None:
    """Close links or events, one after the other; other threads may help.

    The kernel detaches events of perf one by one: 30 to 130 ms each.
    """
    while not is_enough():
        try:
            fd = left.pop()
        except IndexError:
            return
        os.close(fd)


def close_soon(left: list[int], *, at_once: bool) -> None:
    """Close links or events, and empty the list; what takes long is left to a process.

    It lives until all are detached. Nobody waits for it, nor has it anything else open.
    """
    late = time.monotonic() + (TOGETHER_S if at_once else PATIENCE_S)
    close = _close_by_many if at_once else close_each
    close(left, lambda: time.monotonic() > late)
    if left:
        _hold(list(left))
        close(left, lambda: False)


def _hold(fds: Collection[int]) -> None:
    """Fork a process that has these open until we have ended, and then ends."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        end, ours = os.pipe()  # ours is open until we end
        if not os.fork():
            _wait_for_end({*fds} - {ours}, end)
        os.close(end)
    except OSError:  # no process, or no descriptor: they are closed here
        return
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait_for_end(fds: Collection[int], end: int) -> NoReturn:
    """As the child of a fork, leave in no other way."""
    try:
        _close_but({*fds, end})
        os.read(end, 1)  # nothing, when nobody has the other end
    finally:
        os._exit(0)


def _close_but(fds: Collection[int]) -> None:
    most = os.sysconf("SC_OPEN_MAX")
    below = -1
    for fd in (*sorted(fds), most):
        os.closerange(below + 1, fd)
        below = fd


def _start(left: list[int], is_enough: Callable[[], bool]) -> LockType | None:
    """Start a thread that helps; return the lock that it releases, or None."""
    ended = allocate_lock()
    ended.acquire()

    def run() -> None:
        try:
            close_each(left, is_enough)
        finally:
            ended.release()

    try:
        start_new_thread(run, ())
    except RuntimeError:  # out of threads: the others do it
        return None
    return ended
