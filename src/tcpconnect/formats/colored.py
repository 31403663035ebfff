"""The table on a terminal: the same characters, some of them colored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.formats import row_maker, table
from tcpconnect.formats.rows import Rows
from tcpconnect.tones import BAD, ODD

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcpconnect.fields import Column, Field
    from tcpconnect.formats import Reading

# Parameters of SGR (ECMA-48); the terminal's theme defines red and yellow.
BOLD = "1"
COLORS = {BAD: "31", ODD: "33"}


class ColoredTable(Rows):
    """Made cell by cell, for terminals without a width; widths are the table's."""

    def __init__(self, columns: list[Column]) -> None:
        self._plain = table.Table(columns)
        self._columns = columns
        self._fields = [column.field for column in columns]
        self._widths = [*[field.width for field in self._fields[:-1]], 0]
        super().__init__()

    def header(self) -> bytes:
        """Return the line of headers."""
        return set_off(self._plain.header().decode(), BOLD).encode()

    def maker(self, reading: Reading) -> Callable[..., list[Any]]:
        """Return a function that makes rows of values."""
        return row_maker(self._columns, cells=True, reading=reading)

    def text(self, rows: list[Any]) -> bytes:
        """Return a line for each row."""
        return "".join([self._line(row) for row in rows]).encode()

    def _line(self, row: tuple[Any, ...]) -> str:
        cells = zip(self._fields, self._widths, row, strict=True)
        return " ".join([_cell(*cell) for cell in cells]) + "\n"


def _cell(field: Field, width: int, value: Any) -> str:
    if value is None:
        return f"{'-':<{width}}"
    cell = f"%-{width}{field.spec}" % value
    tone = field.tone(value) if field.tone else ""
    return set_off(cell, COLORS[tone]) if tone else cell


def set_off(text: str, color: str) -> str:
    """Color a text, but not its trailing spaces."""
    word = text.rstrip()
    return f"\x1b[{color}m{word}\x1b[0m{text[len(word) :]}"
