"""The descriptors that something leaves open in this process."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 16


def left_open(work: Callable[[], object]) -> int:
    """Return how many descriptors are open after ``work`` that were not before it.

    It is done several times: threads that tests before have left may open some
    meanwhile, but none for each time.
    """
    gc.collect()  # what was mapped keeps a descriptor
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(TIMES):
        work()
    gc.collect()
    return len(set(os.listdir("/proc/self/fd")) - before) // TIMES
