"""Waiting: windows that are not written yet, merged so that their number is bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.history.rows import Windows, merge
from tcpconnect.history.schema import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from tcpconnect.history.rows import Rows

MOST = 65_536  # rows, of some 500 bytes
LOST = "waiting"  # the reason of what does not fit


class Waiting:
    """Windows and losses, in the order in which they came."""

    def __init__(self) -> None:
        self.windows: Windows = {}
        self.lost: dict[tuple[int, str], int] = {}

    @property
    def attempts(self) -> int:
        """How many attempts the windows have."""
        return sum(
            row.attempts for rows in self.windows.values() for row in rows.values()
        )

    def add(self, rows: Rows, lost: dict[str, int], now: int) -> None:
        """Add the rows and the losses of a window that ends now."""
        minute = now - now % MINUTE
        if rows:
            merge(self.windows.setdefault((MINUTE, minute), {}), rows)
            self._shrink()
        for reason, number in lost.items():
            self.lose(now, reason, number)

    def put_before(self, older: Waiting) -> None:
        """Put back what could not be written, before what came meanwhile."""
        newer, self.windows = self.windows, older.windows
        for moment, rows in newer.items():
            merge(self.windows.setdefault(moment, {}), rows)
        for (minute, reason), number in older.lost.items():
            self.lose(minute, reason, number)
        self._shrink()

    def lose(self, time: int, reason: str, number: int) -> None:
        """Count what was lost at a time, by a reason."""
        key = time - time % MINUTE, reason
        self.lost[key] = self.lost.get(key, 0) + number

    def _shrink(self) -> None:
        """Make rows coarser where there are too many; at last, drop the oldest."""
        for span in (HOUR, DAY):
            if self._rows() > MOST:
                self._widen(span)
        while self._rows() > MOST and len(self.windows) > 1:
            oldest = min(self.windows, key=lambda moment: moment[1])
            rows = self.windows.pop(oldest)
            self.lose(oldest[1], LOST, sum(row.attempts for row in rows.values()))

    def _rows(self) -> int:
        return sum(map(len, self.windows.values()))

    def _widen(self, span: int) -> None:
        narrow, self.windows = self.windows, {}
        for (was, time), rows in narrow.items():
            wide = max(was, span)
            merge(self.windows.setdefault((wide, time - time % wide), {}), rows)
