"""tcpconnect record as a process, and what is in its file."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tests.support.tool import Tool

if TYPE_CHECKING:
    from pathlib import Path

COUNT = "SELECT coalesce(sum(attempts), 0) FROM windows"


def asked(path: Path, statement: str) -> list[tuple[Any, ...]]:
    """Return what a statement finds in a file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(statement).fetchall()


def record(path: Path, *options: object, **popen: Any) -> Tool:
    """Return a recorder of what this process does."""
    return Tool("record", "-p", os.getpid(), "-o", f"sqlite:{path}", *options, **popen)
