"""JSON, one object per line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import defstruct
from msgspec.json import Encoder

from tcpconnect.formats import row_maker
from tcpconnect.formats.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcpconnect.fields import Column
    from tcpconnect.formats import Reading


class JsonLines(Rows):
    """Objects whose keys are the names of the columns, in their order.

    There is no header: the keys are in every object.
    """

    def __init__(self, columns: list[Column]) -> None:
        self._columns = columns
        self._row = defstruct("Row", [column.name for column in columns], gc=False)
        self._encode = Encoder().encode_lines
        super().__init__()

    def maker(self, reading: Reading) -> Callable[..., list[Any]]:
        """Return a function that makes the objects."""
        return row_maker(self._columns, self._row, reading=reading)

    def text(self, rows: list[Any]) -> bytes:
        """Return a line for each object."""
        return self._encode(rows)
