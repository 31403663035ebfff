"""The table, in the layout of bcc's tcpconnect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.formats.rows import Rows
from tcpconnect.memo import Memo

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcpconnect.fields import Column
    from tcpconnect.formats import Reading

UNKNOWN = "-"
MAX_CELLS, MAX_CELL = 4096, 64  # most cells cached of a column, and their length
TRIAL_ROWS = 4096


class Table(Rows):
    """Rows through one expression, made once. Wide values push the line."""

    def __init__(self, columns: list[Column]) -> None:
        self._columns = columns
        self._widths = [*[column.field.width for column in columns[:-1]], 0]
        super().__init__()

    def header(self) -> bytes:
        """Return the line of headers."""
        cells = zip(self._columns, self._widths, strict=True)
        return f"{' '.join([c.field.header.ljust(w) for c, w in cells])}\n".encode()

    def maker(self, reading: Reading) -> Callable[..., list[Any]]:
        """Return a function that makes lines."""
        pairs = zip(self._columns, self._widths, strict=True)
        return _Lines([_Cells(*pair, reading) for pair in pairs], reading)

    def text(self, rows: list[Any]) -> bytes:
        """Return the lines as one text."""
        return "".join(rows).encode()


class _Lines:
    """Makes lines by one expression.

    The cells of a column are kept for values that come again. To find one takes a fifth
    of what it takes to make it; in vain, it takes as long. So after a trial only those
    of columns stay whose values came again in half of the rows, or more.
    """

    def __init__(self, cells: list[_Cells], reading: Reading) -> None:
        self._cells = cells
        self._reading = reading
        self._make = self._compiled()
        self._tried = 0

    def __call__(self, *read: Any) -> list[Any]:
        lines = self._make(*read)
        if self._tried < TRIAL_ROWS:
            self._tried += len(lines)
            if self._tried >= TRIAL_ROWS:
                self._end_trial()
        return lines

    def _end_trial(self) -> None:
        for cells in self._cells:
            cells.kept = cells.kept and cells.made <= self._tried / 2
        self._make = self._compiled()

    def _compiled(self) -> Callable[..., list[Any]]:
        known: dict[str, Any] = {}
        cells = [_expression(cells, self._reading, known) for cells in self._cells]
        line = " ".join(f"{{{cell}}}" for cell in cells)
        return self._reading.compiled(f'f"{line}\\n"', known)


class _Cells(Memo[Any, str]):
    """The cells of a column by the key of its value, kept for the next time."""

    def __init__(self, column: Column, width: int, reading: Reading) -> None:
        super().__init__(self._cell, MAX_CELLS, _is_short)
        self.column = column
        self.path = column.field.cell or column.path
        self.key, self._value = reading.key(self.path)
        self.template = f"%-{width or ''}{column.field.spec}"
        self.unknown = UNKNOWN.ljust(width)
        self.kept = column.field.shown is None
        self.made = 0

    def _cell(self, key: Any) -> str:
        self.made += 1
        value = self._value(key) if self._value else key
        return self.unknown if value is None else self.template % value


def _is_short(_key: Any, cell: str) -> bool:
    return len(cell) <= MAX_CELL


def _expression(cells: _Cells, reading: Reading, known: dict[str, Any]) -> str:
    """Return a cell as source; put the names it uses into ``known``."""
    name, field = cells.column.name, cells.column.field
    known[f"cells_{name}"] = cells
    known[f"template_{name}"] = cells.template
    known[f"unknown_{name}"] = cells.unknown
    known[f"show_{name}"] = field.shown
    if cells.kept:
        return f"cells_{name}[{cells.key}]"
    value = reading.value(cells.path)
    if field.shown:
        return f"template_{name} % show_{name}({value})"
    return f"unknown_{name} if {value} is None else template_{name} % {value}"
