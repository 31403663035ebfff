"""The memory of this process."""

from __future__ import annotations

import gc
from contextlib import suppress

# Python looks for garbage after so many new objects: few of ours ever are.
NEW_OBJECTS = 3000
M_ARENA_MAX = -8  # malloc.h


def look_for_garbage() -> None:
    """Have Python do so: the start was too short for it."""
    gc.set_threshold(NEW_OBJECTS)


def share_heap() -> None:
    """Have threads share one heap, a MB less than one for each. musl has one only."""
    import ctypes

    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def settle() -> None:
    """Give back what the start needed. musl has no malloc_trim()."""
    import ctypes

    look_for_garbage()
    gc.collect()
    gc.freeze()  # what is there stays
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
