"""PostgreSQL: a history of a fleet, asked by psycopg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.history.database import unreadable
from tcpconnect.history.queries import rewritten
from tcpconnect.output import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tcpconnect.remote.url import Url

CONNECT_S = 10


class PostgreSQL:
    """The views of remote/postgresql.sql.

    libpq finds the credentials: in PGUSER, PGPASSFILE and the like. Raises UsageError
    where psycopg is missing, else TcpconnectError.
    """

    def __init__(self, url: Url) -> None:
        self.name = url.name
        try:
            import psycopg
        except ImportError as error:
            from tcpconnect.extras import psycopg_missing

            raise psycopg_missing() from error
        self._error = psycopg.Error
        try:
            self._connection = psycopg.connect(
                host=url.host,
                port=url.port,
                dbname=url.path.strip("/") or None,
                connect_timeout=CONNECT_S,
                application_name="tcpconnect history",
                options="-c default_transaction_read_only=on",
                autocommit=True,
            )
        except psycopg.Error as error:
            raise unreadable(self.name, _first_line(error)) from error

    def rows(self, statement: str, values: Mapping[str, int | str]) -> list[Any]:
        """Return the rows of an answer. Raises TcpconnectError."""
        text = rewritten(statement.replace("%", "%%"), lambda name: f"%({name})s")
        try:
            return self._connection.execute(text, dict(values)).fetchall()
        except self._error as error:
            raise unreadable(self.name, _first_line(error)) from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _first_line(error: Exception) -> str:
    return harmless(next(iter(str(error).strip().splitlines()), type(error).__name__))
