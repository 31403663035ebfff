"""open_database(): a history that is asked, in a file or in a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.databases.database import File, path_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcpconnect.databases.database import Database

CLICKHOUSE, POSTGRESQL = ("clickhouse", "clickhouses"), ("postgresql",)


def is_server(place: str) -> bool:
    """Whether a history is a fleet's, in a server."""
    return place.partition("://")[0] in (*CLICKHOUSE, *POSTGRESQL)


def open_database(place: str, waiting: Callable[[], None]) -> Database:
    """Open what ``--db`` names. Raises UsageError and TcpconnectError."""
    if not is_server(place):
        return File(path_of(place), waiting)
    from tcpconnect.remote import url

    if place.partition("://")[0] in CLICKHOUSE:
        from tcpconnect.databases.clickhouse import ClickHouse

        return ClickHouse(url.read(place, url.CLICKHOUSE), waiting)
    from tcpconnect.databases.postgresql import PostgreSQL

    return PostgreSQL(url.read(place, url.POSTGRESQL))
