"""The formats: each turns structs into the bytes of their columns."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Protocol

    import msgspec

    from tcpconnect.fields import Column

# Format: the module that has it, imported when chosen, and its class.
FORMATS = {
    "table": ("tcpconnect.formats.table", "Table"),
    "json": ("tcpconnect.formats.jsonl", "JsonLines"),
    "csv": ("tcpconnect.formats.csv", "Csv"),
    "ecs": ("tcpconnect.formats.shaped", "Ecs"),
    "ocsf": ("tcpconnect.formats.shaped", "Ocsf"),
}
# Of single attempts only: those of others' schemas.
SHAPED = ("ecs", "ocsf")

# The same with colors, and on a terminal, where a format has them.
COLORED = {"table": ("tcpconnect.formats.colored", "ColoredTable")}
FITTED = {"table": ("tcpconnect.formats.fitted", "FittedTable")}


if TYPE_CHECKING:

    class Reading(Protocol):
        """How the values of columns are read from what rows are made of."""

        def value(self, path: str) -> str:
            """Return the source of the value at a path of a struct."""

        def key(self, path: str) -> tuple[str, Callable[[Any], Any] | None]:
            """Return the source of all that this value hangs on, and what makes it.

            None: it is the value itself.
            """

        def compiled(
            self, expression: str, known: dict[str, Any]
        ) -> Callable[..., list[Any]]:
            """Return a function that returns the value of an expression for each.

            ``known`` has the names that the expression uses. Looping over the columns
            for every row takes twice as long.
            """


class Structs:
    """Reads from structs."""

    def value(self, path: str) -> str:
        """Return the source of a member of a ``struct``."""
        return f"struct.{path}"

    def key(self, path: str) -> tuple[str, None]:
        """Return the source of the member: values hang on nothing else."""
        return self.value(path), None

    def compiled(
        self, expression: str, known: dict[str, Any]
    ) -> Callable[[Iterable[msgspec.Struct]], list[Any]]:
        """Return a function from structs to the value of an expression for each."""
        source = f"lambda structs: [{expression} for struct in structs]"
        maker: Callable[[Iterable[msgspec.Struct]], list[Any]]
        maker = eval(source, known)  # noqa: S307 (names of our own fields, nothing else)
        return maker


STRUCTS = Structs()


if TYPE_CHECKING:

    class Format(Protocol):
        """A format for a choice of columns.

        ``left_out`` are the headers of those that did not fit in the last line.
        """

        left_out: Sequence[str]

        def header(self) -> bytes:
            """Return the header of all rows."""

        def rows(self, structs: Iterable[msgspec.Struct]) -> bytes:
            """Return the lines of these structs."""


def open_format(
    name: str,
    columns: list[Column],
    *,
    colored: bool = False,
    width: Callable[[], int] | None = None,
) -> Format:
    """Return the format ``name``, a key of FORMATS.

    ``width`` is that of a terminal whose lines have to fit.
    """
    if width and name in FITTED:
        return _kind(*FITTED[name])(columns, width, colored=colored)
    found = COLORED.get(name, FORMATS[name]) if colored else FORMATS[name]
    return _kind(*found)(columns)


def _kind(module: str, name: str) -> Callable[..., Format]:
    kind: Callable[..., Format] = getattr(import_module(module), name)
    return kind


def row_maker(
    columns: list[Column],
    row: type | None = None,
    *,
    cells: bool = False,
    unknown: str | None = None,
    reading: Reading = STRUCTS,
) -> Callable[..., list[Any]]:
    """Return a function from structs to their rows: the values shown in these columns.

    A row is a tuple, or a ``row`` made from the values. With ``cells``, the values are
    the cells of a table. None becomes ``unknown``.
    """
    known: dict[str, Any] = {"row": row, "unknown": unknown}
    values = []
    for column in columns:
        field, name = column.field, column.name
        value = member = reading.value((cells and field.cell) or column.path)
        if field.shown:
            known[f"show_{name}"] = field.shown
            value = f"show_{name}({member})"
        if unknown is not None and column.nullable:
            value = f"unknown if {member} is None else {value}"
        values.append(f"({value}),")
    return reading.compiled(f"{'row' if row else ''}({' '.join(values)})", known)
