"""The memory of this process."""

from __future__ import annotations

import gc
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Item = TypeVar("Item")

# Python looks for garbage after so many new objects: few of ours ever are.
NEW_OBJECTS = 3000
M_ARENA_MAX = -8  # malloc.h
SETTLED_AFTER = 2


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


def settled(batches: Iterable[Item]) -> Iterator[Item]:
    """Yield batches; ``settle`` after the third, which had the first to be waited for.

    It takes longer than to show what comes first.
    """
    for number, batch in enumerate(batches):
        yield batch
        if number == SETTLED_AFTER:
            settle()
