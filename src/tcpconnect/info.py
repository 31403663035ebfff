"""What the tool tells about itself and the machine, without tracing."""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec

from tcpconnect.bpf.preflight import Check, examine
from tcpconnect.connection import CONNECTION
from tcpconnect.errors import KernelError
from tcpconnect.flow import FLOW
from tcpconnect.tracer import trace

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def columns_help(*, count: bool) -> str:
    """List the columns (with ``count`` those of ``-c``) with their meaning."""
    return "".join(
        f"{name:15} {column.field.header:12} {column.field.meaning}\n"
        for name, column in (FLOW if count else CONNECTION).items()
    )


def schema(*, count: bool) -> str:
    """Return the JSON Schema of a line of JSON (with ``count`` one of ``-c``)."""
    members: list[tuple[str, Any, Any]] = []
    for name, column in (FLOW if count else CONNECTION).items():
        meta = msgspec.Meta(description=column.field.meaning)
        kind: Any = column.field.shown_type or column.type
        # No key is required: --columns chooses them.
        default = msgspec.field(default=msgspec.UNSET)
        members.append((name, Annotated[kind, meta], default))
    struct = msgspec.defstruct("flow" if count else "connection", members)
    described = {"$schema": DIALECT, **msgspec.json.schema(struct)}
    return json.dumps(described, indent=2) + "\n"


def _attach(*, verbose: bool) -> Check:
    """Load and attach, which shows what no other examination can."""
    try:
        with trace(verbose=verbose):
            return Check("program", "loads and attaches")
    except KernelError as error:
        return Check("program", "", error)


def check(*, verbose: bool) -> tuple[str, int]:
    """Examine the machine; return the report and the exit code."""
    checks = examine()
    if not any(check.problem for check in checks):
        checks.append(_attach(verbose=verbose))
    lines = [
        f"FAIL  {c.name}: {c.problem}" if c.problem else f"ok    {c.name}: {c.found}"
        for c in checks
    ]
    return "\n".join(lines) + "\n", int(any(c.problem for c in checks))
