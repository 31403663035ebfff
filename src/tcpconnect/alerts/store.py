"""AlertStore: what alerts know, and what was not sent yet, kept in a file."""

from __future__ import annotations

import sqlite3
from _thread import allocate_lock
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from msgspec import DecodeError, json

from tcpconnect.alerts.alert import MAX_TIME, NEW, Alert, Notice, Pair
from tcpconnect.alerts.failing import State
from tcpconnect.alerts.hourly import Hour
from tcpconnect.alerts.learning import Learnt
from tcpconnect.alerts.rows import values_of
from tcpconnect.alerts.schema import ADD_ALERT, ALERT_TABLES
from tcpconnect.history.claim import Claim
from tcpconnect.history.file import (
    close_for_readers,
    open_for_writing,
    read_beside_us,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from tcpconnect.alerts.engine import Engine


FILE_MODE = 0o640
MAX_ALERTS = 100_000  # that are kept
MAX_WAITING = 1_000  # of a channel
MAX_OBSERVED_S = 1e11  # thousands of years
OBSERVED, HOUR = "observed", "hour"
PUT_STATE = "INSERT INTO alert_state VALUES (?, ?) ON CONFLICT DO UPDATE SET value = ?"
PUT_PROGRAM = "INSERT OR REPLACE INTO alert_programs VALUES (?, ?, ?)"
PUT_PAIR = "INSERT OR REPLACE INTO alert_pairs VALUES (?, ?, ?, ?)"
PUT_FAILING = "INSERT OR REPLACE INTO alert_failing VALUES (?, ?, ?, ?)"
DROP_PAIR = "DELETE FROM alert_pairs WHERE (program, destination, dport) = (?, ?, ?)"
DROP_FAILING = """
DELETE FROM alert_failing WHERE (program, destination, dport) = (?, ?, ?)"""


class AlertStore:
    """The tables of alerts in a file, which is made where there is none.

    It is a history without attempts, so that it can be asked for alerts like one.

    Its methods may be called from several threads. They raise sqlite3.Error: what
    fails has changed nothing, and can be done again.
    """

    def __init__(self, path: str) -> None:
        """Open it. Raises OutputError and sqlite3.Error."""
        self._claim = Claim(path, FILE_MODE)
        self._lock = allocate_lock()
        try:
            self._connection = open_for_writing(path)
        except BaseException:
            self._claim.release()
            raise
        try:
            read_beside_us(self._connection)
            with self._transaction():
                for table in ALERT_TABLES:
                    self._connection.execute(table)
            self._known = self._version()
        except BaseException:
            self._connection.close()
            self._claim.release()
            raise

    def load(self, engine: Engine) -> None:
        """Give an engine what is known. Raises ValueError for what can't be."""
        execute = self._connection.execute
        state = dict(execute("SELECT name, value FROM alert_state"))
        engine.observed = float(state.get(OBSERVED, 0))
        if not 0 <= engine.observed < MAX_OBSERVED_S:
            raise ValueError(f"it says that {engine.observed} s were watched")
        engine.hourly.hour = json.decode(state.get(HOUR, "{}"), type=Hour)
        programs = execute("SELECT program, since, seen FROM alert_programs")
        pairs = execute("SELECT program, destination, dport, seen FROM alert_pairs")
        engine.learning.load(
            {name: Learnt(since, seen) for name, since, seen in programs},
            {Pair(*pair): seen for *pair, seen in pairs},
        )
        failing = execute(
            "SELECT program, destination, dport, state FROM alert_failing"
        )
        for *pair, kept in failing:
            engine.failing.states[Pair(*pair)] = json.decode(kept, type=State)

    def forget(self, engine: Engine) -> None:
        """Have an engine forget what others have deleted from the file."""
        version = self._version()
        if version == self._known:
            return
        execute = self._connection.execute
        pairs = execute("SELECT program, destination, dport FROM alert_pairs")
        kept = {Pair(*pair) for pair in pairs}
        programs = {name for (name,) in execute("SELECT program FROM alert_programs")}
        engine.learning.keep_only(kept, programs)
        pairs = execute("SELECT program, destination, dport FROM alert_failing")
        engine.failing.keep_only({Pair(*pair) for pair in pairs})
        self._known = version

    def keep(
        self, engine: Engine, notices: Iterable[Notice], channels: Collection[str]
    ) -> None:
        """Keep what an engine has learnt, and what is to be sent to which channels."""
        learning, failing = engine.learning, engine.failing
        with self._transaction():
            self._put_state(OBSERVED, str(engine.observed))
            self._put_state(HOUR, json.encode(engine.hourly.hour).decode())
            self._put_learning(engine)
            for pair in failing.changed:
                state = failing.states.get(pair)
                if state is None:
                    self._execute(DROP_FAILING, pair)
                else:
                    kept = json.encode(state).decode()
                    self._execute(PUT_FAILING, (*pair, kept))
            for notice in notices:
                self._put(notice, channels)
        learning.changed_programs.clear()
        learning.changed_pairs.clear()
        failing.changed.clear()

    def waiting(self, channel: str) -> list[Notice]:
        """Return what was not sent to a channel yet."""
        found = self._connection.execute(
            "SELECT notice FROM alert_waiting WHERE channel = ? ORDER BY waiting_id",
            (channel,),
        )
        notices = []
        for (notice,) in found:
            with suppress(DecodeError):  # damaged: there is nothing to send
                notices.append(json.decode(notice, type=Notice))
        return notices

    def sent(self, channel: str, notice_id: str) -> None:
        """Forget that a notice is to be sent to a channel."""
        with self._lock:
            self._execute(
                "DELETE FROM alert_waiting WHERE (channel, notice_id) = (?, ?)",
                (channel, notice_id),
            )

    def latest(self, since: int) -> list[Alert]:
        """Return the alerts of what was new since then, without their counts."""
        found = self._connection.execute(
            "SELECT time, line, program, destination, dport FROM alerts "
            "WHERE kind = ? AND time BETWEEN ? AND ? ORDER BY time",
            (NEW, since, MAX_TIME),
        )
        return [
            Alert(
                kind=NEW,
                time=time,
                text=text,
                program=program,
                destination=destination,
                dport=dport,
            )
            for time, text, program, destination, dport in found
        ]

    def close(self) -> None:
        """Close the file."""
        close_for_readers(self._connection)
        self._claim.release()

    def _version(self) -> int:
        """Return what changes when others write to the file."""
        ((version,),) = self._connection.execute("PRAGMA data_version")
        return int(version)

    def _put_learning(self, engine: Engine) -> None:
        learning = engine.learning
        for name in learning.changed_programs:
            program = learning.programs.get(name)
            if program is None:
                self._execute("DELETE FROM alert_programs WHERE program = ?", (name,))
            else:
                self._execute(PUT_PROGRAM, (name, program.since, program.seen))
        for pair in learning.changed_pairs:
            seen = learning.pairs.get(pair)
            if seen is None:
                self._execute(DROP_PAIR, pair)
            else:
                self._execute(PUT_PAIR, (*pair, seen))

    def _put_state(self, name: str, value: str) -> None:
        self._execute(PUT_STATE, (name, value, value))

    def _put(self, notice: Notice, channels: Collection[str]) -> None:
        self._connection.execute(ADD_ALERT, values_of(notice))
        self._execute(
            "DELETE FROM alerts WHERE rowid <= (SELECT max(rowid) FROM alerts) - ?",
            (MAX_ALERTS,),
        )
        for channel in channels:
            self._execute(
                "INSERT INTO alert_waiting (channel, notice_id, notice) "
                "VALUES (?, ?, ?)",
                (channel, notice.id, json.encode(notice).decode()),
            )
            self._execute(
                "DELETE FROM alert_waiting WHERE channel = ? AND waiting_id NOT IN ("
                "SELECT waiting_id FROM alert_waiting WHERE channel = ? "
                "ORDER BY waiting_id DESC LIMIT ?)",
                (channel, channel, MAX_WAITING),
            )

    def _execute(
        self, statement: str, values: tuple[object, ...] = ()
    ) -> sqlite3.Cursor:
        return self._connection.execute(statement, values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._execute("BEGIN IMMEDIATE")
            try:
                yield
                self._execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite may have rolled back itself
                    self._execute("ROLLBACK")
                raise
