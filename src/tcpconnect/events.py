"""Events: from the records of the ring to connections, or rows of them, in order."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from tcpconnect.bpf.ring import HEADER_BYTES, Run
from tcpconnect.decode import Decoder, show_failed
from tcpconnect.formats import STRUCTS
from tcpconnect.kernel.records import CONNECTION, EXPLAINED, KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tcpconnect.connection import Connection
    from tcpconnect.counted import FailedLookups
    from tcpconnect.formats.rows import Rows, Watcher
    from tcpconnect.parts import Parts

ATTEMPTS = {CONNECTION, EXPLAINED}


class Events:
    """Makes events of attempts; gives all other records to who learns of them.

    ``counts`` takes the lookups that have failed, with ``count``.
    """

    def __init__(self, parts: Parts, counts: FailedLookups | None) -> None:
        self._parts = parts
        self._counts = counts
        self._failures = parts.naming and parts.naming.failures
        self._learners = {kind: part.learn for part in parts for kind in part.kinds}
        self._first_ns = 0  # when the first event began
        self._decoder = Decoder(each.added for each in parts.enrichers)
        self._make: Callable[[Run, int], list[Any]] | None = None
        self._rows: Rows | None = None
        self._watcher: Watcher | None = None

    def make_rows(self, rows: Rows, watcher: Watcher | None) -> None:
        """Have all events from now on be the rows of a format; another may watch."""
        self._rows, self._watcher = rows, watcher
        self._make = rows.maker(self._decoder)
        if watcher:
            self._watch = watcher.maker(self._decoder)
            self._watch_lookups = watcher.maker(STRUCTS)

    @cached_property
    def _make_lookups(self) -> Callable[[Run, int], list[Connection]]:
        """Makes the attempts that become lookups, which have no other name."""
        naming = self._parts.naming
        added = [e.added for e in self._parts.enrichers if e is not naming]
        return Decoder(added).connections()

    def of(self, runs: Iterable[Run]) -> list[Any]:
        """Return the events in runs of records, and the lookups that have failed."""
        events: list[Any] = []
        for run in runs:
            kind = KINDS[run.length]
            if kind in ATTEMPTS:
                events += self.attempts(run)
            else:
                self._learners[kind](run)
        if self._failures:
            events += self.failed()
        return events

    def failed(self, *, last: bool = False) -> list[Any]:
        """Return the lookups that have failed; ``last``: all of them."""
        if not self._failures:
            return []
        behind = self._parts.attempts.ring.backlog and not last
        failed = self._failures.take(behind=behind, last=last)
        if self._counts:
            self._counts.add(failed)
            return []
        if not failed:
            return []
        if not self._first_ns:
            first = min(int.from_bytes(each.record[:8], "little") for each in failed)
            self._first_ns = self._parts.attempts.first_ns or first
        framed = b"".join(bytes(HEADER_BYTES) + each.record for each in failed)
        run = Run(CONNECTION.length, framed)
        connections = self._make_lookups(run, self._first_ns)
        show_failed(connections, failed, with_why=self._parts.with_why)
        if self._watcher:
            self._watcher.count(self._watch_lookups(connections))
        return self._rows.of_structs(connections) if self._rows else connections

    def attempts(self, run: Run) -> list[Any]:
        """Return the attempts of a run."""
        self._first_ns = self._first_ns or self._parts.attempts.first_ns
        if not self._make:
            self._make = self._decoder.connections()
        if self._watcher:
            self._watcher.count(self._watch(run, self._first_ns))
        return self._make(run, self._first_ns)
