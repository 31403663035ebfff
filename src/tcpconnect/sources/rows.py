"""The lines of a recording: their type, and how they become Connections."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, get_args

import msgspec
from msgspec import UNSET, UnsetType

from tcpconnect.connection import CONNECT, MEMBERS, Connection
from tcpconnect.formats import STRUCTS
from tcpconnect.output import harmless
from tcpconnect.recorded import About

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tcpconnect.fields import Column

EPOCH = "1970-01-01T00:00:00Z"
# An escape that may become a character that is not printable.
ESCAPE = re.compile(rb"\\[^\"\\/]")
DEL = b"\x7f"
DESTINATION = "daddr"  # what every event has
# Members that are not recorded: the time by a clock that others do not have, and
# whether it was refused before its SYN, when it takes no time.
NO_COLUMNS = {
    "monotonic_ns": "0",
    "refused_by": (
        "int(struct.latency_ms == 0 and struct.result not in {None, 'OK', 'PENDING'})"
    ),
}

Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Length = Annotated[float, msgspec.Meta(ge=0, le=1e12)]  # of a time, in its unit
BOUNDED: dict[Any, Any] = {
    int: Number,
    int | None: Number | None,
    float: Length,
    float | None: Length | None,
}


class Total(msgspec.Struct):
    """The last line of a recording."""

    dropped: Number = 0
    lost: dict[str, Number] = {}


def _row() -> type[Any]:
    """Return the type of a line: each key of an event may be missing, and others too.

    What is no event has no destination, but one of the last keys.
    """
    keys: list[tuple[str, Any, Any]] = [
        (name, _type_of(column), _missing(column))
        for name, column in MEMBERS.items()
        if name != DESTINATION
    ]
    for name, kind in (
        (DESTINATION, str | None),
        ("tcpconnect", About),
        ("lost", dict[str, Number]),
        ("warning", str),
        ("total", Total),
    ):
        keys.append((name, kind | UnsetType, UNSET))
    return msgspec.defstruct("Row", keys, gc=False)


def _type_of(column: Column) -> Any:
    """Return the type of a column's values; numbers are those that the kernel has."""
    if column.field.shown_type:
        return column.field.shown_type
    return BOUNDED.get(column.type, column.type)


def _missing(column: Column) -> Any:
    """Return what a key that is missing stands for."""
    if column.nullable:
        return None
    if column.name == "event":
        return CONNECT
    return EPOCH if column.field.shown else column.type()


def _reader(*, checked: bool) -> Callable[[Iterable[Any]], list[Connection]]:
    """Return a function from rows to Connections; ``checked``: texts are looked at."""
    known: dict[str, Any] = {"harmless": harmless, "checked": checked}
    return STRUCTS.compiled(_expression(Connection, known), known)


def _expression(struct: type[msgspec.Struct], known: dict[str, Any]) -> str:
    """Return source code that makes a struct of a row; its names go into ``known``."""
    members = []
    for name, hint in struct.__annotations__.items():
        if column := MEMBERS.get(name):
            members.append(f"{name}={_value(column, known)}")
        elif hasattr(hint, "__struct_fields__"):
            members.append(f"{name}={_expression(hint, known)}")
        else:
            members.append(f"{name}={NO_COLUMNS[name]}")
    known[struct.__name__] = struct
    return f"{struct.__name__}({', '.join(members)})"


def _value(column: Column, known: dict[str, Any]) -> str:
    value = f"struct.{column.name}"
    if column.field.read:
        known[f"read_{column.name}"] = column.field.read
        return f"read_{column.name}({value})"
    if not known["checked"]:
        return value
    if column.type is str:
        return f"harmless({value})"
    if str in get_args(column.type):
        return f"({value} and harmless({value}))"
    return value


DECODER = msgspec.json.Decoder(_row())
read = _reader(checked=True)
read_plain = _reader(checked=False)


def is_plain(lines: bytes) -> bool:
    """Whether all texts of these lines are of printable ASCII: to look is fast."""
    if not lines.isascii() or DEL in lines:
        return False
    return b"\\" not in lines or not ESCAPE.search(lines)
