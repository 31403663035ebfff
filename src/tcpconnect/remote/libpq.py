"""What PostgreSQL is asked with: psycopg, and whom a connection is for."""

from __future__ import annotations

import encodings.idna  # noqa: F401 (imported late by whoever resolves a name)
import os
import pwd
from typing import TYPE_CHECKING, Any

from tcpconnect import remote_messages
from tcpconnect.errors import UsageError
from tcpconnect.output import harmless
from tcpconnect.remote.passfile import password

if TYPE_CHECKING:
    from tcpconnect.remote.url import Url

CONNECT_S = 10
AUTHORITIES, CERTIFICATE = "PGSSLROOTCERT", "PGSSLCERT"
NO_FILE = "/nonexistent"
MOST = 16 << 20  # bytes of authorities


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
        **_tls(),
    }


def _tls() -> dict[str, str]:
    """Return the files of TLS, as who connects may read them. Raises UsageError.

    libpq looks into the home when it connects: of root's, the user that asks may not
    know whether a file is there, and libpq goes on without TLS, or not at all.
    """
    home = os.path.expanduser("~/.postgresql")
    found = {}
    if not os.environ.get(CERTIFICATE) and not _is_there(f"{home}/postgresql.crt"):
        found["sslcert"] = NO_FILE  # there is none
    path = os.environ.get(AUTHORITIES, "")
    if not path and _is_there(f"{home}/root.crt"):
        path = f"{home}/root.crt"
    if path and path != "system":  # a word of libpq's
        found["sslrootcert"] = _copied(path)
    return found


def _is_there(path: str) -> bool:
    return os.access(path, os.F_OK)


def _copied(path: str) -> str:
    """Return where a copy is, in memory, as long as we are. Raises UsageError."""
    try:
        with open(path, "rb") as file:
            data = file.read(MOST)
    except OSError as error:
        raise UsageError(
            remote_messages.NO_SECRET,
            path=path,
            variable=AUTHORITIES,
            reason=os.strerror(error.errno or 0),
        ) from None
    fd = os.memfd_create("authorities")
    with open(fd, "wb", closefd=False) as copy:
        copy.write(data)
    return f"/proc/self/fd/{fd}"


def first_line(error: Exception) -> str:
    """Return what an error says first."""
    return harmless(next(iter(str(error).strip().splitlines()), type(error).__name__))
