"""What others can have the tool do: so much a second, and no more."""

from __future__ import annotations

import time

# Anyone can have answers, lookups and arguments made that take milliseconds each. What
# is read later than this is taken in for so many seconds of each, no longer.
LATE_NS = 100_000_000
LATE_SHARE = 0.2


class Allowance:
    """What may be used up a second; that of one second at most is saved up."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._left = float(per_second)
        self._at = time.monotonic()

    def has(self, amount: float = 0.0) -> bool:
        """Whether so much is left now; of none, whether it is not overdrawn."""
        now = time.monotonic()
        self._left += (now - self._at) * self._per_second
        self._left = min(self._left, self._per_second)
        self._at = now
        return self._left >= amount

    def take(self, amount: float) -> None:
        """Use it up; more than is left is overdrawn."""
        self._left -= amount
