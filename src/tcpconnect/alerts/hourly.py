"""At most so many alerts of what is new in an hour; the rest become one summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tcpconnect.alerts.alert import place, summary

if TYPE_CHECKING:
    from tcpconnect.alerts.alert import Alert, Row

LIMIT = 20
HOUR_S = 3_600
EXAMPLES = 20


class Hour(msgspec.Struct):
    """The hour that began with an alert: when, what was sent, and what was held back.

    Times are of the observed clock.
    """

    began: int = 0
    sent: int = 0
    held: int = 0
    examples: list[str] = []


class Hourly:
    """Lets new pairs through, or holds them back for the summary."""

    def __init__(self, hour: Hour | None = None) -> None:
        self.hour = hour or Hour()

    def add(self, row: Row, now: int) -> bool:
        """Return whether a new pair is to be reported by itself."""
        hour = self.hour
        if not hour.sent:
            hour.began = now
        if hour.sent < LIMIT:
            hour.sent += 1
            return True
        hour.held += 1
        if len(hour.examples) < EXAMPLES:
            where = place(row.destination, row.dport)
            hour.examples.append(f"{row.program} to {where}")
        return False

    def end(self, now: int, time: int) -> Alert | None:
        """Return the summary of an hour that is over, if it needs one."""
        hour = self.hour
        if not hour.sent or now - hour.began < HOUR_S:
            return None
        self.hour = Hour()
        return summary(time, hour.held, hour.examples) if hour.held else None
