"""CSV as of RFC 4180, with a header of the columns' names."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any

from tcpconnect.formats import row_maker
from tcpconnect.formats.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tcpconnect.fields import Column
    from tcpconnect.formats import Reading

END = "\r\n"


class Csv(Rows):
    """Comma-separated rows; what is unknown is empty."""

    def __init__(self, columns: list[Column]) -> None:
        self._columns = columns
        self._names = [column.name for column in columns]
        self._template = ",".join(["%s"] * len(columns)) + END
        super().__init__()

    def header(self) -> bytes:
        """Return the line of names."""
        return _quoted([self._names])

    def maker(self, reading: Reading) -> Callable[..., list[Any]]:
        """Return a function that makes rows of values."""
        return row_maker(self._columns, unknown="", reading=reading)

    def text(self, rows: list[Any]) -> bytes:
        """Return a line for each row."""
        template = self._template
        text = "".join([template % row for row in rows])
        return text.encode() if self._plain(text, len(rows)) else _quoted(rows)

    def _plain(self, text: str, rows: int) -> bool:
        """Whether no value needs quotes, the common case: csv is three times slower.

        A single empty value would be an empty line.
        """
        return (
            '"' not in text
            and len(self._names) > 1
            and text.count(",") == rows * (len(self._names) - 1)
            and text.count("\r") == text.count("\n") == rows
        )


def _quoted(rows: Iterable[Iterable[Any]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text, lineterminator=END).writerows(rows)
    return text.getvalue().encode()
