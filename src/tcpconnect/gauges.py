"""Gauges: what a trace has at a moment, read from time to time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tcpconnect.batch import Gauges

if TYPE_CHECKING:
    from tcpconnect.parts import Parts


class Gauging:
    """Reads the gauges of a trace each so many seconds."""

    def __init__(self, parts: Parts, period_s: float) -> None:
        self._parts = parts
        self._period_s = period_s
        self._next = 0.0

    def due(self) -> Gauges | None:
        """Return them if it is time."""
        now = time.monotonic()
        if now < self._next:
            return None
        self._next = now + self._period_s
        pending = sum(1 for _ in self._parts.attempts.pending())
        run_time = self._parts.run_time
        return Gauges(pending, run_time.seconds() if run_time else None)
