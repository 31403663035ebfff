"""The tables of -c: batches of events made batches of rows, sorted and limited."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tcpconnect.batch import NO_LOSSES, Losses
from tcpconnect.fields import unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tcpconnect.batch import Batch, Stage
    from tcpconnect.fields import Column
    from tcpconnect.groups import Groups


def sort_column(table: dict[str, Column], word: str) -> Column:
    """Return the column with this name, or header. Raises UsageError."""
    labels = {column.field.label.lower(): column for column in table.values()}
    known = {**labels, **table}
    if word.lower() not in known:
        raise unknown(word, table)
    return known[word.lower()]


class Tables:
    """Makes tables of batches: of the kernel's flows, or of events with ``groups``.

    Rows are sorted by a column, numbers from the largest, what is unknown last; and
    limited.
    """

    def __init__(
        self, groups: Groups | None, column: Column | None, limit: int | None
    ) -> None:
        self._groups = groups
        self._column = column
        self._limit = limit

    def over(
        self, batches: Iterable[Batch], summary: Stage | None = None
    ) -> Iterator[Batch]:
        """Yield batches of rows; ``summary`` sees what is counted, events or flows."""
        for batch in self._counted(batches, summary):
            rows = _sorted(batch.events, self._column) if self._column else batch.events
            more = max(0, len(rows) - self._limit) if self._limit else 0
            yield replace(batch, events=rows[: self._limit], more=more)

    def _counted(
        self, batches: Iterable[Batch], summary: Stage | None
    ) -> Iterator[Batch]:
        last: Batch | None = None
        for batch in batches:
            events = summary(batch.events) if summary else batch.events
            if not self._groups:
                yield batch
                continue
            self._groups.add(events)
            last = replace(batch, losses=batch.losses + self.losses, warnings=[])
            yield replace(last, events=self._rows(last), warnings=batch.warnings)
        if last and self._groups:
            rows = self._groups.take([], last.now)
            yield replace(last, events=rows, still_open=[])

    def _rows(self, batch: Batch) -> list[Any]:
        """Return the rows of an interval that ends with this batch."""
        if self._groups is None or batch.still_open is None:
            return []
        return self._groups.take(batch.still_open, batch.now)

    @property
    def losses(self) -> Losses:
        """What is not counted."""
        return Losses(rows=self._groups.lost) if self._groups else NO_LOSSES

    def histogram(self, counted: list[int]) -> list[int]:
        """Return the histogram of all latencies; of the kernel's flows the given."""
        return self._groups.latencies if self._groups else counted


def _sorted(rows: list[Any], column: Column) -> list[Any]:
    value = attrgetter(column.path)
    known = [row for row in rows if value(row) is not None]
    unknown = [row for row in rows if value(row) is None]
    is_number = not column.field.spec.endswith("s")
    return sorted(known, key=value, reverse=is_number) + unknown
