"""Columns for people, in the layout of bcc's tcpconnect."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tcpconnect.formats import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import msgspec

    from tcpconnect.fields import Column

UNKNOWN = "-"
MAX_CELLS, MAX_CELL = 4096, 64  # how many of a column are kept, and how long ones


class Sink:
    """Rows through one expression, made once. Wide values push the line."""

    def __init__(self, columns: list[Column]) -> None:
        widths = [*[column.field.width for column in columns[:-1]], 0]
        self._headers = [c.field.header for c in columns]
        self._header = " ".join(f"%-{w}s" if w else "%s" for w in widths)
        self._lines = _line_maker(columns, widths)

    def header(self) -> bytes:
        """Return the line of headers."""
        return f"{self._header % tuple(self._headers)}\n".encode()

    def rows(self, structs: Iterable[msgspec.Struct]) -> bytes:
        """Return a line for each struct."""
        return "".join(self._lines(structs)).encode()


class _Cells(dict[Any, str]):
    """The cells of a column by value, kept for the next time.

    To find one takes a fifth of what it takes to make it; in vain, it takes as long.
    """

    def __init__(self, template: str, unknown: str) -> None:
        self._template = template
        self._unknown = unknown

    def __missing__(self, value: Any) -> str:
        cell = self._unknown if value is None else self._template % value
        if len(cell) > MAX_CELL:
            return cell
        if len(self) >= MAX_CELLS:
            self.clear()
        self[value] = cell
        return cell


def _line_maker(
    columns: list[Column], widths: list[int]
) -> Callable[[Iterable[msgspec.Struct]], list[str]]:
    known: dict[str, Any] = {}
    pairs = zip(columns, widths, strict=True)
    cells = [_expression(column, width, known) for column, width in pairs]
    line = " ".join(f"{{{cell}}}" for cell in cells)
    return compiled(f'f"{line}\\n"', known)


def _expression(column: Column, width: int, known: dict[str, Any]) -> str:
    """Return the cell of ``struct`` as source; what it names is put into ``known``."""
    name, field, _, path = column
    template = f"%-{width}{field.spec}" if width else f"%{field.spec}"
    known[f"template_{name}"] = template
    known[f"show_{name}"] = field.shown
    known[f"cells_{name}"] = _Cells(template, UNKNOWN.ljust(width))
    value = f"struct.{field.cell or path}"
    kept = f"cells_{name}[{value}]"
    if field.shown:
        return f"template_{name} % show_{name}({value})"
    if math.isinf(field.kept_below):
        return kept
    keep = f"{value} is None or {value} < {field.kept_below}"
    return f"{kept} if {keep} else template_{name} % {value}"
