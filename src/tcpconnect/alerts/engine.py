"""Engine: windows of counts in, alerts out. It reads no clock, and opens no file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.alerts import alert
from tcpconnect.alerts.alert import FAILING, NEW
from tcpconnect.alerts.failing import Failing
from tcpconnect.alerts.hourly import Hourly
from tcpconnect.alerts.learning import LEARN_S, Learning
from tcpconnect.alerts.shapes import shape_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tcpconnect.alerts.alert import Alert, Pair, Row


class Engine:
    """Finds what is to be alerted of these ``kinds``.

    ``observed`` is the observed clock: how long it has watched, with all runs before.
    """

    def __init__(self, kinds: Collection[str], learn_s: float = LEARN_S) -> None:
        self._kinds = frozenset(kinds)
        self.observed = 0.0
        self.learning = Learning(learn_s)
        self.hourly = Hourly()
        self.failing = Failing()

    def feed(self, time: int, watched_s: float, rows: Sequence[Row]) -> list[Alert]:
        """Take the rows of a window that began at ``time``; return what it alerts.

        ``watched_s`` is how long it was watched; windows come in their order, those
        without rows, too.
        """
        self.observed += max(0.0, watched_s)
        alerts: list[Alert] = []
        if FAILING in self._kinds:
            alerts += self.failing.tick(time)
            for row in rows:
                alerts += self.failing.add(row)
        if NEW in self._kinds:
            alerts += self._new(rows)
            self.learning.sweep(self._now)
            ended = self.hourly.end(self._now, time)
            alerts += [ended] if ended else []
        return alerts

    def accept(self, pairs: Iterable[tuple[str, str, int]], *, learnt: bool) -> None:
        """Know these pairs: they are not new. ``learnt``: nor are their programs."""
        shapes = [shape_of(*pair) for pair in pairs]
        self.learning.accept(shapes, self._now, learnt=learnt)

    @property
    def _now(self) -> int:
        return int(self.observed)

    def _new(self, rows: Sequence[Row]) -> list[Alert]:
        pairs: dict[Pair, Row] = {}  # the first row of each that is to be reported
        for row in rows:
            # A lookup that failed reached nothing, and tried nothing.
            if not (row.dport and row.sure):
                continue
            pair = shape_of(row.program, row.destination, row.dport)
            new = self.learning.see(pair, self._now, row.address, named=row.is_named)
            if new and self.hourly.add(row, self._now):
                pairs[pair] = row
        return [alert.new(all_of(row, rows)) for row in pairs.values()]


def all_of(first: Row, rows: Iterable[Row]) -> Row:
    """Return the sum of the rows of one pair; the result is that of the most."""
    same = [row for row in rows if row[1:4] == first[1:4]]
    return max(same, key=lambda row: row.attempts)._replace(
        attempts=sum(row.attempts for row in same),
        failed=sum(row.failed for row in same),
    )
