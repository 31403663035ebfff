"""What -c counts: flows in the kernel, or else attempts by columns, from events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.flow import FLOW
from tcpconnect.settings import FILTERED, Settings
from tcpconnect.tables import Tables, sort_column

if TYPE_CHECKING:
    from tcpconnect.fields import Column
    from tcpconnect.parsing import CommandLine

# Column: the option that adds it, None for those that are always there.
COUNTS = {
    "connects": None,
    "ok": None,
    "failed": None,
    "pending": "result",
    "latency_avg_ms": "result",
    "latency_max_ms": "result",
    "resent": "why",
}
FLOWS = {"saddr": None, "daddr": None, "dport": None, **COUNTS, "query": "dns"}
# CSV gets a new column only when it is asked for: docs/output.md.
CSV_FLOWS = {name: by for name, by in FLOWS.items() if name != "pending"}
KEY = ("saddr", "daddr", "dport")


class Counting:
    """How -c counts, by the options; members of Settings for it are ``changes``.

    The kernel counts by address and port, until the end. For other columns, for
    intervals and for filters that look at columns, events are counted; and where they
    are ``recorded``.
    """

    def __init__(self, line: CommandLine, *, recorded: bool = False) -> None:
        self._line = line
        self._plain = True
        self._by: tuple[str, ...] = ()
        self.changes = line.changes
        self.table: dict[str, Column] = FLOW
        if line.by or not FILTERED.keys().isdisjoint(line.changes) or self.interval:
            self._plain = False
        if recorded or not self._plain:
            self._count_events()
        self.sort = sort_column(self.table, line.sort) if line.sort else None

    @property
    def interval(self) -> bool:
        """Whether there is a table again and again."""
        return "interval_s" in self._line.changes

    def _count_events(self) -> None:
        from tcpconnect.groups import table_of

        line = self._line
        kept = {n: v for n, v in line.changes.items() if n not in {"count", "columns"}}
        names = ("query",) if _shows_names(Settings(**kept)) else ()
        self._by = line.by or (*KEY, *names)
        self.table = table_of(self._by)
        syns = {"syns"} if "resent" in (line.columns or ()) else set[str]()
        self.changes = {**kept, "tally": True, "columns": sorted({*self._by, *syns})}

    def layout(self, form: str) -> dict[str, Any]:
        """Return the columns that are shown, with the options that add them."""
        if self._line.by:
            return dict.fromkeys(self._by) | COUNTS
        return CSV_FLOWS if form == "csv" and self._plain else FLOWS

    def first(self, form: str) -> list[Column]:
        """Return the columns before all others: the time of an interval."""
        if form == "table" or not self.interval:
            return []
        from tcpconnect.groups import END

        return [END]

    def tables(self) -> Tables:
        """Return what makes tables of batches."""
        if not self._by:
            return Tables(None, self.sort, self._line.limit)
        from tcpconnect.groups import Groups

        return Tables(Groups(self._by), self.sort, self._line.limit)


def _shows_names(settings: Settings) -> bool:
    return settings.dns or settings.dns_latency
