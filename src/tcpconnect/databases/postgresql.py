"""PostgreSQL: a history of a fleet, asked by psycopg."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tcpconnect.databases import database
from tcpconnect.databases.database import late, unreadable
from tcpconnect.history.queries import rewritten
from tcpconnect.remote import libpq
from tcpconnect.transport.deadline import cut_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tcpconnect.remote.url import Url

NO_TABLES = (
    "no tables of tcpconnect there; make them with record --create, or with "
    "packaging/postgresql.sql"
)


# The user, or the database, may have a limit that is less.
LIMIT = """
SELECT set_config('statement_timeout', %(ms)s::text, false) FROM pg_settings
WHERE name = 'statement_timeout' AND setting::bigint NOT BETWEEN 1 AND %(ms)s"""
MARGIN_S = 10.0  # in which a server that is there says that time is up


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
        began = time.monotonic()
        try:
            if self._connection is None:
                self._connection = self._to.connect()
                self._answer(LIMIT, {"ms": int(database.LIMIT_S * 1000)})
            return self._answer(text, dict(values))
        except TimeoutError as error:
            raise late(self.name) from error
        except self._psycopg.errors.QueryCanceled as error:
            if time.monotonic() - began >= database.LIMIT_S:
                raise late(self.name) from error
            raise unreadable(self.name, libpq.first_line(error)) from error
        except self._psycopg.errors.UndefinedTable as error:
            raise unreadable(self.name, NO_TABLES) from error
        except self._psycopg.Error as error:
            reason = libpq.first_line(error)
            raise unreadable(self.name, reason) from error

    def _answer(self, text: str, values: dict[str, int | str]) -> list[Any]:
        # Also a server that is gone, or stopped, without a word.
        with cut_after(database.LIMIT_S + MARGIN_S, self._connection.fileno()):
            return list(self._connection.execute(text, values).fetchall())

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
