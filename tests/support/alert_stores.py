"""What alerts know, in a file that a test reads."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from tcpconnect.alerts.alert import Notice
from tcpconnect.alerts.engine import Engine
from tcpconnect.alerts.store import AlertStore
from tests.support.windows import DAY_S, Watch

if TYPE_CHECKING:
    from tcpconnect.alerts.alert import Alert, Row

CHANNEL = "stdout"


class Kept(Watch):
    """A watch whose knowledge is kept after each window."""

    def __init__(self, path: str, learn_s: int = DAY_S, **begin: int) -> None:
        super().__init__(Engine({"new", "failing"}, learn_s), **begin)
        self.store = AlertStore(path)
        self.store.load(self.engine)
        self._number = 0

    def window(self, *rows: Row) -> list[Alert]:
        """Feed a window, and keep what it teaches."""
        alerts = super().window(*rows)
        notices = [Notice(f"{self.time}-{n}", a) for n, a in enumerate(alerts)]
        self.store.keep(self.engine, notices, {CHANNEL})
        return alerts


def table(path: str, name: str) -> list[tuple[Any, ...]]:
    """Return the rows of a table."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608
    finally:
        connection.close()
