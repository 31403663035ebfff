"""Events to show: plausible ones, and ones with something in every member."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

import msgspec

from tcpconnect.connection import CONNECTION, Connection

if TYPE_CHECKING:
    from tcpconnect.fields import Column

StructType = TypeVar("StructType", bound=msgspec.Struct)


def connection(**changes: Any) -> Connection:
    """Return an attempt of curl of which not all is known, with members changed."""
    return msgspec.structs.replace(
        empty(whole(Connection), CONNECTION),
        **{
            "elapsed_s": 0.0,
            "time": 1_700_000_000_123_456_789,
            "uid": 1000,
            "pid": 1469,
            "tid": 1470,
            "comm": "curl",
            "ip": 4,
            "saddr": "10.201.219.236",
            "daddr": "54.245.105.25",
            "dport": 80,
            "netns": 4026531840,
            **changes,
        },
    )


def whole(struct: type[StructType]) -> StructType:
    """Return a struct that has another value, never None, in every member."""
    hints = get_type_hints(struct).values()
    return struct(*[_value(hint, number) for number, hint in enumerate(hints, 1)])


def _value(hint: Any, number: int) -> Any:
    kinds = {hint, *get_args(hint)}
    if str in kinds:
        return f"text{number}"
    return number + 0.5 if float in kinds else number


def empty(struct: StructType, table: dict[str, Column]) -> StructType:
    """Return the struct with None in every member that may be unknown."""
    unknown = {name: None for name, column in table.items() if column.nullable}
    return msgspec.structs.replace(struct, **unknown)


CONNECTION_COLUMNS = [*CONNECTION.values()]
