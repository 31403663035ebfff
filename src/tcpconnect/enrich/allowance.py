"""A limit on the work a second that other users can cause."""

from __future__ import annotations

import time

# Anyone can have answers, lookups and arguments made that take milliseconds each. What
# is read later than this is taken in for so many seconds of each, no longer.
LATE_NS = 100_000_000
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
