"""tcpconnect record as a process, and what is in its file."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tests.support.attempts import PORT, attempt, run_tool
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


def baseline_of(directory: Path, address: str) -> Path:
    """Make a baseline as users do: this process has connected to an address."""
    path = directory / "before.db"
    with record(path) as tool:
        attempt(address, PORT)
        assert tool.stop() == 0
    listed = run_tool("history", "--db", path, "-j")
    assert (listed.returncode, listed.stdout.count("\n")) == (0, 1)
    baseline = directory / "baseline.json"
    baseline.write_text(listed.stdout)
    return baseline
