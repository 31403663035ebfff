"""A panel: lines that are shown instead of rows, and which of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP, OUTPUT, SAME = "help", "output", "same"


class Panel:
    """What is shown instead of rows, by its ``name``, or "".

    A line keeps its number when those before it go. The end of output is followed
    until one scrolls up.
    """

    def __init__(self) -> None:
        self.name = ""
        self.height = 1  # lines that are shown
        self._top: int | None = 0  # the number of the first one, None: of the last ones
        self._begin = self._end = 0  # the numbers of those that there are

    def toggle(self, name: str) -> None:
        """Show this, or nothing more if it is shown."""
        self.name = "" if name == self.name else name
        self._top = None if name == OUTPUT else 0

    def close(self) -> None:
        """Show rows again."""
        self.name = ""

    def move(self, lines: int) -> None:
        """Scroll."""
        self._top = self._within(self.top + lines)
        if self.name == OUTPUT and self._top == self._last:
            self._top = None

    @property
    def top(self) -> int:
        """The number of the first line that is shown."""
        return self._last if self._top is None else self._within(self._top)

    @property
    def _last(self) -> int:
        """The highest number that the first line can have."""
        return max(self._begin, self._end - self.height)

    def _within(self, number: int) -> int:
        return max(self._begin, min(number, self._last))

    def shown(self, lines: Sequence[str], begin: int = 0) -> Sequence[str]:
        """Return those of the lines that are shown; the first has this number."""
        self._begin, self._end = begin, begin + len(lines)
        at = self.top - begin
        return lines[at : at + self.height]

    def place(self) -> str:
        """Return which lines are shown, where that is not all."""
        count = self._end - self._begin
        if count <= self.height:
            return ""
        at = self.top - self._begin
        return f"lines {at + 1}-{at + self.height} of {count}"
