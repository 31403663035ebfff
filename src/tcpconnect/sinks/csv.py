"""CSV as of RFC 4180, with a header of the columns' names."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any

from tcpconnect.sinks import row_getter

if TYPE_CHECKING:
    from collections.abc import Iterable

    import msgspec

    from tcpconnect.fields import Column


class Sink:
    """Comma-separated rows; what is unknown is empty."""

    def __init__(self, columns: list[Column]) -> None:
        self._get = row_getter(columns)
        self._names = [column.name for column in columns]

    def header(self) -> bytes:
        """Return the line of names."""
        return _lines([self._names])

    def rows(self, structs: Iterable[msgspec.Struct]) -> bytes:
        """Return a line for each struct."""
        return _lines(map(self._get, structs))


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
