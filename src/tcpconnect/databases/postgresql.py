"""PostgreSQL: a history of a fleet, asked by psycopg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.databases.database import unreadable
from tcpconnect.history.queries import rewritten
from tcpconnect.remote import libpq

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tcpconnect.remote.url import Url

NO_TABLES = (
    "no tables of tcpconnect there; make them with record --create, or with "
    "packaging/postgresql.sql"
)


class PostgreSQL:
    """The views of remote/postgresql.sql.

    It connects when it is asked; credentials are read before. Raises UsageError where
    psycopg is missing, or a file with a password.
    """

    def __init__(self, url: Url) -> None:
        self.name = url.name
        self._psycopg = libpq.imported()
        options = "-c default_transaction_read_only=on"
        self._to = libpq.Connector(url, options, autocommit=True)
        self._connection: Any = None

    def rows(self, statement: str, values: Mapping[str, int | str]) -> list[Any]:
        """Return the rows of an answer. Raises TcpconnectError."""
        text = rewritten(statement.replace("%", "%%"), lambda name: f"%({name})s")
        try:
            if self._connection is None:
                self._connection = self._to.connect()
            return list(self._connection.execute(text, dict(values)).fetchall())
        except self._psycopg.errors.UndefinedTable as error:
            raise unreadable(self.name, NO_TABLES) from error
        except self._psycopg.Error as error:
            reason = libpq.first_line(error)
            raise unreadable(self.name, reason) from error

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
