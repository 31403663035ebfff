"""The values of filter options, from text to sets of numbers."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from tcpconnect.settings import MAX_PID, MAX_PORT, MAX_UID, NAME_SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DIGITS = 30


def pids(text: str) -> frozenset[int]:
    """Parse ``1,2,3``. Raises ArgumentTypeError, as do the others."""
    words = _words(text, "PID")
    return frozenset(whole_number(word, "PID", 1, MAX_PID) for word in words)


def uids(text: str) -> frozenset[int]:
    """Parse ``1000,alice``: numbers and names of users."""
    return frozenset(_uid(word) for word in _words(text, "user"))


def ports(text: str) -> frozenset[int]:
    """Parse ``80,443,8000-8100``."""
    found: set[int] = set()
    for word in _words(text, "port"):
        low, dash, high = word.partition("-")
        first = whole_number(low, "port", 0, MAX_PORT)
        last = whole_number(high, "port", 0, MAX_PORT) if dash else first
        if last < first:
            raise ArgumentTypeError(f"{word}: the range ends before it begins")
        found.update(range(first, last + 1))
    return frozenset(found)


def name_sources(text: str) -> frozenset[str]:
    """Parse ``dns,libc``."""
    words = frozenset(_words(text, "source"))
    for word in words - NAME_SOURCES:
        known = " and ".join(sorted(NAME_SOURCES))
        raise ArgumentTypeError(f"{word!r} is no source of names: there are {known}")
    return words


def _words(text: str, what: str) -> Iterator[str]:
    for word in text.split(","):
        if not word.strip():
            raise ArgumentTypeError(f"{text!r}: a {what} is missing in the list")
        yield word.strip()


def whole_number(word: str, what: str, low: int, high: int) -> int:
    """Parse decimal digits; ``what`` they are is for the error."""
    # str.isdigit alone takes digits of every script; int() refuses thousands of them.
    plain = word.isascii() and word.isdigit() and len(word) <= MAX_DIGITS
    if not (plain and low <= int(word) <= high):
        raise ArgumentTypeError(f"{word!r} is no {what} (a number, {low} to {high})")
    return int(word)


def _uid(word: str) -> int:
    if word.isascii() and word.isdigit():
        return whole_number(word, "UID", 0, MAX_UID)
    import pwd

    try:
        return pwd.getpwnam(word).pw_uid
    except KeyError:
        raise ArgumentTypeError(f"no user {word!r} on this machine") from None
