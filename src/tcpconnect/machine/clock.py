"""The kernel's clock, bpf_ktime_get_ns(), from Python, also in a time namespace."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING

from tcpconnect.errors import KernelError
from tcpconnect.machine.processes import pids

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = 1_000_000_000
# include/linux/proc_ns.h: PROC_TIME_INIT_INO.
INITIAL_TIME_NAMESPACE = 0xEFFFFFFA


@cache
def offset_ns() -> int:
    """Return what CLOCK_MONOTONIC of this process is ahead of the kernel's, in ns.

    Linux commit 769071ac9f20 ("ns: Introduce Time Namespace"), v5.6. Raises KernelError
    where no process tells. Read before privileges are given up, and kept.
    """
    ours = _inode("self", "time")
    if ours in {0, INITIAL_TIME_NAMESPACE}:
        return 0
    for process in _processes():
        # What a process tells is the offset of its children's namespace.
        if _inode(process, "time_for_children") == ours:
            try:
                with open(f"/proc/{process}/timens_offsets", "rb") as file:
                    return parse_offsets(file.read())
            except OSError:  # it has ended, or we may not
                continue
    reason = "no process tells how far its clock is ahead"
    remedy = "run it outside of the time namespace"
    raise KernelError("can't compare clocks in this time namespace", reason, remedy)


def _processes() -> Iterator[str]:
    yield "self"
    yield from map(str, pids())


def _inode(process: str, kind: str) -> int:
    """Return the inode of a namespace, 0 where that is not told."""
    try:
        return os.stat(f"/proc/{process}/ns/{kind}").st_ino
    except OSError:
        return 0


def parse_offsets(text: bytes) -> int:
    """Return the offset of CLOCK_MONOTONIC of time_namespaces(7), in ns."""
    for line in text.splitlines():
        clock, seconds, nanoseconds = line.split()
        if clock == b"monotonic":
            return int(seconds) * SECOND + int(nanoseconds)
    return 0


def kernel_ns() -> int:
    """Return what bpf_ktime_get_ns() returns now."""
    return time.monotonic_ns() - offset_ns()


def epoch_ns() -> int:
    """Return the time of day when the kernel's clock was 0, in ns since the epoch.

    Of three readings the one that was interrupted least.
    """
    readings = []
    for _ in range(3):
        before, now, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        readings.append((after - before, now - (before + after) // 2))
    return min(readings)[1] + offset_ns()
