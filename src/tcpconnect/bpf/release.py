"""Which Linux this is, for what can be told by nothing else."""

from __future__ import annotations

import os
import re


def running() -> tuple[int, int]:
    """Return major and minor number; (0, 0) when the release begins with none."""
    numbers = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def maps_are_locked_memory() -> bool:
    """Whether maps count as locked memory.

    Until "bpf: switch to memcg-based memory accounting", v5.11.
    """
    return (0, 0) < running() < (5, 11)


def programs_are_preemptible() -> bool:
    """Whether a task can lose its CPU inside of a program on a tracepoint.

    Linux commit a46023d5616e ("tracing: Guard __DECLARE_TRACE() use of
    __DO_TRACE_CALL() with SRCU-fast"), v7.0.
    """
    return running() >= (7, 0)
