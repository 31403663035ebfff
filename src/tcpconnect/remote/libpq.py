"""What PostgreSQL is asked with: psycopg, and whom a connection is for."""

from __future__ import annotations

import encodings.idna  # noqa: F401 (imported late by whoever resolves a name)
import os
import pwd
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tcpconnect import remote_messages
from tcpconnect.errors import UsageError
from tcpconnect.output import harmless
from tcpconnect.remote import libpq_files
from tcpconnect.remote.passfile import password

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.remote.url import Url

CONNECT_S = 10
# Variables that libpq would follow when it connects, when we may not read the files.
UNREAD = {
    "PGSERVICE": (
        "the place names the host and the database",
        "set PGUSER, PGPASSFILE and PGSSLMODE instead",
    ),
    "PGSSLCRLDIR": (
        "a directory can't be read beforehand",
        "name a file with all lists: PGSSLCRL",
    ),
}


class Connector:
    """Connects to a database; credentials and files are read beforehand.

    What is not among them libpq takes from its own variables, as PGSSLMODE. ``options``
    are those of a session, behind those of PGOPTIONS; ``more`` are parameters. Raises
    UsageError.
    """

    def __init__(self, url: Url, options: str, **more: object) -> None:
        self._psycopg = imported()
        for name, (reason, remedy) in UNREAD.items():
            if os.environ.get(name):
                message = remote_messages.UNREAD_VARIABLE
                raise UsageError(message, name=name, reason=reason, remedy=remedy)
        user = os.environ.get("PGUSER") or pwd.getpwuid(os.getuid()).pw_name
        database = url.path.strip("/") or user
        self._how = {
            "host": url.host,
            "port": url.port,
            "user": user,
            "dbname": database,
            "password": password(url.host, url.port, database, user) or None,
            "passfile": libpq_files.NONE,
            "connect_timeout": CONNECT_S,
            "options": f"{os.environ.get('PGOPTIONS', '')} {options}".lstrip(),
            "fallback_application_name": "tcpconnect",
            **more,
        }
        paths, self._files = libpq_files.found()
        self._how |= paths

    def connect(self) -> Any:
        """Return a connection. Raises OSError, and what psycopg raises."""
        with ExitStack() as stack:
            files = {
                name: stack.enter_context(_in_memory(data))
                for name, data in self._files.items()
            }
            return self._psycopg.connect(**self._how, **files)


@contextmanager
def _in_memory(data: bytes) -> Iterator[str]:
    """Yield the path of a file with these data, which is ours alone.

    It is made when it is needed: libpq takes a key from its owner only, and that is who
    we are by then.
    """
    fd = os.memfd_create("tls")
    with open(fd, "wb", buffering=0) as file:
        os.fchmod(fd, 0o600)
        file.write(data)
        yield f"/proc/self/fd/{fd}"


def imported() -> Any:
    """Return the module psycopg. Raises UsageError where it is missing."""
    try:
        import psycopg
    except ImportError as error:
        from tcpconnect.extras import psycopg_missing

        raise psycopg_missing() from error
    return psycopg


def first_line(error: Exception) -> str:
    """Return what an error says first."""
    return harmless(next(iter(str(error).strip().splitlines()), type(error).__name__))
