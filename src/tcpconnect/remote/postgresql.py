"""PostgreSQL: rows by COPY, each block in a transaction with its token."""

from __future__ import annotations

import os
import time
import zlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from msgspec import json
from msgspec.structs import replace

from tcpconnect.machine.hostname import host_name
from tcpconnect.remote import libpq, tables
from tcpconnect.remote.attempt_rows import AttemptRows
from tcpconnect.remote.libpq import Connector
from tcpconnect.remote.packing import WITH_HEADER, gzipped
from tcpconnect.remote.place import WORDS
from tcpconnect.remote.spool import ALERTS, LOSSES, RUNS, SINGLE, WINDOWS, Packed
from tcpconnect.remote.url import POSTGRESQL, read
from tcpconnect.times import NANO, rfc3339
from tcpconnect.transport.deadline import cut_after
from tcpconnect.transport.post import LATE
from tcpconnect.transport.undelivered import UndeliveredError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tcpconnect.alerts.alert import Notice
    from tcpconnect.connection import Connection
    from tcpconnect.history.store import Run
    from tcpconnect.image import Place
    from tcpconnect.remote.place import Counted, Wheres
    from tcpconnect.remote.spool import Block

FORM = replace(POSTGRESQL, words=WORDS)
LIMIT_S = 20
DAY = 86_400
ASK_S = DAY  # how often the server is asked to have partitions
ONCE = """INSERT INTO blocks (token, time) VALUES (%s, %s) ON CONFLICT DO NOTHING"""
RUN = """
INSERT INTO run_rows (host, boot, version, options, pid, started, watched, ended)
VALUES (%(host)s, %(boot)s, %(version)s, %(options)s, %(pid)s, %(started)s,
    %(watched)s, %(ended)s)
ON CONFLICT (host, boot, pid, started) DO UPDATE
SET watched = excluded.watched, ended = excluded.ended"""
# A row can't be stored, ever: class 21 is of two that are one (in add_pairs()), 22 of
# data, 23 of constraints, 54 of limits, P0 of what our functions refuse, as times of
# long ago.
REFUSED = ("21", "22", "23", "54", "P0")
# As the text format of COPY has them; a text can't have a NUL.
ESCAPES = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "?"}
)


class PostgreSQL:
    """A database with the tables of postgresql.sql; ``create``: make them first."""

    with_metrics = False

    def __init__(self, text: str, *, create: bool = False) -> None:
        url = read(text, FORM)
        self.name = url.name
        self.events = url.asked["events"]
        self.every_s = int(url.asked["every"].rstrip("s"))
        self._url = url
        self._script = ""
        self._create = create
        self._months: set[tuple[int, int]] = set()  # that have partitions
        self._asked = time.monotonic()
        self._host = host_name()
        self._attempts = AttemptRows(self._host)

    def open(self) -> None:
        """Import psycopg, read credentials and statements. Raises UsageError."""
        self._psycopg = libpq.imported()
        options = f"-c statement_timeout={LIMIT_S}s"
        self._to = Connector(self._url, options, tcp_user_timeout=LIMIT_S * 1000)
        if self._create:
            script = files(__package__).joinpath("postgresql.sql")
            self._script = script.read_text(encoding="utf-8")

    def windows(self, rows: Sequence[Counted], _wheres: Wheres) -> Packed:
        """Return a block for window_rows."""
        made = (tables.window(self._host, row) for row in rows)
        attempts = sum(row.attempts for _, _, row in rows)
        return Packed(WINDOWS, len(rows), attempts, _copied(made))

    def metrics(self, *_: object) -> None:
        """Return nothing: rows are all that a database needs."""

    def losses(self, lost: Mapping[tuple[int, str], int]) -> Packed:
        """Return a block for loss_rows."""
        return Packed(LOSSES, len(lost), 0, _copied(tables.losses(self._host, lost)))

    def runs(self, run: Run, watched: int, *, ended: bool) -> Packed:
        """Return a block for run_rows."""
        return Packed(RUNS, 1, 0, json.encode(tables.run(run, watched, ended=ended)))

    def single(self, events: Sequence[Connection]) -> Packed:
        """Return a block for attempts."""
        row = self._attempts.row
        made = (
            {
                "host": self._host,
                "time": event.time // NANO,
                "attempt": f'{{"time":"{rfc3339(event.time)}"{row(event)}}}'.replace(
                    "\\u0000", "?"
                ),
            }
            for event in events
        )
        return Packed(SINGLE, len(events), len(events), _copied(made))

    def alert(self, notice: Notice, _where: Place | None) -> Packed:
        """Return a block for alert_rows."""
        body = _copied([tables.alert(self._host, notice.alert)])
        return Packed(ALERTS, 1, 1, body, notice.id)

    def deliver(self, block: Block, body: bytes) -> int:
        """Insert a block, unless it is there; it is taken as a whole, or not at all."""
        try:
            connection = self._to.connect()
            with cut_after(LIMIT_S, connection.fileno()), connection:
                self._prepare(connection, block, body)
                if connection.execute(ONCE, (block.token, block.time)).rowcount:
                    self._insert(connection, block.kind, body)
        except TimeoutError:
            raise UndeliveredError(LATE) from None
        except OSError as error:
            raise UndeliveredError(os.strerror(error.errno or 0)) from error
        except self._psycopg.Error as error:
            again = not (error.sqlstate or "").startswith(REFUSED)
            raise UndeliveredError(libpq.first_line(error), again=again) from error
        self._script = ""
        return 0

    def _prepare(self, connection: Any, block: Block, body: bytes) -> None:
        """Make tables that are wanted, and each day partitions of a block's months."""
        if self._script:
            connection.execute(self._script)
        if time.monotonic() - self._asked >= ASK_S:
            self._months.clear()  # that of the next month is made before it begins
            self._asked = time.monotonic()
        for moment in _unpacked(body)[0] if block.kind in {WINDOWS, SINGLE} else ():
            month = time.gmtime(moment)[:2]
            if month not in self._months:
                connection.execute("SELECT make_partitions(%s)", (moment,))
                connection.commit()
                self._months.add((month[0], month[1]))

    def _insert(self, connection: Any, kind: str, body: bytes) -> None:
        if kind == RUNS:
            connection.execute(RUN, json.decode(body))
            return
        _, columns, rows = _unpacked(body)
        statement = f"COPY {tables.NAMES[kind]} ({columns}) FROM STDIN"
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(rows)


def _copied(rows: Iterable[dict[str, Any]]) -> bytes:
    """Return lines: the days of rows, their columns, and one of COPY for each."""
    days: set[int] = set()
    columns = ""
    lines: list[str] = []
    for row in rows:
        columns = columns or ",".join(row)
        days.add(row["time"] // DAY * DAY)
        lines.append("\t".join(map(_cell, row.values())))
    head = " ".join(map(str, sorted(days)))
    return gzipped("\n".join([head, columns, *lines, ""]).encode())


def _unpacked(body: bytes) -> tuple[list[int], str, bytes]:
    """Return the days, the columns and the rows."""
    days, columns, rows = zlib.decompress(body, WITH_HEADER).split(b"\n", 2)
    return [*map(int, days.split())], columns.decode(), rows


def _cell(value: object) -> str:
    text = json.encode(value).decode() if isinstance(value, dict) else str(value)
    return text.translate(ESCAPES)
