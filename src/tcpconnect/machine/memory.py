"""The memory of this process."""

from __future__ import annotations

import gc
from contextlib import suppress

# Python looks for garbage after so many new objects: few of ours ever are.
NEW_OBJECTS = 3000


def look_for_garbage() -> None:
    """Have Python do so: the start was too short for it."""
    gc.set_threshold(NEW_OBJECTS)


def settle() -> None:
    """Give back what the start needed. musl has no malloc_trim()."""
    import ctypes

    look_for_garbage()
    gc.collect()
    gc.freeze()  # what is there stays
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
