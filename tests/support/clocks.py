"""The clock of the machine, set by tests that run alone."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = 1_000_000_000


@contextmanager
def stepped(seconds: int) -> Iterator[None]:
    """Set the clock forward or back, and back again by what has passed since."""
    before = time.time_ns() - time.monotonic_ns()
    _set(before + seconds * SECOND)
    try:
        yield
    finally:
        _set(before)


def _set(epoch_ns: int) -> None:
    """Set the clock by the time that it had when CLOCK_MONOTONIC was 0."""
    time.clock_settime_ns(time.CLOCK_REALTIME, epoch_ns + time.monotonic_ns())
