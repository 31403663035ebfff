"""Reports on the tool and the machine, without tracing: --columns help, --check."""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec

from tcpconnect import messages
from tcpconnect.api import trace
from tcpconnect.connection import CONNECTION
from tcpconnect.errors import SEVERAL, KernelError, TcpconnectError
from tcpconnect.flow import FLOW
from tcpconnect.kernel.preflight import Check, examine
from tcpconnect.machine import capabilities
from tcpconnect.output import harmless
from tcpconnect.settings import Settings

# Features that may be limited, with settings that test them.
FEATURES = {
    "every attempt": Settings(),
    "why attempts fail (--why)": Settings(why=True),
    "names from dns (-d)": Settings(dns=True, name_sources={"dns"}),
    "names from libc (-d)": Settings(dns=True, name_sources={"libc"}),
    "names of containers (--columns container,pod)": Settings(columns=["container"]),
}
# What depends on the owner of a file, and the capability for other users' files.
ON_FILES = {
    "others' processes (--netns PID)": "CAP_SYS_PTRACE",
    "others' maps (--cgroupmap, --mntnsmap)": "CAP_DAC_OVERRIDE",
}
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
    """Load and attach, which finds what no other check can."""
    try:
        with trace(verbose=verbose):
            return Check("program", "loads and attaches")
    except KernelError as error:
        return Check("program", "", error)


def check(*, verbose: bool) -> tuple[str, int]:
    """Examine the machine; return the report and the exit code.

    Limited features are reported, but are not failures.
    """
    checks = examine()
    if not any(check.problem for check in checks):
        checks.append(_attach(verbose=verbose))
    failed = any(check.problem for check in checks)
    lines = [_line(check, "FAIL") for check in checks]
    if not failed:
        lines += [_line(check, "warn") for check in _features()]
    return "\n".join(lines) + "\n", int(failed)


def _line(check: Check, otherwise: str) -> str:
    if check.problem:
        return harmless(f"{otherwise:<5} {check.name}: {check.problem}")
    return harmless(f"ok    {check.name}: {check.found}")


def _features() -> list[Check]:
    printed: set[str] = set()
    tried = [_try(name, settings, printed) for name, settings in FEATURES.items()]
    return tried + [_may(name, needed) for name, needed in ON_FILES.items()]


def _try(name: str, settings: Settings, printed: set[str]) -> Check:
    """Try a feature; notices that were ``printed`` for an earlier one are omitted."""
    try:
        with trace(settings) as events:
            events.settle()
            warnings = [line for line in events.warnings if line not in printed]
    except KernelError as error:
        return Check(name, "", error)
    if warnings:
        printed.update(warnings)
        problem = TcpconnectError(SEVERAL, problems="; ".join(warnings))
        return Check(name, "", problem)
    return Check(name, "works")


def _may(name: str, needed: str) -> Check:
    if lacking := capabilities.lacking(needed):
        missing, remedy = capabilities.missing(lacking)
        message = messages.NO_ACCESS
        problem = TcpconnectError(message, reason=missing, remedy=remedy)
        return Check(name, "", problem)
    return Check(name, "works")
