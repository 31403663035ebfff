"""Events to show: plausible ones, and ones with something in every member."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

import msgspec

from tcpconnect.connection import CONNECTION, Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.fields import Column

StructType = TypeVar("StructType", bound=msgspec.Struct)


def connection(**changes: Any) -> Connection:
    """Return an attempt of curl of which not all is known, with values changed.

    These are columns, or members of Connection.
    """
    event = msgspec.structs.replace(
        _unknown(),
        elapsed_s=0.0,
        time=1_700_000_000_123_456_789,
        uid=1000,
        pid=1469,
        tid=1470,
        comm="curl",
        ip=4,
        saddr="10.201.219.236",
        daddr="54.245.105.25",
        dport=80,
        netns=4026531840,
    )
    for name, value in changes.items():
        path = CONNECTION[name].path if name in CONNECTION else name
        event = _changed(event, path, value)
    return event


@cache
def _unknown() -> Connection:
    return empty(whole(Connection), CONNECTION)


def whole(struct: type[StructType]) -> StructType:
    """Return a struct that has another value, never None, in every member."""
    return _whole(struct, count(1))


def _whole(struct: type[StructType], numbers: Iterator[int]) -> StructType:
    hints = get_type_hints(struct).values()
    return struct(*[_value(hint, numbers) for hint in hints])


def _value(hint: Any, numbers: Iterator[int]) -> Any:
    if hasattr(hint, "__struct_fields__"):
        return _whole(hint, numbers)
    number, kinds = next(numbers), {hint, *get_args(hint)}
    if str in kinds:
        return f"text{number}"
    return number + 0.5 if float in kinds else number


def empty(struct: StructType, table: dict[str, Column]) -> StructType:
    """Return the struct with None in every column that may be unknown."""
    for column in table.values():
        if column.nullable:
            struct = _changed(struct, column.path, None)
    return struct


def _changed(struct: StructType, path: str, value: Any) -> StructType:
    name, _, rest = path.partition(".")
    if rest:
        value = _changed(getattr(struct, name), rest, value)
    return msgspec.structs.replace(struct, **{name: value})


CONNECTION_COLUMNS = [*CONNECTION.values()]
