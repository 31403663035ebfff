"""tcpconnect record as a process, and what is in its file."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from tests.support.attempts import PORT, attempt, run_tool
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

COUNT = "SELECT coalesce(sum(attempts), 0) FROM windows"


def asked(path: Path, statement: str) -> list[tuple[Any, ...]]:
    """Return what a statement finds in a file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(statement).fetchall()


def flush(tool: Tool) -> None:
    """Have what the recorder knows written now.

    Ask again while something is missing: what comes just after a signal is written ten
    seconds later.
    """
    tool.process.send_signal(signal.SIGUSR1)


def flushed(tool: Tool, path: Path, attempts: int) -> None:
    """Have what was attempted written, and wait until so many are in a file."""

    def are_there() -> bool:
        flush(tool)
        with suppress(sqlite3.Error):  # a new file has no tables yet
            return kept(path) == attempts
        return False

    wait_until(are_there, f"{attempts} attempts")


def kept(path: Path) -> int:
    """Return how many attempts a history has."""
    return int(asked(path, COUNT)[0][0])


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
