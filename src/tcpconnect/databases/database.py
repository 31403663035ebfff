"""Database: where a history is kept, as those see it who ask questions."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any, Protocol

from tcpconnect import history_messages, store_messages
from tcpconnect.errors import TcpconnectError, UsageError
from tcpconnect.history.file import open_for_reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self

DEFAULT = "/var/lib/tcpconnect/history.db"
SQLITE = "sqlite:"
LIMIT_S = 300.0  # in which a server is to answer a question
STEPS = 20_000  # of SQLite's machine, from one call of ``waiting`` to the next


class Database(Protocol):
    """Answers statements of ``queries.py``. Its methods raise TcpconnectError."""

    name: str

    def rows(self, statement: str, values: Mapping[str, int | str]) -> list[Any]:
        """Return the rows of an answer."""

    def close(self) -> None:
        """Let it go."""


class File:
    """A database of SQLite. ``waiting`` is called again and again while it works."""

    def __init__(self, path: str, waiting: Callable[[], None]) -> None:
        self.name = path
        self.connection = open_for_reading(path)
        self.connection.set_progress_handler(waiting, STEPS)
        # Names of programs may be any bytes: anyone may have made the file.
        self.connection.text_factory = lambda raw: raw.decode(errors="backslashreplace")

    def rows(self, statement: str, values: Mapping[str, int | str]) -> list[Any]:
        """Return the rows of an answer."""
        try:
            return self.connection.execute(statement, dict(values)).fetchall()
        except sqlite3.Error as error:
            raise unreadable(self.name, error) from error

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def unreadable(path: str, reason: object) -> TcpconnectError:
    """Return the error of a file that answers nothing."""
    message = store_messages.CANT_READ_HISTORY
    return TcpconnectError(message, path=path, reason=reason, remedy="")


def late(place: str) -> TcpconnectError:
    """Return the error of a server that needs too long for an answer."""
    message = history_messages.TOO_SLOW
    return TcpconnectError(message, place=place, limit=f"{LIMIT_S:g} s")


def path_of(place: str) -> str:
    """Return the file of ``--db``. Raises UsageError for other databases."""
    scheme, mark, _ = place.partition("://")
    if mark and "/" not in scheme:
        raise UsageError(history_messages.OTHER_DATABASE, scheme=scheme)
    path = place.removeprefix(SQLITE)
    if not path:
        raise UsageError(history_messages.NO_FILE_OF_DB)
    return os.path.expanduser(path) if path != place else path
