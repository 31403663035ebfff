"""What happens to recorded attempts before they are shown, as if they were traced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tcpconnect.connection import LOOKUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tcpconnect.batch import Batch
    from tcpconnect.connection import Connection
    from tcpconnect.settings import Settings


class Asked:
    """Passes the kinds of events that a trace with these settings has.

    Failed lookups come with results and names only, attempts without a SYN with
    results. ``left_out`` is how many did not pass.
    """

    ended = False

    def __init__(self, settings: Settings) -> None:
        self._lookups = settings.lookups
        self._refusals = settings.refusals
        self.left_out = 0

    def __call__(self, events: list[Connection]) -> list[Connection]:
        """Return those that pass."""
        passed = [event for event in events if self._has(event)]
        self.left_out += len(events) - len(passed)
        return passed

    def _has(self, event: Connection) -> bool:
        if event.event == LOOKUP:
            return self._lookups
        return self._refusals or not event.refused_by


class FromFirst:
    """Has the seconds of each event count from the first one that passes."""

    ended = False

    def __init__(self) -> None:
        self._first: int | None = None

    def __call__(self, events: list[Connection]) -> list[Connection]:
        """Return them, changed."""
        if events and self._first is None:
            self._first = events[0].time
        for event in events:
            event.elapsed_s = max(0, event.time - (self._first or 0)) / 1e9
        return events


def intervals(
    batches: Iterable[Batch], seconds: float, of: Callable[[], object] = lambda: None
) -> Iterator[Batch]:
    """Yield batches that end where an interval ends, by the time of what they have.

    An attempt belongs to the interval in which it ended: one that ends at a multiple of
    its length. Where nothing did, there is no batch. ``of`` returns what a batch is of:
    time goes back where that changes only.
    """
    length, end, made = round(seconds * 1e9), 0, of()
    for batch in batches:
        if of() is not made:
            end, made = 0, of()
        begin, events = 0, batch.events
        for at, event in enumerate(events):
            ended = ended_ns(event)
            if ended < end:
                continue
            if end:
                part = replace(batch, events=events[begin:at], warnings=[])
                yield replace(part, still_open=[], now=end / 1e9)
                begin = at
            end = ended - ended % length + length
        yield replace(batch, events=events[begin:], now=end / 1e9)


def windows(
    batches: Iterable[Batch], seconds: float, of: Callable[[], object]
) -> Iterator[Batch]:
    """Yield batches that have the time at which their interval began."""
    for batch in intervals(batches, seconds, of):
        if batch.now:
            yield replace(batch, now=batch.now - seconds, still_open=None)


def ended_ns(event: Connection) -> int:
    """Return when an attempt, or a lookup, ended, in nanoseconds since the epoch."""
    took_ms = event.dns_ms if event.event == LOOKUP else event.latency_ms
    return event.time + round((took_ms or 0) * 1e6)
