"""Output that is kept: the end of it, in bounded memory."""

from __future__ import annotations

from collections import deque

MAX_KEPT = 256 << 10  # bytes


class Kept:
    """Keeps the last bytes that were added."""

    def __init__(self, most: int = MAX_KEPT) -> None:
        self.dropped = 0  # bytes
        self._most = most
        self._pieces: deque[bytes] = deque()
        self._size = 0

    def add(self, data: bytes) -> None:
        """Add bytes; the first ones go when there are too many."""
        self._pieces.append(data)
        self._size += len(data)
        while self._size > self._most:
            first = self._pieces.popleft()
            gone = min(len(first), self._size - self._most)
            if gone < len(first):
                self._pieces.appendleft(first[gone:])
            self._size -= gone
            self.dropped += gone

    def whole(self) -> bytes:
        """Return all that is kept."""
        return b"".join(self._pieces)

    def lines(self) -> list[str]:
        """Return it as lines."""
        return self.whole().decode(errors="backslashreplace").splitlines()
