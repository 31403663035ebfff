"""What ClickHouse answers: whether it is one, and what its errors mean to us."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

OWN = "x-clickhouse-"  # each answer of it has headers that begin so
OTHER = "it is no ClickHouse"
NO_TABLES = (
    "no tables of tcpconnect there; make them with record --create, or with "
    "packaging/clickhouse.sql"
)
# UNKNOWN_TABLE and UNKNOWN_DATABASE: their names come last, behind a long statement.
_ABSENT = re.compile(r"Code: (60|81)\. |UNKNOWN_(TABLE|DATABASE)\b")
# Errors of rows that are no 4xx there: CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN, and
# VIOLATED_CONSTRAINT.
_REFUSED = re.compile(r"\bCode: (349|469)\. ")


def is_ours(headers: Iterable[str]) -> bool:
    """Whether headers of an answer, by their names, are of ClickHouse."""
    return any(name.lower().startswith(OWN) for name in headers)


def reason_of(text: str) -> str:
    """Return what an error means: a remedy in place of the server's words, if known."""
    return NO_TABLES if _ABSENT.search(text) else text


def refuses_rows(text: str) -> bool:
    """Whether an error is for good, though its status is that of one that passes."""
    return _REFUSED.search(text) is not None
