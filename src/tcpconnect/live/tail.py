"""Output that is kept: the end of it, in bounded memory."""

from __future__ import annotations

from collections import deque

MAX_KEPT = 256 << 10  # bytes


class Tail:
    """Keeps the last bytes that were added; ``gone`` are lines that it has no more."""

    def __init__(self, most: int = MAX_KEPT) -> None:
        self.gone = 0
        self._most = most
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._lines: list[str] | None = []

    def add(self, data: bytes) -> None:
        """Add bytes; the first ones go when there are too many."""
        self._lines = None
        self._pieces.append(data)
        self._size += len(data)
        while self._size > self._most:
            first = self._pieces.popleft()
            cut = min(len(first), self._size - self._most)
            if cut < len(first):
                self._pieces.appendleft(first[cut:])
            self._size -= cut
            self.gone += first.count(b"\n", 0, cut)

    def whole(self) -> bytes:
        """Return all that is kept."""
        return b"".join(self._pieces)

    def lines(self) -> list[str]:
        """Return it as lines."""
        if self._lines is None:
            text = self.whole().decode(errors="backslashreplace")
            self._lines = [line.rstrip("\r") for line in text.split("\n")]
            if not self._lines[-1]:
                self._lines.pop()
        return self._lines
