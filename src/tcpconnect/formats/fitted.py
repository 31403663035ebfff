"""The table on a terminal: its columns fit the width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.formats import row_maker
from tcpconnect.formats.colored import BOLD, COLORS, set_off
from tcpconnect.formats.fitting import cells, cut, needed, widths
from tcpconnect.formats.table import UNKNOWN
from tcpconnect.output import escaped, is_unicode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import msgspec

    from tcpconnect.fields import Column, Field


class FittedTable:
    """Lines as long as the terminal is wide, at most. They are aligned.

    When columns have to move, because the terminal was resized or a long value came,
    there is another header.
    """

    def __init__(
        self, columns: list[Column], width: Callable[[], int], *, colored: bool = False
    ) -> None:
        self.left_out: Sequence[str] = ()
        self._rows = row_maker(columns, cells=True)
        self._fields = [column.field for column in columns]
        self._width = width
        self._colored = colored
        self._unicode = is_unicode()
        self._mark = "…" if self._unicode else "~"
        self._need = [needed(field, len(field.header)) for field in self._fields]
        self._printed = ""  # the last header
        self._of: tuple[int, ...] = ()  # what the widths were found for
        self._found: list[int] = []

    def header(self) -> bytes:
        """Return the line of headers."""
        self._printed = self._titles(self._widths())
        return self._bold(self._printed).encode()

    def rows(self, structs: Iterable[msgspec.Struct]) -> bytes:
        """Return a line for each struct; before them a header, if columns moved."""
        values = self._rows(structs)
        columns = [
            [self._text(field, row[i]) for row in values]
            for i, field in enumerate(self._fields)
        ]
        self._learn(columns)
        found = self._widths()
        titles, head = self._titles(found), ""
        if self._printed and titles != self._printed:
            self._printed, head = titles, self._bold(titles)
        lines = zip(values, zip(*columns, strict=True), strict=True)
        text = [self._line(found, *line) for line in lines]
        return "".join([head, *text]).encode()

    def _learn(self, columns: Iterable[Sequence[str]]) -> None:
        """Learn what the values need that may not be cut."""
        for i, column in enumerate(columns):
            if self._fields[i].fit.whole:
                longest = max(map(len, column))
                self._need[i] = max(self._need[i], needed(self._fields[i], longest))

    def _widths(self) -> list[int]:
        width = self._width()
        if self._of != (width, *self._need):
            self._of = width, *self._need
            self._found = widths(self._fields, width, self._need)
            shown = zip(self._fields, self._found, strict=True)
            self.left_out = [field.label for field, cells in shown if not cells]
        return self._found

    def _titles(self, found: list[int]) -> str:
        headers = [field.header for field in self._fields]
        return self._line(found, [None] * len(headers), headers)

    def _bold(self, titles: str) -> str:
        return set_off(titles, BOLD) if self._colored else titles

    def _text(self, field: Field, value: Any) -> str:
        if value is None:
            return UNKNOWN
        if not isinstance(value, str):
            return f"%{field.spec}" % (value,)
        shown: str = value
        return shown if self._unicode else escaped(shown)

    def _line(
        self, found: list[int], values: Sequence[Any], texts: Sequence[str]
    ) -> str:
        return " ".join(self._cells(found, values, texts)).rstrip(" ") + "\n"

    def _cells(
        self, found: list[int], values: Sequence[Any], texts: Sequence[str]
    ) -> Iterator[str]:
        for field, width, value, text in zip(
            self._fields, found, values, texts, strict=True
        ):
            if width:
                cell = cut(text, width, self._mark, tail=field.fit.tail)
                cell += " " * (width - cells(cell))
                yield self._toned(field, value, cell)

    def _toned(self, field: Field, value: Any, cell: str) -> str:
        if not self._colored or field.tone is None or value is None:
            return cell
        tone = field.tone(value)
        return set_off(cell, COLORS[tone]) if tone else cell
