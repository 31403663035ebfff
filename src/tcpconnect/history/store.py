"""Store: the only writer of a history."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from tcpconnect.history.file import (
    close_for_readers,
    open_for_writing,
    read_beside_us,
)
from tcpconnect.history.packed import pack
from tcpconnect.history.rows import Program
from tcpconnect.why import NO_FAILURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tcpconnect.history.rows import Key, Row, Windows

    Lost = Mapping[tuple[int, str], int]  # by minute and reason


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Who records: a row of the table runs."""

    host: str = ""
    boot: str = ""
    version: str = ""
    options: str = ""
    pid: int = 0
    started: int = 0


NEW_RUN = """
INSERT INTO runs (host, boot, version, options, pid, started, watched, ended)
VALUES (?, ?, ?, ?, ?, ?, ?, 0)"""
# What a row gets of another one of its key.
MERGED = """
ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts,
    latency_us = latency_us + excluded.latency_us,
    latency_max_us = max(latency_max_us, excluded.latency_max_us),
    latencies = merged(latencies, excluded.latencies),
    dns_us = dns_us + excluded.dns_us,
    syns = syns + excluded.syns"""
ADD_ATTEMPTS = f"""
INSERT INTO windows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?){MERGED}"""  # noqa: S608
ADD_PAIR = """
INSERT INTO pairs VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    first_seen = min(first_seen, excluded.first_seen),
    last_seen = max(last_seen, excluded.last_seen)"""
REACHED = """
SELECT program, container, unit, pod, uid, destination, dport FROM pairs
JOIN programs USING (program_id) JOIN destinations USING (destination_id)
WHERE last_seen >= ?"""
ADD_LOSS = """
INSERT INTO losses VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET lost = lost + excluded.lost"""


class Store:
    """Adds windows to the rows of a file. Its methods raise sqlite3.Error.

    What fails has changed nothing. It raises OutputError for a file that it can't use.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.connection = open_for_writing(path)
        self.run_id = 0  # of the run that goes on

    def begin(self, run: Run, watched: int = 0) -> None:
        """Begin a run; one that was there before has ended, and watched until then."""
        read_beside_us(self.connection)
        with self.transaction():
            self.connection.execute(
                "UPDATE runs SET watched = max(watched, :at), "
                "ended = max(watched, :at) WHERE run_id = :run",
                {"at": watched, "run": self.run_id},
            )
            who = run.host, run.boot, run.version, run.options, run.pid
            cursor = self.connection.execute(NEW_RUN, (*who, run.started, run.started))
        self.run_id = cursor.lastrowid or 0

    def reached(self, since: int) -> list[tuple[Program, tuple[str, int]]]:
        """Return which programs have reached what since then."""
        found = self.connection.execute(REACHED, (since,))
        return [(Program(*row[:5]), (row[5], row[6])) for row in found]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the body's statements, all or none."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite may have rolled back itself
                self.connection.execute("ROLLBACK")
            raise

    def add(self, windows: Windows, lost: Lost, watched: int) -> None:
        """Add windows, and what was lost; all until ``watched`` was seen."""
        with self.transaction():
            ids = _Ids(self.connection)
            for (span, time), rows in windows.items():
                for key, row in rows.items():
                    self._add(ids, (time, span), key, row)
            for (minute, reason), number in lost.items():
                values = self.run_id, minute, reason, number
                self.connection.execute(ADD_LOSS, values)
            self.connection.execute(
                "UPDATE runs SET watched = max(watched, ?) WHERE run_id = ?",
                (watched, self.run_id),
            )

    def _add(self, ids: _Ids, when: tuple[int, int], key: Key, row: Row) -> None:
        program = ids.program(key.program)
        destination = ids.destination(key.destination, key.dport, row)
        outcome = ids.outcome(key.result, key.why)
        times = row.latency_us, row.latency_max_us, pack(row.latencies)
        values = *when, program, destination, outcome, row.attempts, *times
        self.connection.execute(ADD_ATTEMPTS, (*values, row.dns_us, row.syns))
        pair = program, destination, row.first, row.last
        self.connection.execute(ADD_PAIR, pair)

    def close(self, ended: int) -> None:
        """End the run; leave one file. Raises sqlite3.Error, after it is closed."""
        try:
            if not self.run_id:
                return
            with self.transaction():
                self.connection.execute(
                    "UPDATE runs SET watched = max(watched, ?), ended = ? "
                    "WHERE run_id = ?",
                    (ended, ended, self.run_id),
                )
        finally:
            close_for_readers(self.connection)


class _Ids:
    """The IDs of names, within a transaction: others may delete rows between two."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._programs: dict[Program, int] = {}
        self._destinations: dict[tuple[str, int], int] = {}
        self._outcomes: dict[tuple[str, str], int] = {}

    def program(self, program: Program) -> int:
        """Return the ID of a program."""
        known = self._programs.get(program)
        if known is None:
            known = self._programs[program] = self._found(
                "SELECT program_id FROM programs WHERE (program, container, unit, pod, "
                "uid) = (?, ?, ?, ?, ?)",
                "INSERT INTO programs (program, container, unit, pod, uid) "
                "VALUES (?, ?, ?, ?, ?)",
                program,
            )
        return known

    def destination(self, destination: str, dport: int, row: Row) -> int:
        """Return the ID of a destination, whose last address is that of the row."""
        key = destination, dport
        known = self._destinations.get(key)
        if known is None:
            known = self._destinations[key] = self._found(
                "SELECT destination_id FROM destinations "
                "WHERE (destination, dport) = (?, ?)",
                "INSERT INTO destinations (destination, dport, query, address) "
                "VALUES (?, ?, '', '')",
                key,
            )
            self._execute(
                "UPDATE destinations SET query = ?, address = ? WHERE "
                "destination_id = ? AND (query, address) IS NOT (?, ?)",
                (row.query, row.address, known, row.query, row.address),
            )
        return known

    def outcome(self, result: str, why: str) -> int:
        """Return the ID of an outcome."""
        key = result, why
        known = self._outcomes.get(key)
        if known is None:
            failed = int(result not in NO_FAILURES and result != "")
            known = self._outcomes[key] = self._found(
                "SELECT outcome_id FROM outcomes WHERE (result, why) = (?, ?)",
                "INSERT INTO outcomes (result, why, failed) VALUES (?, ?, ?)",
                key,
                failed,
            )
        return known

    def _found(
        self, select: str, insert: str, key: tuple[object, ...], *more: object
    ) -> int:
        found = self._execute(select, key).fetchone()
        if found:
            return int(found[0])
        return self._execute(insert, (*key, *more)).lastrowid or 0
