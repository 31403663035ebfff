"""The outputs: each turns structs into the bytes of their columns."""

from __future__ import annotations

from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import msgspec

    from tcpconnect.fields import Column

# Format: the module that has it, imported when chosen.
FORMATS = {
    "table": "tcpconnect.sinks.table",
    "json": "tcpconnect.sinks.jsonl",
    "csv": "tcpconnect.sinks.csv",
}

# The same with colors, where a format has them.
COLORED = {"table": "tcpconnect.sinks.colored"}


class Sink(Protocol):
    """One output format for a choice of columns."""

    def header(self) -> bytes:
        """Return what comes before all rows."""

    def rows(self, structs: Iterable[msgspec.Struct]) -> bytes:
        """Return the lines of these structs."""


def open_sink(name: str, columns: list[Column], *, colored: bool = False) -> Sink:
    """Return the sink of the format ``name``, a key of FORMATS."""
    module = COLORED.get(name, FORMATS[name]) if colored else FORMATS[name]
    sink: Sink = import_module(module).Sink(columns)
    return sink


def row_getter(
    columns: list[Column], *, cells: bool = False, unknown: str | None = None
) -> Callable[[msgspec.Struct], tuple[Any, ...]]:
    """Return a function from a struct to the values shown in these columns.

    With ``cells``, to the values that a table shows. What is None becomes ``unknown``.
    """
    names = [(cells and column.field.cell) or column.name for column in columns]
    get: Callable[[msgspec.Struct], tuple[Any, ...]] = attrgetter(*names)
    if len(names) == 1:
        only = attrgetter(*names)
        get = lambda struct: (only(struct),)  # noqa: E731
    shown = [(i, c.field.shown) for i, c in enumerate(columns) if c.field.shown]
    nullable = [i for i, c in enumerate(columns) if c.nullable and unknown is not None]
    if not (shown or nullable):
        return get

    def get_shown(struct: msgspec.Struct) -> tuple[Any, ...]:
        values = list(get(struct))
        for i, show in shown:
            values[i] = show(values[i])
        for i in nullable:
            if values[i] is None:
                values[i] = unknown
        return tuple(values)

    return get_shown
