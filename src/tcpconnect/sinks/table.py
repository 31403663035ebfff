"""Columns for people, in the layout of bcc's tcpconnect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.sinks import row_maker

if TYPE_CHECKING:
    from collections.abc import Iterable

    import msgspec

    from tcpconnect.fields import Column


class Sink:
    """Rows through one template, made once. Wide values push the line."""

    def __init__(self, columns: list[Column]) -> None:
        self._rows = row_maker(columns, cells=True)
        self._widths = [f"-{column.field.width}" for column in columns[:-1]] + [""]
        self._specs = [column.field.spec for column in columns]
        self._template = self._join(self._specs)
        self._nullable = any(column.nullable for column in columns)
        self._headers = tuple(column.field.header for column in columns)

    def _join(self, specs: list[str]) -> str:
        cells = zip(self._widths, specs, strict=True)
        return " ".join(f"%{width}{spec}" for width, spec in cells) + "\n"

    def header(self) -> bytes:
        """Return the line of headers."""
        return (self._join(["s"] * len(self._headers)) % self._headers).encode()

    def rows(self, structs: Iterable[msgspec.Struct]) -> bytes:
        """Return a line for each struct."""
        template = self._template
        rows = self._rows(structs)
        # To look for None in every row would cost more than to look at the text: there
        # it is a word, or no number that can be formatted.
        try:
            text = "".join([template % row for row in rows])
        except TypeError:
            text = "None"
        if self._nullable and "None" in text:
            text = "".join(
                [
                    self._incomplete(row) if None in row else template % row
                    for row in rows
                ]
            )
        return text.encode()

    def _incomplete(self, row: tuple[Any, ...]) -> str:
        specs = zip(self._specs, row, strict=True)
        template = self._join(["s" if v is None else spec for spec, v in specs])
        return template % tuple("-" if value is None else value for value in row)
