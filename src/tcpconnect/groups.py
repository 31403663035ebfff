"""Attempts counted by any columns, from events: for -i, --by and filters by columns.

Plain -c is counted in the kernel (counted.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import defstruct
from msgspec.structs import replace

from tcpconnect.connection import CONNECTION, LOOKUP
from tcpconnect.fields import choose
from tcpconnect.flow import FLOW
from tcpconnect.formats import row_maker

if TYPE_CHECKING:
    from collections.abc import Iterable

    import msgspec

    from tcpconnect.connection import Connection
    from tcpconnect.fields import Column

MAX_ROWS = 16384  # of which each may have some paths of 4 KB
SLOTS = 64
COUNTS = (
    *("connects", "ok", "failed", "pending"),
    *("latency_avg_ms", "latency_max_ms", "resent"),
)
# By these no two attempts are alike, or the table has one of that name.
TIMES = frozenset({"time", "elapsed_s"})
END = replace(
    CONNECTION["time"],
    field=replace(CONNECTION["time"].field, meaning="when the interval ended"),
    path="time",
)


def table_of(by: Iterable[str]) -> dict[str, Column]:
    """Return the field table of rows: what they are counted by, and the counts.

    Raises UsageError for an unknown column.
    """
    known = {name: c for name, c in CONNECTION.items() if name not in TIMES}
    keys = [_plain(FLOW.get(column.name, column)) for column in choose(known, by)]
    counts = [FLOW[name] for name in COUNTS]
    return {column.name: column for column in (*keys, *counts)}


def _plain(column: Column) -> Column:
    """Return a column of values that are ready to be shown."""
    field = replace(column.field, cell="", shown=None)
    return replace(column, field=field, path=column.name)


class _Counts:
    """The counts of a row."""

    __slots__ = (
        *("connects", "ended", "failed", "max_ms", "ok", "pending"),
        *("resent", "total_ms"),
    )

    def __init__(self) -> None:
        self.connects = self.ok = self.failed = self.pending = self.resent = 0
        self.ended = 0  # with a latency
        self.total_ms = self.max_ms = 0.0

    def values(self) -> tuple[Any, ...]:
        """Return them in the order of COUNTS."""
        mean, most = None, None
        if self.ended:
            mean, most = round(self.total_ms / self.ended, 3), self.max_ms
        outcomes = self.connects, self.ok, self.failed, self.pending
        return *outcomes, mean, most, self.resent


class Groups:
    """Counts events by columns: names of Connection's.

    An attempt that has not ended counts as PENDING each time, and as one of CONNECTS
    the first time.
    """

    def __init__(self, by: Iterable[str], most: int = MAX_ROWS) -> None:
        names = list(by)
        self._keys = row_maker(choose(CONNECTION, names))
        self._row = defstruct("Row", [*names, *COUNTS, "time"])
        self._counts: dict[tuple[Any, ...], _Counts] = {}
        self._most = most
        self._known: set[tuple[Any, ...]] = set()  # attempts that are counted, and open
        self.lost = 0
        self.latencies = [0] * SLOTS  # how many lay in 2^n to 2^(n+1)-1 us, for each n

    def add(self, events: list[Connection]) -> None:
        """Count events; those that have not ended are PENDING."""
        for key, event in zip(self._keys(events), events, strict=True):
            counts = self._counts.get(key)
            if counts is None:
                if len(self._counts) >= self._most:
                    self.lost += 1
                    continue
                counts = self._counts[key] = _Counts()
            self._count(counts, event)

    def _count(self, counts: _Counts, event: Connection) -> None:
        if event.event == LOOKUP:
            counts.failed += 1
            return
        if not (self._known and _identity(event) in self._known):
            counts.connects += 1
        if event.result == "PENDING":
            counts.pending += 1
        elif event.result is not None:
            self._count_end(counts, event)

    def _count_end(self, counts: _Counts, event: Connection) -> None:
        if event.result == "OK":
            counts.ok += 1
        else:
            counts.failed += 1
        if event.syns and event.syns > 1:
            counts.resent += 1
        if event.latency_ms is not None and not event.refused_by:
            counts.ended += 1
            counts.total_ms += event.latency_ms
            counts.max_ms = max(counts.max_ms, event.latency_ms)
            self.latencies[(int(event.latency_ms * 1000) or 1).bit_length() - 1] += 1

    def take(self, still_open: list[Connection], now: float) -> list[msgspec.Struct]:
        """Count what is open, too; return the rows until now, most connects first."""
        self.add(still_open)
        self._known = set(map(_identity, still_open))
        counted, self._counts = self._counts, {}
        order = sorted(
            counted.items(), key=lambda item: (-item[1].connects, _text(item[0]))
        )
        now_ns = round(now * 1e9)
        return [self._row(*key, *counts.values(), now_ns) for key, counts in order]


def _identity(event: Connection) -> tuple[Any, ...]:
    return event.monotonic_ns, event.tid, event.daddr, event.dport


def _text(key: tuple[Any, ...]) -> list[str]:
    return ["" if value is None else str(value) for value in key]
