"""A limit on the work a second that other users can cause."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

# Anyone can have answers, lookups and arguments made that take milliseconds each. To
# read those that are later than this may take so many seconds of each, no more: of a
# CPU, since on a busy machine all is late, and others would use up the time. Without
# other work none is later than the longest pause.
LATE_NS = 300_000_000
LATE_SHARE = 0.2


class Allowance:
    """An amount a second; what is not used is saved for one second at most."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._left = float(per_second)
        self._at = time.monotonic()

    def has(self, amount: float = 0.0) -> bool:
        """Whether this amount is left; for 0, whether it is not overdrawn."""
        now = time.monotonic()
        self._left += (now - self._at) * self._per_second
        self._left = min(self._left, self._per_second)
        self._at = now
        return self._left >= amount

    def take(self, amount: float) -> None:
        """Use an amount; it may be overdrawn."""
        self._left -= amount


class LateWork:
    """Work that is skipped if it is late and late work has used its share of the time.

    ``now_ns`` returns the time by the kernel's clock.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self.skipped = 0
        self._now_ns = now_ns
        self._allowance = Allowance(LATE_SHARE)

    def do(
        self, due_ns: int, work: Callable[..., Result], *arguments: object
    ) -> Result | None:
        """Return the result of work that was due then, or None if it was skipped."""
        if self._now_ns() - due_ns < LATE_NS:
            return work(*arguments)
        if not self._allowance.has():
            self.skipped += 1
            return None
        begin = time.thread_time()
        result = work(*arguments)
        self._allowance.take(time.thread_time() - begin)
        return result
