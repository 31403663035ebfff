"""Shapes: an event as ECS and OCSF want it, besides the names of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tcpconnect import __version__
from tcpconnect.conventions.names import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tcpconnect.connection import Connection

ECS, OCSF = "ecs", "ocsf"
ECS_VERSION, OCSF_VERSION = "8.11.0", "1.3.0"
PRODUCT = "tcpconnect"
OK, PENDING = "OK", "PENDING"
# Somebody has said no: the other end, a firewall, or a policy of this machine.
REFUSALS = frozenset({"ECONNREFUSED", "EACCES", "EPERM", "REFUSED"})
UNKNOWN, OPEN, FAIL, REFUSE = 0, 1, 4, 5  # activities of OCSF
CLASS = 4001
REGULAR = 1  # OCSF's type of such a file
WITHOUT, PODMANS = 32, 64  # characters of a UUID without hyphens, of podman's ID


def activity(event: Connection) -> int:
    """Return what happened: Open, Fail or Refuse; Unknown without a result."""
    result = event.result
    if result in {None, PENDING}:
        return UNKNOWN
    if result == OK:
        return OPEN
    return REFUSE if result in REFUSALS else FAIL


def _failure(result: str | None) -> str | None:
    return None if result in {OK, PENDING} else result


_OUTCOMES = {UNKNOWN: "unknown", OPEN: "success", FAIL: "failure", REFUSE: "failure"}
_TYPES = {
    UNKNOWN: ["connection"],
    OPEN: ["connection", "start"],
    FAIL: ["connection"],
    REFUSE: ["connection", "denied"],
}
_STATUSES = {UNKNOWN: 0, OPEN: 1, FAIL: 2, REFUSE: 2}


class Shape(NamedTuple):
    """How a schema wants events.

    ``fixed`` is in each of them, ``derived`` are values of an event, by their paths.
    ``converted`` are functions of the values of columns, where these are not those that
    JSON has. What the schema has no name for is in its object ``others``.
    """

    others: str
    fixed: Mapping[str, Any]
    derived: Mapping[str, Callable[[Connection], Any]]
    converted: Mapping[str, Callable[[Any], Any]]


def _nanoseconds(ms: float | None) -> int | None:
    return None if ms is None else round(ms * 1e6)


def _milliseconds(ms: float | None) -> int | None:
    return None if ms is None else round(ms)


def _file(path: str | None) -> dict[str, str | int] | None:
    if path is None:
        return None
    return {"path": path, "name": path.rpartition("/")[2] or path, "type_id": REGULAR}


def _uuid(uid: str | None) -> str | None:
    """Return the UID of a pod as a UUID: static pods have no hyphens in theirs.

    What podman's pods have is none.
    """
    if uid is None or len(uid) == PODMANS:
        return None
    if len(uid) != WITHOUT:
        return uid
    return "-".join((uid[:8], uid[8:12], uid[12:16], uid[16:20], uid[20:]))


def _text(number: int) -> str:
    return str(number)


SHAPES = {
    ECS: Shape(
        others=PRODUCT,
        fixed={
            "ecs.version": ECS_VERSION,
            "event.kind": "event",
            "event.module": PRODUCT,
            "event.category": ["network"],
            "network.transport": "tcp",
        },
        derived={
            "event.outcome": lambda event: _OUTCOMES[activity(event)],
            "event.type": lambda event: _TYPES[activity(event)],
        },
        converted={
            "ip": lambda version: version and f"ipv{version}",
            "uid": _text,
            "latency_ms": _nanoseconds,
            "result": _failure,
        },
    ),
    OCSF: Shape(
        others="unmapped",
        fixed={
            "category_uid": CLASS // 1000,
            "class_uid": CLASS,
            "severity_id": 1,
            "metadata.version": OCSF_VERSION,
            "metadata.profiles": ["host", "container"],
            "metadata.product.name": PRODUCT,
            "metadata.product.vendor_name": PRODUCT,
            "metadata.product.version": __version__,
            "connection_info.direction_id": 2,
            "connection_info.protocol_name": "tcp",
            "connection_info.protocol_num": 6,
        },
        derived={
            "activity_id": activity,
            "type_uid": lambda event: CLASS * 100 + activity(event),
            "status_id": lambda event: _STATUSES[activity(event)],
        },
        converted={
            "time": lambda ns: ns // 1_000_000,
            "uid": _text,
            "latency_ms": _milliseconds,
            "exe": _file,
            "pod_uid": _uuid,
        },
    ),
}


def paths(schema: str) -> dict[str, str]:
    """Return where a schema has each column that it has a name for."""
    found = {name: getattr(names, schema) for name, names in NAMES.items()}
    return {name: path for name, path in found.items() if path}
