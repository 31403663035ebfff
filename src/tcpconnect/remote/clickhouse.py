"""ClickHouse: rows of JSON over HTTP, which the server gathers and deduplicates."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from msgspec import json
from msgspec.structs import replace

from tcpconnect.machine.hostname import host_name
from tcpconnect.remote import clickhouse_answers, tables
from tcpconnect.remote.attempt_rows import AttemptRows
from tcpconnect.remote.packing import gzipped
from tcpconnect.remote.place import WORDS
from tcpconnect.remote.spool import ALERTS, LOSSES, RUNS, SINGLE, WINDOWS, Packed
from tcpconnect.remote.url import CLICKHOUSE, clickhouse_headers, read
from tcpconnect.times import NANO
from tcpconnect.transport.post import Poster
from tcpconnect.transport.target import Target
from tcpconnect.transport.undelivered import UndeliveredError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tcpconnect.alerts.alert import Notice
    from tcpconnect.connection import Connection
    from tcpconnect.history.store import Run
    from tcpconnect.image import Place
    from tcpconnect.remote.place import Counted, Wheres
    from tcpconnect.remote.spool import Block

FORM = replace(CLICKHOUSE, words=WORDS)
# The server gathers rows of many hosts, answers when they are written, and takes each
# block once, also into what its views write.
SETTINGS = {
    "async_insert": "1",
    "wait_for_async_insert": "1",
    "async_insert_deduplicate": "1",
    "deduplicate_blocks_in_dependent_materialized_views": "1",
    "input_format_skip_unknown_fields": "1",
    # An old recording has attempts of many days.
    "max_partitions_per_insert_block": "0",
}
# Of the server as a whole, not of rows: credentials, and tables that are not there.
MAY_CHANGE = {401, 403, 404}


class ClickHouse:
    """A database with the tables of clickhouse.sql; ``create``: make them first.

    Rows are of ``host``, by default of this machine.
    """

    with_metrics = False

    def __init__(self, text: str, *, create: bool = False, host: str = "") -> None:
        url = read(text, FORM)
        self.name = url.name
        self.events = url.asked["events"]
        self.every_s = int(url.asked["every"].rstrip("s"))
        scheme = "https" if url.is_tls else "http"
        self._target = Target(url.name, scheme, "", url.host, url.port)
        self._database = url.path.strip("/") or "default"
        self._create = create
        self._host = host or host_name()
        self._attempts = AttemptRows(self._host)

    def open(self) -> None:
        """Read the environment, certificates and statements. Raises UsageError."""
        headers = {"Content-Type": "application/octet-stream", **clickhouse_headers()}
        self._poster = Poster(self._target, headers, other=_other)
        packs = {**headers, "Content-Encoding": "gzip"}
        self._packs = Poster(self._target, packs, other=_other)
        self._statements = statements() if self._create else []

    def windows(self, rows: Sequence[Counted], _wheres: Wheres) -> Packed:
        """Return a block for window_rows."""
        made = (tables.window(self._host, row) for row in rows)
        attempts = sum(row.attempts for _, _, row in rows)
        return Packed(WINDOWS, len(rows), attempts, _lines(made))

    def metrics(self, *_: object) -> None:
        """Return nothing: rows are all that a database needs."""

    def losses(self, lost: Mapping[tuple[int, str], int]) -> Packed:
        """Return a block for loss_rows."""
        return Packed(LOSSES, len(lost), 0, _lines(tables.losses(self._host, lost)))

    def runs(self, run: Run, watched: int, *, ended: bool) -> Packed:
        """Return a block for run_rows."""
        return Packed(RUNS, 1, 0, _lines([tables.run(run, watched, ended=ended)]))

    def single(self, events: Sequence[Connection]) -> Packed:
        """Return a block for attempts."""
        row = self._attempts.row
        body = "".join(
            f'{{"time":"{event.time // NANO}.{event.time % NANO:09}"{row(event)}}}\n'
            for event in events
        )
        return Packed(SINGLE, len(events), len(events), gzipped(body.encode()))

    def alert(self, notice: Notice, _where: Place | None) -> Packed:
        """Return a block for alert_rows."""
        body = _lines([tables.alert(self._host, notice.alert)])
        return Packed(ALERTS, 1, 1, body, notice.id)

    def deliver(self, block: Block, body: bytes) -> int:
        """Insert a block; it is taken as a whole, or not at all."""
        try:
            while self._statements:
                self._poster.post(self._path({}), self._statements[0])
                del self._statements[0]
            insert = {
                "query": f"INSERT INTO {tables.NAMES[block.kind]} FORMAT JSONEachRow",
                "insert_deduplication_token": block.token,
                **SETTINGS,
            }
            self._packs.post(self._path(insert), body)
        except UndeliveredError as error:
            may_change = error.again or error.status in MAY_CHANGE
            again = may_change and not clickhouse_answers.refuses_rows(str(error))
            reason = clickhouse_answers.reason_of(str(error))
            raise UndeliveredError(
                reason, again=again, after=error.after, status=error.status
            ) from error
        return 0

    def _path(self, asked: dict[str, str]) -> str:
        asked = {"database": self._database, **asked}
        return f"/?{urlencode(asked, quote_via=quote)}"


def statements() -> list[bytes]:
    """Return what makes the tables, each statement by itself."""
    text = files(__package__).joinpath("clickhouse.sql").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("--"))
    every = "\n".join(lines).split(";\n")
    return [each.encode() for each in every if each.strip()]


def _other(headers: Iterable[str]) -> str:
    ours = clickhouse_answers.is_ours(headers)
    return "" if ours else clickhouse_answers.OTHER


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return gzipped(b"\n".join(map(json.encode, rows)))
