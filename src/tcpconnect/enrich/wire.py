"""The elements of DNS messages: numbers, bytes and names (RFC 1035, 4.1.4)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from struct import Struct as Layout

POINTER = 0xC0  # the two highest bits of a length; the other 14 are an offset
LONGEST_LABEL, LONGEST_NAME = 63, 255  # RFC 1035, 2.3.4
MAX_POINTERS = 128  # of a name: more than its most labels
SPECIAL = frozenset(b'"().;\\@$')  # RFC 1035, 5.1: escaped in text

# The text of each byte of a label.
TEXT = [
    f"\\{c:c}" if c in SPECIAL else chr(c) if 0x20 < c < 0x7F else f"\\{c:03d}"
    for c in range(256)
]


class MalformedError(ValueError):
    """Not a DNS message, or a truncated one."""


class Reader:
    """Reads a message from the beginning to ``end``; raises MalformedError."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self.at = 0
        self.end = len(message)

    def bytes(self, size: int) -> bytes:
        """Return the next bytes."""
        start, self.at = self.at, self.at + size
        if self.at > self.end:
            raise MalformedError("cut")
        return self._message[start : self.at]

    def unpack(self, layout: Layout) -> tuple[int, ...]:
        """Return the members of the next struct."""
        return layout.unpack(self.bytes(layout.size))

    @contextmanager
    def only(self, size: int) -> Iterator[None]:
        """Limit reading to the next ``size`` bytes, which must all be read."""
        end, self.end = self.end, self.at + size
        if self.end > end:
            raise MalformedError("cut")
        yield
        if self.at != self.end:
            raise MalformedError("more than a record has")
        self.end = end

    def byte(self) -> int:
        """Return the next byte."""
        return self.bytes(1)[0]

    def name(self) -> str:
        """Return the next name; its pointers must lead backwards."""
        labels = []
        length = 1
        start, behind = self.at, 0
        for _ in range(MAX_POINTERS + LONGEST_NAME):
            size = self.byte()
            if size >= POINTER:
                target = (size - POINTER) << 8 | self.byte()
                behind = behind or self.at
                if target >= start:
                    break
                start = self.at = target
            elif size > LONGEST_LABEL:
                break
            elif size:
                labels.append(self.bytes(size))
                length += 1 + size
                if length > LONGEST_NAME:
                    break
            else:
                self.at = behind or self.at
                texts = ["".join(map(TEXT.__getitem__, label)) for label in labels]
                return ".".join(texts) or "."
        raise MalformedError("no name")

    def skip_name(self) -> None:
        """Skip a name without following its pointers.

        Reading the owner of every record would take most of the time.
        """
        while size := self.byte():
            if size >= POINTER:
                self.byte()
                return
            self.bytes(size)
