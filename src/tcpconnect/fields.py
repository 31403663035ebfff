"""What a field of an output is: described once, read by every output."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from tcpconnect import messages
from tcpconnect.errors import UsageError, did_you_mean
from tcpconnect.memo import Memo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import msgspec

# Tones of values: what has failed, and what deserves a second look.
BAD, ODD = "bad", "odd"
# As long as a SYN without an answer waits to be sent again (RFC 6298).
SLOW_MS = 1000

# What has to be traced for a field, besides the attempts: "lport", "result", "why" or
# "dns", as in Settings; what the program "asked" for; the "process", or that and the
# files that name "containers".
Need = Literal["", "lport", "result", "why", "dns", "process", "containers", "asked"]


class Field(NamedTuple):
    """What a member of a struct needs, and how it is shown.

    ``reads`` is what the kernel has to read of who connects, a word of enum detail.
    ``spec`` is the printf conversion of a table cell; ``shown`` turns the member's
    value into the one shown, of type ``shown_type``, in every output; ``read`` does the
    same the other way round, and raises ValueError. ``cell`` names
    the attribute that a table shows instead of the member; ``tone`` says which values
    a terminal sets off, and how: BAD, ODD or "".
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

    @property
    def header(self) -> str:
        """The header of the column: label and unit."""
        return f"{self.label}({self.unit})" if self.unit else self.label


class Column(NamedTuple):
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


def choose(table: dict[str, Column], names: Iterable[str]) -> list[Column]:
    """Return the named columns in the order of the names.

    Raises UsageError for a name that the table does not have, or that comes twice.
    """
    chosen: list[Column] = []
    for name in names:
        if any(name == column.name for column in chosen):
            raise UsageError(messages.COLUMN_TWICE, name=name)
        if name not in table:
            near = did_you_mean(name, table)
            raise UsageError(messages.UNKNOWN_COLUMN, name=name, near=near)
        chosen.append(table[name])
    return chosen


def slow(milliseconds: float) -> str:
    """Return the tone of a latency."""
    return ODD if milliseconds >= SLOW_MS else ""


MAX_SECONDS = 256  # an attempt may end two minutes after it began


def _text(seconds: str) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(seconds)))


def _seconds_of(text: str) -> int:
    """Do the same the other way round. Raises ValueError."""
    from datetime import datetime  # only recordings are read

    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


# Of whole seconds since the epoch.
_texts, _seconds = Memo(_text, MAX_SECONDS), Memo(_seconds_of, MAX_SECONDS)


def rfc3339(nanoseconds: int) -> str:
    """Return a time since the epoch as RFC 3339 in UTC, with nanoseconds."""
    # A third sooner than by arithmetic.
    digits = str(nanoseconds).zfill(10)
    return f"{_texts[digits[:-9]]}.{digits[-9:]}Z"


def from_rfc3339(text: str) -> int:
    """Return the time that ``rfc3339`` made a text of. Raises ValueError."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    nanoseconds = _seconds[seconds] * 10**9 + int(fraction[:9].ljust(9, "0"))
    if nanoseconds < 0:
        raise ValueError(f"{text} is before 1970")
    return nanoseconds
