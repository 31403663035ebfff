"""Keeper: keeps what alerts know; while that is not possible, all goes on."""

from __future__ import annotations

import sqlite3
from _thread import allocate_lock
from contextlib import suppress
from typing import TYPE_CHECKING

from tcpconnect import alert_messages as messages
from tcpconnect.alerts.rows import add_alert
from tcpconnect.alerts.store import AlertStore
from tcpconnect.errors import OutputError
from tcpconnect.machine.account import acting_as
from tcpconnect.output import say

if TYPE_CHECKING:
    from collections.abc import Collection

    from tcpconnect.alerts.alert import Alert, Notice
    from tcpconnect.alerts.engine import Engine
    from tcpconnect.machine.account import Account

WAITS = "it stays in memory until that works"
ELSEWHERE = "name another place: -o sqlite:FILE keeps it beside FILE"
DAMAGED = "move the file away, then they are learnt anew"
MAX_UNKEPT = 1_000  # alerts, and marks, that wait for the file


class Keeper:
    """The file of alerts. Channels may call ``sent`` from their threads.

    It belongs to ``account``, if that is given; ``history`` is the path of the history
    that shows them, too, if there is one.
    """

    def __init__(
        self, path: str, history: str | None = None, account: Account | None = None
    ) -> None:
        self._path, self._history, self._account = path, history, account
        self._unshown: list[Notice] = []  # that are not in the history yet
        self._unkept: list[Notice] = []
        self._sent: set[tuple[str, str]] = set()  # by channel, and not yet marked
        self._lock = allocate_lock()  # of the second
        self._failing = False

    def open(self, engine: Engine) -> None:
        """Open the file, and give the engine what it has. Raises OutputError."""
        try:
            with acting_as(self._account):
                self._store = AlertStore(self._path)
            self._store.load(engine)
        except (sqlite3.Error, OSError, ValueError) as error:
            remedy = DAMAGED if isinstance(error, ValueError) else ELSEWHERE
            values = {"path": self._path, "reason": error, "remedy": remedy}
            raise OutputError(messages.CANT_KEEP_ALERTS, **values) from error

    def waiting(self, channel: str) -> list[Notice]:
        """Return what a run before did not send. Raises sqlite3.Error."""
        notices = self._store.waiting(channel)
        self._show(notices)
        return notices

    def latest(self, since: int) -> list[Alert]:
        """Return what was new since then. Raises sqlite3.Error."""
        return self._store.latest(since)

    def forget(self, engine: Engine) -> None:
        """Have the engine forget what others have deleted from the file."""
        with suppress(sqlite3.Error):  # it is tried again with the next window
            self._store.forget(engine)

    def keep(
        self, engine: Engine, notices: list[Notice], channels: Collection[str]
    ) -> bool:
        """Keep what is known now, and return whether it is kept.

        What is kept late is sent without waiting for it.
        """
        try:
            if self._unkept:
                self._store.keep(engine, self._unkept, ())
                self._unkept = []
            self._store.keep(engine, notices, channels)
        except sqlite3.Error as error:
            self._unkept = [*self._unkept, *notices][-MAX_UNKEPT:]
            if not self._failing:
                self._failing = True
                values = {"path": self._path, "reason": error, "remedy": WAITS}
                say(messages.CANT_KEEP_ALERTS.line(**values))
            return False
        self._failing = False
        self._mark()
        self._show(notices)
        return True

    def sent(self, channel: str, notice_id: str) -> None:
        """Note that a channel has sent a notice."""
        try:
            self._store.sent(channel, notice_id)
        except sqlite3.Error:
            with self._lock:
                if len(self._sent) < MAX_UNKEPT:
                    self._sent.add((channel, notice_id))

    def close(self) -> None:
        """Close the file."""
        self._mark()
        with suppress(sqlite3.Error):
            self._store.close()

    def _show(self, notices: list[Notice]) -> None:
        """Add them to the history; what is there already is not added again."""
        self._unshown = [*self._unshown, *notices][-MAX_UNKEPT:]
        with suppress(sqlite3.Error):  # it is tried again with the next window
            while self._history and self._unshown:
                add_alert(self._history, self._unshown[0])
                del self._unshown[0]

    def _mark(self) -> None:
        with self._lock:
            sent, self._sent = self._sent, set()
        for channel, notice_id in sent:
            self.sent(channel, notice_id)
