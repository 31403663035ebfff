"""The table, in the layout of bcc's tcpconnect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.formats import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import msgspec

    from tcpconnect.fields import Column

UNKNOWN = "-"
MAX_CELLS, MAX_CELL = 4096, 64  # most cells cached of a column, and their length
TRIAL_ROWS = 4096


class Table:
    """Rows through one expression, made once. Wide values push the line.

    The cells of a column are kept for values that come again. To find one takes a fifth
    of what it takes to make it; in vain, it takes as long. So after a trial only those
    of columns stay whose values came again in half of the rows, or more.
    """

    left_out = ()

    def __init__(self, columns: list[Column]) -> None:
        widths = [*[column.field.width for column in columns[:-1]], 0]
        self._headers = [c.field.header for c in columns]
        self._header = " ".join(f"%-{w}s" if w else "%s" for w in widths)
        self._cells = [_Cells(*pair) for pair in zip(columns, widths, strict=True)]
        self._lines = _line_maker(self._cells)
        self._tried = 0

    def header(self) -> bytes:
        """Return the line of headers."""
        return f"{self._header % tuple(self._headers)}\n".encode()

    def rows(self, structs: Iterable[msgspec.Struct]) -> bytes:
        """Return a line for each struct."""
        lines = self._lines(structs)
        if self._tried < TRIAL_ROWS:
            self._tried += len(lines)
            if self._tried >= TRIAL_ROWS:
                self._end_trial()
        return "".join(lines).encode()

    def _end_trial(self) -> None:
        for cells in self._cells:
            cells.kept = cells.kept and cells.made <= self._tried / 2
        self._lines = _line_maker(self._cells)


class _Cells(dict[Any, str]):
    """The cells of a column by value, kept for the next time."""

    def __init__(self, column: Column, width: int) -> None:
        self.column = column
        self.template = f"%-{width or ''}{column.field.spec}"
        self.unknown = UNKNOWN.ljust(width)
        self.kept = column.field.shown is None
        self.made = 0

    def __missing__(self, value: Any) -> str:
        self.made += 1
        cell = self.unknown if value is None else self.template % value
        if len(cell) > MAX_CELL:
            return cell
        if len(self) >= MAX_CELLS:
            self.clear()
        self[value] = cell
        return cell


def _line_maker(
    every: list[_Cells],
) -> Callable[[Iterable[msgspec.Struct]], list[str]]:
    known: dict[str, Any] = {}
    cells = [_expression(cells, known) for cells in every]
    line = " ".join(f"{{{cell}}}" for cell in cells)
    return compiled(f'f"{line}\\n"', known)


def _expression(cells: _Cells, known: dict[str, Any]) -> str:
    """Return the cell of ``struct`` as source; put the names it uses into ``known``."""
    name, field, _, path = cells.column
    known[f"cells_{name}"] = cells
    known[f"template_{name}"] = cells.template
    known[f"unknown_{name}"] = cells.unknown
    known[f"show_{name}"] = field.shown
    value = f"struct.{field.cell or path}"
    if cells.kept:
        return f"cells_{name}[{value}]"
    if field.shown:
        return f"template_{name} % show_{name}({value})"
    made = f"template_{name} % {value}"
    return f"unknown_{name} if {value} is None else {made}"
