"""The alerts of a history that a recorder writes: added, and accepted, beside it.

It is opened for each of them: the recorder may put another file in its place.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

from tcpconnect.alerts.schema import ADD_ALERT, OTHERS_ACCEPTED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcpconnect.alerts.alert import Notice

PATIENCE_S = 2.0


def add_alert(path: str, notice: Notice) -> None:
    """Add an alert to the table of a history, once. Raises sqlite3.Error."""
    with closing(_connected(path)) as connection:
        connection.execute(ADD_ALERT, values_of(notice))


def values_of(notice: Notice) -> dict[str, object]:
    """Return the values of a row."""
    alert = notice.alert
    return {
        "time": alert.time,
        "kind": alert.kind,
        "program": alert.program,
        "destination": alert.destination,
        "dport": alert.dport,
        "line": alert.text,
    }


def accepted(path: str) -> tuple[list[tuple[str, str, int]], int]:
    """Return the pairs that somebody has accepted, and how far these reach.

    Raises sqlite3.Error.
    """
    with closing(_connected(path)) as connection:
        if not connection.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'alert_accepted'"
        ).fetchone():
            return [], 0
        found = connection.execute(
            "SELECT rowid, program, destination, dport FROM alert_accepted"
        ).fetchall()
    pairs = [(program, destination, dport) for _, program, destination, dport in found]
    return pairs, max((rowid for rowid, *_ in found), default=0)


def forget_accepted(path: str, reach: int) -> None:
    """Delete the pairs up to there: others may have come. Raises sqlite3.Error."""
    with closing(_connected(path)) as connection:
        connection.execute("DELETE FROM alert_accepted WHERE rowid <= ?", (reach,))


def accept(
    connection: sqlite3.Connection, pairs: Iterable[tuple[str, str, int]]
) -> int:
    """Have the recorder know these pairs, now or when it starts; return how many.

    They are (program, destination, dport), names or shapes. ``connection`` may write;
    the caller ends the transaction. Raises sqlite3.Error.
    """
    connection.execute(OTHERS_ACCEPTED)
    rows = list(pairs)
    connection.executemany("INSERT INTO alert_accepted VALUES (?, ?, ?)", rows)
    return len(rows)


def _connected(path: str) -> sqlite3.Connection:
    uri = f"file:{quote(path)}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=PATIENCE_S, isolation_level=None)
