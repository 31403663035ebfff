"""JSON, one object a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.json import Encoder

from tcpconnect.sinks import row_getter

if TYPE_CHECKING:
    from collections.abc import Iterable

    import msgspec

    from tcpconnect.fields import Column


class Sink:
    """Objects whose keys are the names of the columns, in their order."""

    def __init__(self, columns: list[Column]) -> None:
        self._get = row_getter(columns)
        self._names = [column.name for column in columns]
        self._encode = Encoder().encode_lines

    def header(self) -> bytes:
        """Return nothing: the keys are in every object."""
        return b""

    def rows(self, structs: Iterable[msgspec.Struct]) -> bytes:
        """Return an object for each struct."""
        names = self._names
        rows = map(self._get, structs)
        # Rows are made from the names: strict=True would check it again each time.
        return self._encode([dict(zip(names, row)) for row in rows])  # noqa: B905
