"""JSON, one object per line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import defstruct
from msgspec.json import Encoder

from tcpconnect.formats import row_maker

if TYPE_CHECKING:
    from collections.abc import Iterable

    import msgspec

    from tcpconnect.fields import Column


class JsonLines:
    """Objects whose keys are the names of the columns, in their order."""

    left_out = ()

    def __init__(self, columns: list[Column]) -> None:
        row = defstruct("Row", [column.name for column in columns], gc=False)
        self._rows = row_maker(columns, row)
        self._encode = Encoder().encode_lines

    def header(self) -> bytes:
        """Return nothing: the keys are in every object."""
        return b""

    def rows(self, structs: Iterable[msgspec.Struct]) -> bytes:
        """Return an object for each struct."""
        return self._encode(self._rows(structs))
