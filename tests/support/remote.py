"""Remote places, which say themselves what they have."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tests.support import clickhouse, postgresql
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REFUSED = "refused.example"  # a destination that places do not take
SECRETS = {
    "CLICKHOUSE_USER": clickhouse.USER,
    "CLICKHOUSE_PASSWORD": clickhouse.PASSWORD,
    "PGUSER": postgresql.USER,
    "PGPASSWORD": postgresql.PASSWORD,
    "no_proxy": "*",
}


class Had(NamedTuple):
    """Attempts that a place has: of windows, one by one; and what it knows as lost."""

    windows: int
    single: int
    lost: int


class Engine(Protocol):
    """A place."""

    form: str  # of its URL
    port: int

    def had(self) -> Had:
        """Return what it has."""

    def empty(self) -> None:
        """Forget all."""

    def refuse(self, *, rows: bool) -> None:
        """Take no rows of REFUSED, or all again."""


class Collector:
    """One of OpenTelemetry."""

    form = "otlp+http://127.0.0.1:{port}"

    def __init__(self, server: Server) -> None:
        self._server, self.port = server, server.port

    def had(self) -> Had:
        """Return what was sent to it."""
        windows = single = lost = 0
        for record in self._records():
            values = {
                a["key"]: next(iter(a["value"].values())) for a in record["attributes"]
            }
            windows += int(values.get("tcpconnect.attempts", 0))
            single += record["eventName"] == "tcpconnect.attempt"
            lost += int(values.get("tcpconnect.lost", 0))
        return Had(windows, single, lost)

    def _records(self) -> Iterator[dict[str, Any]]:
        for request in self._server.requests:
            for resource in request.body["resourceLogs"]:
                yield from resource["scopeLogs"][0]["logRecords"]

    def empty(self) -> None:
        """Forget all."""
        self._server.requests.clear()

    def refuse(self, *, rows: bool) -> None:
        """Answer with 400."""
        self._server.refuses = REFUSED if rows else ""


class Database:
    """ClickHouse or PostgreSQL."""

    def __init__(self, server: Any, form: str) -> None:
        self._server, self.port = server, server.port
        self.form = form

    def had(self) -> Had:
        """Return what it says."""
        texts = (
            "SELECT sum(attempts)::bigint FROM window_rows",
            "SELECT count(*) FROM attempts",
            "SELECT sum(lost)::bigint FROM losses",
        )
        return Had(*(int(self._server.ask(text)[0][0] or 0) for text in texts))

    def empty(self) -> None:
        """Forget all."""
        for table in ("window_rows", "attempts", "loss_rows", "run_rows"):
            self._server.run(f"TRUNCATE TABLE {table}")

    def refuse(self, *, rows: bool) -> None:
        """Have a constraint."""
        what = f"ADD CONSTRAINT known CHECK (destination <> '{REFUSED}')"
        what = what if rows else "DROP CONSTRAINT known"
        self._server.run(f"ALTER TABLE window_rows {what}")


@contextmanager
def serve_collector(_: Path) -> Iterator[Engine]:
    """Serve as a collector."""
    with Server() as server:
        yield Collector(server)


@contextmanager
def serve_clickhouse(folder: Path) -> Iterator[Engine]:
    """Serve ClickHouse."""
    with clickhouse.serve_clickhouse(folder) as server:
        yield Database(server, f"clickhouse://127.0.0.1:{{port}}/{clickhouse.DATABASE}")


@contextmanager
def serve_postgresql(folder: Path) -> Iterator[Engine]:
    """Serve PostgreSQL."""
    with postgresql.serve_postgresql(folder) as server:
        yield Database(server, "postgresql://127.0.0.1:{port}/postgres")
