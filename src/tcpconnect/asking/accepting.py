"""accept_new(): what alerts will not report as new, given to the recorder."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tcpconnect.alerts.rows import accept
from tcpconnect.asking.forgetting import check_writable, refused
from tcpconnect.history.file import open_for_writing

if TYPE_CHECKING:
    from collections.abc import Collection


def accept_new(path: str, pairs: Collection[tuple[str, str, int]]) -> int:
    """Accept pairs of a program and a destination with its port; return how many.

    Raises TcpconnectError.
    """
    check_writable(path)
    try:
        with closing(open_for_writing(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            accepted = accept(connection, pairs)
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise refused(path, str(error)) from error
    return accepted
