"""forget(): a program or a destination deleted from a history, beside its recorder."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tcpconnect import history_messages as messages
from tcpconnect.alerts.schema import BESIDE
from tcpconnect.errors import TcpconnectError, did_you_mean
from tcpconnect.history.file import give_back, open_for_reading, open_for_writing

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "(program = :name OR container = :name OR unit = :name OR pod = :name)"
DESTINATION = "(destination = :name OR query = :name)"
PROGRAM_IDS = f"SELECT program_id FROM programs WHERE {PROGRAM}"  # noqa: S608
DESTINATION_IDS = f"SELECT destination_id FROM destinations WHERE {DESTINATION}"  # noqa: S608
IN_ROWS = f"program_id IN ({PROGRAM_IDS}) OR destination_id IN ({DESTINATION_IDS})"
IN_ALERTS = "program = :name OR destination = :name"
# In this order: what a row leads to goes after the row.
DELETE = {
    "windows": IN_ROWS,
    "pairs": IN_ROWS,
    "programs": PROGRAM,
    "destinations": DESTINATION,
    "alerts": IN_ALERTS,
    "alert_programs": "program = :name",
    "alert_pairs": f"{IN_ALERTS} OR destination = '=' || :name",  # of an address
    "alert_failing": IN_ALERTS,
    "alert_accepted": IN_ALERTS,
    "alert_waiting": "instr(notice, json_quote(:name)) > 0",
}
# Names that only the deleted rows led to.
LEFT = (
    """DELETE FROM destinations WHERE destination_id NOT IN (
        SELECT destination_id FROM pairs UNION SELECT destination_id FROM windows)""",
    """DELETE FROM programs WHERE program_id NOT IN (
        SELECT program_id FROM pairs UNION SELECT program_id FROM windows)""",
)
# The last address of a name, which stays.
CLEAR = "UPDATE destinations SET address = '' WHERE address = :name"
KNOWN = "SELECT program FROM programs UNION SELECT destination FROM destinations"


def forget(path: str, name: str) -> int:
    """Delete all rows of a name; return how many there were. Raises TcpconnectError.

    What is deleted is overwritten, in the file and in what SQLite has beside it; so it
    is in the file of what alerts know.
    """
    with closing(open_for_reading(path)) as reader:  # says what is wrong with the file
        known = [str(text) for (text,) in reader.execute(KNOWN)]
    alerts = f"{path}{BESIDE}"
    files = [path, alerts] if os.path.exists(alerts) else [path]
    for file in files:
        check_writable(file)
    found = [_forgotten(file, name) for file in files]
    deleted = sum(rows for rows, _ in found)
    if not deleted and not any(cleared for _, cleared in found):
        message, near = messages.NOTHING_TO_FORGET, did_you_mean(name, known)
        raise TcpconnectError(message, name=name, near=near)
    return deleted


def _forgotten(path: str, name: str) -> tuple[int, int]:
    """Return how many rows were deleted from a file, and of how many an address."""
    try:
        with closing(open_for_writing(path)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            found = _delete(connection, name)
            give_back(connection)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as error:
        raise refused(path, str(error)) from error
    return found


def _delete(connection: sqlite3.Connection, name: str) -> tuple[int, int]:
    """Delete in one transaction; return how many rows, and of how many an address."""
    tables = {
        str(table)
        for (table,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
    }
    connection.execute("BEGIN IMMEDIATE")
    try:
        deleted = 0
        for statement in _statements(tables):
            deleted += connection.execute(statement, {"name": name}).rowcount
        cleared = connection.execute(CLEAR, {"name": name}).rowcount
        if deleted:
            for statement in LEFT:
                connection.execute(statement, {"name": name})
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return deleted, cleared


def _statements(tables: set[str]) -> Iterator[str]:
    for table, condition in DELETE.items():
        if table in tables:
            yield f"DELETE FROM {table} WHERE {condition}"  # noqa: S608


def check_writable(path: str) -> None:
    """Raise TcpconnectError unless SQLite can write the file, and its journal."""
    for place in (path, os.path.dirname(os.path.abspath(path))):
        if not os.access(place, os.W_OK):
            raise refused(path, f"no permission to write to {place!r}")


def refused(path: str, reason: str) -> TcpconnectError:
    """Return the error of a history that can't be changed."""
    remedy = "run it as root, or as the owner" if "permission" in reason else ""
    message = messages.CANT_CHANGE
    return TcpconnectError(message, path=path, reason=reason, remedy=remedy)
