"""The table on a terminal: the same characters, some of them colored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.formats import row_maker, table
from tcpconnect.tones import BAD, ODD

if TYPE_CHECKING:
    from collections.abc import Iterable

    import msgspec

    from tcpconnect.fields import Column, Field

# Parameters of SGR (ECMA-48); the terminal's theme defines red and yellow.
BOLD = "1"
COLORS = {BAD: "31", ODD: "33"}


class ColoredTable:
    """Made cell by cell, since a terminal is slow anyway; widths are the table's."""

    left_out = ()

    def __init__(self, columns: list[Column]) -> None:
        self._plain = table.Table(columns)
        self._rows = row_maker(columns, cells=True)
        self._fields = [column.field for column in columns]
        self._widths = [*[field.width for field in self._fields[:-1]], 0]

    def header(self) -> bytes:
        """Return the line of headers."""
        return set_off(self._plain.header().decode(), BOLD).encode()

    def rows(self, structs: Iterable[msgspec.Struct]) -> bytes:
        """Return a line for each struct."""
        return "".join([self._line(row) for row in self._rows(structs)]).encode()

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
