"""Ages: values of options that say how long something is kept."""

from __future__ import annotations

import re

import msgspec

from tcpconnect import place_messages
from tcpconnect.errors import UsageError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_AMOUNT = re.compile(r"(\d{1,15})([a-z]?)", re.ASCII)


class Age(msgspec.Struct, frozen=True):
    """Whole seconds from ``low`` to ``high``; both also as text, for errors."""

    low: str
    high: str

    def parse(self, text: str) -> int:
        """Read a number with a unit, 30d. Raises UsageError."""
        number, unit = _split(text)
        if not (unit in SECONDS and self._fits(number * SECONDS[unit])):
            raise self._invalid(text)
        return number * SECONDS[unit]

    def _fits(self, seconds: int) -> bool:
        return _seconds(self.low) <= seconds <= _seconds(self.high)

    def _invalid(self, value: str) -> UsageError:
        message, units = place_messages.INVALID_AGE, ", ".join(SECONDS)
        values = {"value": value, "low": self.low, "high": self.high, "units": units}
        return UsageError(message, **values)


def _split(text: str) -> tuple[int, str]:
    found = _AMOUNT.fullmatch(text)
    return (int(found[1]), found[2]) if found else (0, "")


def _seconds(text: str) -> int:
    number, unit = _split(text)
    return number * SECONDS[unit]
