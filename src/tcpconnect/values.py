"""Values of options: how they are parsed and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect import messages
from tcpconnect.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_NUMBER = 1_000_000_000
MAX_DIGITS = 30
# Microseconds.
UNITS = {
    "us": 1,
    "ms": 10**3,
    "s": 10**6,
    "m": 60 * 10**6,
    "h": 3600 * 10**6,
    "d": 24 * 3600 * 10**6,
}
PART = rf"\s*(\d+(?:\.\d*)?|\.\d+)\s*({'|'.join(UNITS)})\s*"
SIZES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
MAX_SIZE = 1 << 40


class Value(msgspec.Struct, frozen=True):
    """The value of an option.

    ``parse`` converts text of the command line; ``check`` converts what Settings are
    given to what they store. Both raise UsageError. ``metavar`` is its name in the
    help, or "" if ``words`` has all values.

    ``completion`` is what a shell offers: "words" (one of ``words``), "list" (several
    of ``words``), "columns", "pids", "users" or "netns" (also in lists), "cgroup",
    "file", or "" for nothing.
    """

    metavar: str
    parse: Callable[[str], Any] = str
    check: Callable[[Any], Any] = lambda value: value
    completion: str = ""
    words: tuple[str, ...] = ()


def choice(*words: str) -> Value:
    """Return a value that is one of these words."""

    def parse(text: str) -> str:
        if text not in words:
            expected, near = ", ".join(words), did_you_mean(text, words)
            message = messages.INVALID_CHOICE
            raise UsageError(message, value=text, expected=expected, near=near)
        return text

    return Value("", parse, completion="words", words=words)


class Range(msgspec.Struct, frozen=True):
    """Whole numbers from ``low`` to ``high``; ``what`` names them in errors."""

    what: str
    low: int
    high: int

    def parse(self, text: str) -> int:
        """Read decimal digits. Raises UsageError."""
        # str.isdigit accepts digits of every script; int() refuses thousands of digits.
        plain = text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
        if not (plain and self.low <= int(text) <= self.high):
            raise self._invalid(text)
        return int(text)

    def check(self, number: int) -> int:
        """Return the number. Raises UsageError."""
        if not (isinstance(number, int) and self.low <= number <= self.high):
            raise self._invalid(number)
        return number

    def _invalid(self, value: object) -> UsageError:
        message, low, high = messages.INVALID_NUMBER, self.low, self.high
        return UsageError(message, what=self.what, value=value, low=low, high=high)


class Time(msgspec.Struct, frozen=True):
    """Lengths of time above 0, in a unit: a key of UNITS."""

    unit: str

    def parse(self, text: str) -> float:
        """Read a number, of this unit, or ``1h30m``. Raises UsageError."""
        import re

        parts = re.findall(PART, text)
        try:
            if not parts or re.sub(PART, "", text):
                return self.check(float(text))
            microseconds = sum(float(number) * UNITS[unit] for number, unit in parts)
            return self.check(microseconds / UNITS[self.unit])
        except (ValueError, UsageError):
            raise self._invalid(text) from None

    def check(self, number: float) -> float:
        """Return the number. Raises UsageError."""
        if not 0 < number < MAX_NUMBER:  # false for NaN, too
            raise self._invalid(number)
        return number

    def _invalid(self, value: object) -> UsageError:
        message, unit, units = messages.INVALID_TIME, self.unit, ", ".join(UNITS)
        return UsageError(
            message, value=value, unit=unit, limit=MAX_NUMBER, units=units
        )


class Size(msgspec.Struct, frozen=True):
    """Sizes in bytes from ``low`` to 1T: whole numbers, also of K, M, G or T."""

    low: int

    def parse(self, text: str) -> int:
        """Read a number, with a unit or without. Raises UsageError."""
        number, unit = text, 1
        if text[-1:].upper() in SIZES:
            number, unit = text[:-1], SIZES[text[-1].upper()]
        plain = number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS
        return self.check(int(number) * unit if plain else -1, text)

    def check(self, size: int, text: str = "") -> int:
        """Return the size. Raises UsageError."""
        if not (isinstance(size, int) and self.low <= size <= MAX_SIZE):
            least, most = _short(self.low), _short(MAX_SIZE)
            message, value = messages.INVALID_SIZE, text or size
            raise UsageError(message, value=value, least=least, most=most)
        return size


def _short(size: int) -> str:
    """Return a size with its largest unit."""
    unit = max(
        (unit for unit in SIZES if size % SIZES[unit] == 0), key=SIZES.__getitem__
    )
    return f"{size // SIZES[unit]}{unit}"
