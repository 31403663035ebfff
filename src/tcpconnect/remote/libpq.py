"""What PostgreSQL is asked with: psycopg, and whom a connection is for."""

from __future__ import annotations

import encodings.idna  # noqa: F401 (imported late by whoever resolves a name)
import os
import pwd
from typing import TYPE_CHECKING, Any

from tcpconnect.output import harmless
from tcpconnect.remote.passfile import password

if TYPE_CHECKING:
    from tcpconnect.remote.url import Url

CONNECT_S = 10


def imported() -> Any:
    """Return the module psycopg. Raises UsageError where it is missing."""
    try:
        import psycopg
    except ImportError as error:
        from tcpconnect.extras import psycopg_missing

        raise psycopg_missing() from error
    return psycopg


def parameters(url: Url) -> dict[str, Any]:
    """Return those of a connection, with credentials. Raises UsageError.

    Files are read now, while we may. What is not among them libpq takes from its own
    variables, as PGSSLMODE.
    """
    user = os.environ.get("PGUSER") or pwd.getpwuid(os.getuid()).pw_name
    database = url.path.strip("/") or user
    return {
        "host": url.host,
        "port": url.port,
        "user": user,
        "dbname": database,
        "password": password(url.host, url.port, database, user) or None,
        "connect_timeout": CONNECT_S,
    }


def first_line(error: Exception) -> str:
    """Return what an error says first."""
    return harmless(next(iter(str(error).strip().splitlines()), type(error).__name__))
