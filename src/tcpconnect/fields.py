"""What a field of an output is: described once, read by every output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from tcpconnect import fit, messages
from tcpconnect.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# What has to be traced for a field, besides the attempts: "lport", "result", "why" or
# "dns", as in Settings; what the program "asked" for; the "process", or that and the
# files that name "containers".
Need = Literal["", "lport", "result", "why", "dns", "process", "containers", "asked"]


MOST_LISTED = 12  # columns that an error names


class Field(msgspec.Struct, frozen=True):
    """What a member of a struct needs, and how it is shown.

    ``reads`` is what the kernel has to read of who connects, a word of enum detail.
    ``spec`` is the printf conversion of a table cell; ``shown`` turns the member's
    value into the one shown, of type ``shown_type``, in every output; ``read`` does the
    same the other way round, and raises ValueError. ``cell`` names
    the attribute that a table shows instead of the member; ``tone`` says which values
    a terminal sets off, and how: a word of ``tones.py``. ``fit`` says how the column
    fits one.
    """

    label: str
    width: int
    meaning: str
    spec: str = "s"
    shown: Callable[[Any], Any] | None = None
    shown_type: Any = None
    read: Callable[[Any], Any] | None = None
    cell: str = ""
    tone: Callable[[Any], str] | None = None
    unit: str = ""
    needs: Need = ""
    reads: str = ""
    fit: fit.Fit = fit.OTHER

    @property
    def header(self) -> str:
        """The header of the column: label and unit."""
        return f"{self.label}({self.unit})" if self.unit else self.label


class Column(msgspec.Struct, frozen=True):
    """A field with the name and the type it has in its struct.

    ``path`` leads to its value from the struct that has it, or has the struct of it.
    """

    name: str
    field: Field
    type: Any
    path: str

    @property
    def nullable(self) -> bool:
        """Whether the value may be unknown: ``-`` in a table, null in JSON."""
        return type(None) in get_args(self.type)


def columns_of(struct: type[msgspec.Struct], path: str = "") -> dict[str, Column]:
    """Return the field table of a struct: its columns by name, in their order.

    Those of a struct in it are among them, in its place.
    """
    columns: dict[str, Column] = {}
    for name, hint in struct.__annotations__.items():
        if hasattr(hint, "__metadata__"):
            (field,) = hint.__metadata__
            columns[name] = Column(name, field, hint.__origin__, path + name)
        elif hasattr(hint, "__struct_fields__"):
            columns |= columns_of(hint, f"{path}{name}.")
    return columns


def unknown(name: str, table: dict[str, Column]) -> UsageError:
    """Return the error for a column that a table does not have, with what it has."""
    labels = {column.field.label.lower(): each for each, column in table.items()}
    word = name.lower().partition("(")[0]  # perhaps of a header
    word = word if word in table else labels.get(word, word)
    near = f"did you mean {word}?" if word in table else did_you_mean(word, table)
    expected = ""
    if len(table) > MOST_LISTED:
        near = f"{near} {messages.ALL_COLUMNS}"
    elif not near:
        expected = messages.COLUMNS_ARE.format(names=", ".join(table))
    message = messages.UNKNOWN_COLUMN
    return UsageError(message, name=name, expected=expected, near=near)


def choose(table: dict[str, Column], names: Iterable[str]) -> list[Column]:
    """Return the named columns in the order of the names.

    Raises UsageError for a name that the table does not have, or that comes twice.
    """
    chosen: list[Column] = []
    for name in names:
        if any(name == column.name for column in chosen):
            raise UsageError(messages.COLUMN_TWICE, name=name)
        if name not in table:
            raise unknown(name, table)
        chosen.append(table[name])
    return chosen
