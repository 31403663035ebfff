"""What an option takes: how a value is read from a text, and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_NUMBER = 1_000_000_000
MAX_DIGITS = 30


class Value(msgspec.Struct, frozen=True):
    """What an option takes.

    ``parse`` reads the text of the command line; ``check`` takes what Settings are
    given, and returns what they keep. Both raise UsageError. ``metavar`` is its name
    in the help, or "" where ``words`` say which values there are.

    ``completion`` is what a shell offers: "words" (one of ``words``), "list" (several
    of ``words``), "columns", "pids", "users" or "netns" (in lists, too), "cgroup",
    "file", or "" for nothing.
    """

    metavar: str
    parse: Callable[[str], Any] = str
    check: Callable[[Any], Any] = lambda value: value
    completion: str = ""
    words: tuple[str, ...] = ()


class Range(msgspec.Struct, frozen=True):
    """Whole numbers, with the name of what they number."""

    what: str
    low: int
    high: int

    def parse(self, text: str) -> int:
        """Read decimal digits. Raises UsageError."""
        # str.isdigit alone takes digits of every script, and int() refuses thousands.
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
        expected = f"expected a number from {self.low} to {self.high}"
        return UsageError(f"invalid {self.what} {value!r}", expected)


class Time(msgspec.Struct, frozen=True):
    """Lengths of time above 0, in a unit."""

    unit: str

    def parse(self, text: str) -> float:
        """Read a number. Raises UsageError."""
        try:
            return self.check(float(text))
        except (ValueError, UsageError):
            raise self._invalid(text) from None

    def check(self, number: float) -> float:
        """Return the number. Raises UsageError."""
        if not 0 < number < MAX_NUMBER:  # false for NaN, too
            raise self._invalid(number)
        return number

    def _invalid(self, value: object) -> UsageError:
        expected = f"expected more than 0, less than {MAX_NUMBER}"
        return UsageError(f"invalid number of {self.unit} {value!r}", expected)
