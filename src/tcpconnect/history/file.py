"""The file of a history: opened, for reading or for the writer, and checked."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from tcpconnect import store_messages as messages
from tcpconnect.errors import OutputError, TcpconnectError
from tcpconnect.history.packed import merged
from tcpconnect.history.schema import APPLICATION_ID, TABLES, VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

# How long a statement waits for others' locks, in seconds.
READERS_PATIENCE_S = WRITERS_PATIENCE_S = 5.0
READ_REMEDY = "ask for read permission: join the group that the file belongs to"
# Statements that make the version behind a number of it.
UPGRADES: dict[int, Sequence[str]] = {}


def open_for_reading(path: str) -> sqlite3.Connection:
    """Return a connection that can't change the file. Raises TcpconnectError."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise TcpconnectError(messages.NO_HISTORY, path=path) from None
    except OSError as error:
        raise _unreadable(path, os.strerror(error.errno or 0)) from error
    if not stat.S_ISREG(status.st_mode):
        raise TcpconnectError(messages.NOT_A_HISTORY, path=path)
    if not os.access(path, os.R_OK):
        raise _unreadable(path, "permission denied")
    try:
        connection = _connected(path, "ro", READERS_PATIENCE_S)
    except sqlite3.Error as error:
        raise _unreadable(path, str(error)) from error
    try:
        connection.execute("PRAGMA query_only = ON")
        version = _version(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise _unreadable(path, str(error)) from error
    except TcpconnectError:
        connection.close()
        raise
    if version < VERSION:
        connection.close()
        message = messages.OLDER_HISTORY
        raise TcpconnectError(message, path=path, theirs=version, ours=VERSION)
    return connection


def _unreadable(path: str, reason: str) -> TcpconnectError:
    remedy = READ_REMEDY if "permission" in reason.lower() else ""
    message = messages.CANT_READ_HISTORY
    return TcpconnectError(message, path=path, reason=reason, remedy=remedy)


def open_for_writing(path: str) -> sqlite3.Connection:
    """Return the connection of the writer; make the tables, or bring them up.

    Raises OutputError, or sqlite3.Error for what may pass.
    """
    connection = _connected(path, "rw", WRITERS_PATIENCE_S)
    try:
        if _is_empty(connection, path):
            # What is deleted gives its pages back; only an empty file can be told so.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            _run(connection, TABLES, VERSION)
        version = _version(connection, path)
        for older in range(version, VERSION):
            _run(connection, UPGRADES[older], older + 1)
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    connection.create_function("merged", 2, _merged, deterministic=True)
    return connection


def is_whole(path: str) -> bool:
    """Whether a file is a history without damage, as one who opens it now sees it."""
    try:
        with closing(open_for_reading(path)) as reader:
            (found,) = reader.execute("PRAGMA quick_check(1)").fetchone()
    except (TcpconnectError, sqlite3.Error):
        return False
    return bool(found == "ok")


def read_beside_us(connection: sqlite3.Connection) -> None:
    """Let others read while we write. Raises sqlite3.Error."""
    connection.execute("PRAGMA journal_mode = WAL")
    # Whatever happens to processes, nothing is lost; with the power, some windows are.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA journal_size_limit = 0")


def give_back(connection: sqlite3.Connection, pages: int = 0) -> None:
    """Give back so many pages that are free, or all. Raises sqlite3.Error."""
    # One step of the statement gives back one page, and execute() takes one step.
    connection.executescript(f"PRAGMA incremental_vacuum({pages})")


def close_for_readers(connection: sqlite3.Connection) -> None:
    """Close the writer's connection; leave one file, which all may read who may."""
    with suppress(sqlite3.Error):  # a reader is busy: it stays in WAL mode
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


def _connected(path: str, mode: str, patience_s: float) -> sqlite3.Connection:
    uri = f"file:{quote(os.path.abspath(path))}?mode={mode}"
    connection = sqlite3.connect(
        uri,
        uri=True,
        timeout=patience_s,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA trusted_schema = OFF")  # anyone may have made the file
    return connection


def _is_empty(connection: sqlite3.Connection, path: str) -> bool:
    """Whether there is no table yet. Raises OutputError for what is no database."""
    try:
        return _number(connection, "SELECT count(*) FROM sqlite_master") == 0
    except sqlite3.DatabaseError as error:
        if "not a database" not in str(error):
            raise
        raise OutputError(messages.NOT_A_HISTORY, path=path) from error


def _version(connection: sqlite3.Connection, path: str) -> int:
    """Return the version of a history's tables. Raises OutputError."""
    empty = _is_empty(connection, path)
    if empty or _number(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise OutputError(messages.NOT_A_HISTORY, path=path)
    version = _number(connection, "PRAGMA user_version")
    if version < VERSION and version not in UPGRADES:  # there never was one
        raise OutputError(messages.NOT_A_HISTORY, path=path)
    if version > VERSION:
        message = messages.NEWER_HISTORY
        raise OutputError(message, path=path, theirs=version, ours=VERSION)
    return version


def _run(connection: sqlite3.Connection, statements: Sequence[str], to: int) -> None:
    """Run statements, all or none, that make a version of the tables."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {to}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _number(connection: sqlite3.Connection, statement: str) -> int:
    (number,) = connection.execute(statement).fetchone()
    return int(number)


def _merged(some: bytes, others: bytes) -> bytes:
    return merged((some, others))
