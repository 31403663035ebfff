"""The kernel's clock, bpf_ktime_get_ns(), from Python, also in a time namespace."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.errors import KernelError

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = 1_000_000_000
# include/linux/proc_ns.h: PROC_TIME_INIT_INO.
INITIAL_TIME_NAMESPACE = 0xEFFFFFFA


@cache
def offset_ns() -> int:
    """Return how far CLOCK_MONOTONIC of this process is ahead of the kernel's, in ns.

    Linux commit 769071ac9f20 ("ns: Introduce Time Namespace"), v5.6. Raises KernelError
    when no process shows it. Called before privileges are dropped, and cached.
    """
    ours = _inode("self", "time")
    if ours in {0, INITIAL_TIME_NAMESPACE}:
        return 0
    for process in _processes():
        # timens_offsets has the offset of the namespace of a process's children.
        if _inode(process, "time_for_children") == ours:
            try:
                with open(f"/proc/{process}/timens_offsets", "rb") as file:
                    return parse_offsets(file.read())
            except OSError:  # it has ended, or access is denied
                continue
    raise KernelError(messages.UNKNOWN_CLOCK)


def _processes() -> Iterator[str]:
    yield "self"
    from tcpconnect.machine.processes import pids  # in time namespaces only

    yield from map(str, pids())


def _inode(process: str, kind: str) -> int:
    """Return the inode of a namespace, 0 if it is unknown."""
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

    The best of three readings: the one with the shortest interruption.
    """
    readings = []
    for _ in range(3):
        before, now, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        readings.append((after - before, now - (before + after) // 2))
    return min(readings)[1] + offset_ns()
