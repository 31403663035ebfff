"""Values of options that say how much is kept: ages and sizes."""

from __future__ import annotations

import re

import msgspec

from tcpconnect import place_messages
from tcpconnect.errors import UsageError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
BYTES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_AMOUNT = re.compile(r"(\d{1,15})([A-Za-z]?)", re.ASCII)


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
        return _of(self.low, SECONDS) <= seconds <= _of(self.high, SECONDS)

    def _invalid(self, value: str) -> UsageError:
        message, units = place_messages.INVALID_AGE, ", ".join(SECONDS)
        values = {"value": value, "low": self.low, "high": self.high, "units": units}
        return UsageError(message, **values)


class Size(msgspec.Struct, frozen=True):
    """Bytes from ``low`` to ``high``; both as text, with a unit."""

    low: str
    high: str

    def parse(self, text: str) -> int:
        """Read a number, or one with a unit, 200M. Raises UsageError."""
        number, unit = _split(text)
        size = number * BYTES.get(unit.upper(), 0)
        if not _of(self.low, BYTES) <= size <= _of(self.high, BYTES):
            message, low, high = place_messages.INVALID_SIZE, self.low, self.high
            raise UsageError(message, value=text, low=low, high=high)
        return size


def _split(text: str) -> tuple[int, str]:
    found = _AMOUNT.fullmatch(text)
    return (int(found[1]), found[2]) if found else (0, "")


def _of(text: str, units: dict[str, int]) -> int:
    number, unit = _split(text)
    return number * units[unit]
