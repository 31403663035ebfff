"""Trace: the kernel's events as Python objects, in order, until stopped."""

from __future__ import annotations

import math
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from tcpconnect.batch import Batch, Losses
from tcpconnect.bpf.ring import BATCH_RECORDS, HEADER_BYTES, Run
from tcpconnect.events import Events
from tcpconnect.kernel.records import CONNECTION, EXPLAINED, KINDS
from tcpconnect.parts import Parts
from tcpconnect.waits import IDLE_MS, SHORT_MS, Waits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from tcpconnect.bpf.kind import Kind
    from tcpconnect.connection import Connection
    from tcpconnect.counted import FailedLookups
    from tcpconnect.errors import Line
    from tcpconnect.flow import Flow
    from tcpconnect.formats.rows import Rows, Watcher
    from tcpconnect.gauges import Gauging
    from tcpconnect.kernel.ahead import Attach
    from tcpconnect.settings import Settings
    from tcpconnect.wanted import Wanted

# How long to wait at the stop for a record that another CPU has begun, and how long to
# sleep between two checks: nothing wakes us then.
UNFINISHED_S = 1.0
UNFINISHED_PAUSE_S = 0.01
# How long after the last traced process its sockets may take to be closed.
SETTLE_S = 0.5


class Trace:
    """A running trace, attached from the constructor until ``close``.

    Iterate over it for Connections, or over ``batches()``. Both end after ``stop()``,
    after ``duration`` seconds, or when all processes of ``pids`` have ended, and with
    ``follow`` their descendants.
    """

    def __init__(self, settings: Settings, attach: Attach | None = None) -> None:
        self.settings = settings
        self._closed = False
        self._next = math.inf  # end of an interval
        self._deadline: float | None = None
        if settings.duration is not None:
            self._deadline = time.monotonic() + settings.duration
        self._emptied: float | None = None
        self._unfinished: list[Kind] = []  # of records
        self._warned: list[Line] = []
        self._yielded = 0  # of these
        self._counts: FailedLookups | None = None
        if settings.count:
            from tcpconnect.counted import FailedLookups  # and, for flows(), the rest

            self._counts = FailedLookups()
        self._wanted: Wanted | None = None
        if settings.filtered:
            from tcpconnect.wanted import Wanted

            self._wanted = Wanted(settings)
        self._parts = parts = Parts(settings, attach)
        self._attempts, self._ring = parts.attempts, parts.attempts.ring
        self._follow, self._naming = parts.follow, parts.naming
        self._events = Events(parts, self._counts)
        self._gauging: Gauging | None = None
        if settings.gauges_s:
            from tcpconnect.gauges import Gauging

            self._gauging = Gauging(parts, settings.gauges_s)
        self._waits = Waits(self._ring)

    def settle(self) -> None:
        """Have other users' files examined, in a thread; wait five seconds at most.

        Threads keep the privileges that they start with: call this after dropping those
        that are not needed.
        """
        if self._naming:
            self._naming.settle()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Connection]:
        """Yield each Connection as soon as it is known; none with ``count``."""
        for batch in self.batches():
            if not self.settings.count:
                yield from batch.events

    def make_rows(self, rows: Rows, watcher: Watcher | None) -> bool:
        """Have events be rows, which are counted, unless a filter looks at them."""
        if free := not (self._wanted or self.settings.count):
            self._events.make_rows(rows, watcher)
        return free

    def batches(self) -> Iterator[Batch]:
        """Yield batches as events come; one without any at first, and once a second.

        The first one means that all is ready. After ``stop()`` the programs are
        detached, and what they had written is yielded; the attempts that have not ended
        come last. With ``count`` the flows are the events of the last batch.
        """
        self.settle()
        yield self._batch([])
        interval = self.settings.interval_s or math.inf
        self._next = time.monotonic() + interval
        while not self._over():
            if self._naming:
                self._naming.look()
            events = self._events.of(self._ring.read())
            yield self._batch(events)
            if self._next < math.inf and time.monotonic() >= self._next:
                yield self._batch([], self._still_open())
                self._next = max(self._next, time.monotonic() - interval) + interval
            if not self._ring.count and not self._ring.waiting:
                idle_ms = SHORT_MS if self._emptied else IDLE_MS
                self._waits.for_record(min(idle_ms, self._left_ms))
            elif not self._ring.backlog:
                self._waits.between_reads(len(events), self._left_ms)
        self._attempts.detach()
        yield from map(self._batch, self._written())
        if self.settings.count:
            self._events.failed(last=True)
            yield self._batch(self.flows())
        else:
            for run in self._pending():
                yield self._batch(self._events.of([run]))
            yield self._batch(self._events.failed(last=True))
            yield self._batch([])  # with what was lost at the end

    def _batch(
        self, events: list[Any], still_open: list[Connection] | None = None
    ) -> Batch:
        if self._wanted:
            events = self._wanted(events)
            still_open = still_open and self._wanted(still_open)
        self._take_warnings()
        warnings = self._warned[self._yielded :]
        self._yielded += len(warnings)
        due = self._gauging.due() if self._gauging else None
        return Batch(events, self.losses, warnings, time.time(), still_open, gauges=due)

    def _still_open(self) -> list[Connection]:
        """Return the attempts that have not ended, at the end of an interval."""
        return [c for run in self._pending() for c in self._events.attempts(run)]

    def _pending(self) -> Iterator[Run]:
        """Yield the attempts that have not ended."""
        pending = self._attempts.pending()
        while records := list(islice(pending, BATCH_RECORDS)):
            header = bytes(HEADER_BYTES)
            framed = b"".join(header + record for record in records)
            yield Run(CONNECTION.length, framed)

    def _written(self) -> Iterator[list[Connection]]:
        """Yield the records that have been written.

        If another CPU does not finish a record in time, it is skipped.
        """
        end = self._ring.written
        late = time.monotonic() + UNFINISHED_S
        while self._ring.holds(end):
            if runs := self._ring.read():
                yield self._events.of(runs)
            elif time.monotonic() < late:
                time.sleep(UNFINISHED_PAUSE_S)
            else:
                self._unfinished.append(KINDS[self._ring.skip()])

    def _over(self) -> bool:
        late = self._deadline is not None and time.monotonic() >= self._deadline
        all_ended = self._follow is not None and self._all_ended()
        return self._waits.ended or late or all_ended

    def _all_ended(self) -> bool:
        """Whether all traced processes and their attempts have ended.

        A process leaves the set a moment before its sockets are closed.
        """
        if not self.processes_ended:
            return False
        if not self.settings.track:
            return True
        self._emptied = self._emptied or time.monotonic()
        late = time.monotonic() - self._emptied > SETTLE_S
        return late or next(self._attempts.pending(), None) is None

    @property
    def processes_ended(self) -> bool:
        """Whether there were ``pids``, and all of them have ended."""
        return bool(self._follow and self._follow.empty)

    @property
    def _left_ms(self) -> float:
        """How long a wait may be: an interval and the trace end in time."""
        end = min(self._next, math.inf if self._deadline is None else self._deadline)
        return max(0, (end - time.monotonic()) * 1000)

    def stop(self) -> None:
        """End the iteration soon; may be called from a signal handler or thread."""
        self._waits.end()

    def stop_with(self, fd: int) -> None:
        """Stop when the other end of ``fd``, an output, has been closed."""
        self._waits.end_with(fd)

    @property
    def warnings(self) -> list[Line]:
        """A line for each thing that does not work while the rest does."""
        self._take_warnings()
        return self._warned.copy()

    def _take_warnings(self) -> None:
        self._warned += self._parts.warnings()

    @property
    def losses(self) -> Losses:
        """What was not shown so far."""
        losses = self._parts.losses
        own = self._unfinished or self._counts
        return losses + self._own_losses() if own else losses

    def _own_losses(self) -> Losses:
        # The record of an empty set is no loss.
        details = [kind for each in self._parts.enrichers for kind in each.kinds]
        return Losses(
            unfinished=sum(
                kind in {CONNECTION, EXPLAINED} for kind in self._unfinished
            ),
            unfinished_details=sum(kind in details for kind in self._unfinished),
            flows=self._counts.lost if self._counts else 0,
        )

    @property
    def needed_capabilities(self) -> frozenset[str]:
        """The capabilities that it needs while it runs: others may be dropped."""
        return frozenset().union(*(p.needed_capabilities for p in self._parts))

    def flows(self) -> list[Flow]:
        """Return what ``count`` has counted, most connects first."""
        from tcpconnect.counted import decode_flows, without_collector

        at_end = self.settings.wait_end
        wanted = at_end or self.settings.with_result
        pending = self._attempts.pending() if wanted else ()
        with without_collector():
            entries = self._attempts.flows()
            flows = decode_flows(entries, pending, counted_at_end=at_end)
            if self._naming:
                self._naming.add_to_flows(flows)
        return flows + (self._counts.flows() if self._counts else [])

    def histogram(self) -> list[int]:
        """Return how many latencies lay in 2^n to 2^(n+1)-1 us, for each n."""
        return self._attempts.histogram()

    def process_ends(self) -> None:
        """Have ``close`` leave what takes long to another process: ours is to end.

        Before Linux 6.6 to detach from hundreds of C libraries takes a minute.
        """
        if self._naming:
            self._naming.process_ends()

    def close(self) -> None:
        """Detach, and release everything in the kernel."""
        if not self._closed:
            self._closed = True
            self._parts.close()
            self._waits.close()
