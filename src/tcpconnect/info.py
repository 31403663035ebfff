"""What the tool tells about itself and the machine, without tracing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import msgspec

from tcpconnect.bpf.preflight import examine

if TYPE_CHECKING:
    from tcpconnect.fields import Column


def columns_help(table: dict[str, Column]) -> str:
    """List the columns with their meaning."""
    return "".join(
        f"{name:15} {column.field.header:12} {column.field.meaning}\n"
        for name, column in table.items()
    )


def schema(table: dict[str, Column], title: str) -> str:
    """Return the JSON Schema of the objects with these columns."""
    members = []
    for name, column in table.items():
        hint = column.field.shown_type or column.type
        meta = msgspec.Meta(description=column.field.meaning)
        # Every key may be left out by --columns.
        members.append((name, Annotated[hint, meta], msgspec.field(default=msgspec.UNSET)))
    struct = msgspec.defstruct(title, members)
    return json.dumps(msgspec.json.schema(struct), indent=2) + "\n"


def check() -> tuple[str, int]:
    """Examine the machine; return the report and the exit code."""
    checks = examine()
    lines = [
        f"FAIL  {c.name}: {c.problem}" if c.problem else f"ok    {c.name}: {c.found}"
        for c in checks
    ]
    return "\n".join(lines) + "\n", int(any(c.problem for c in checks))
