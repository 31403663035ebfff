"""Trace: the kernel's events as Python objects, in order, until stopped."""

from __future__ import annotations

import os
import select
import time
from contextlib import ExitStack
from itertools import islice
from struct import iter_unpack
from typing import TYPE_CHECKING

from tcpconnect.bpf.capabilities import READ_FILES, missing
from tcpconnect.bpf.kernel import KernelSource
from tcpconnect.bpf.preflight import ready_library, require
from tcpconnect.bpf.ring import BATCH_RECORDS, HEADER_BYTES, Run
from tcpconnect.clock import offset_ns
from tcpconnect.connection import FRAMED, LAYOUT, WHOLE, Connection, decode
from tcpconnect.errors import KernelError, TcpconnectError
from tcpconnect.flow import Flow, decode_flows
from tcpconnect.settings import NAMED_DETAILS, NOWHERE, Places, Settings

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Iterator

    from typing_extensions import Self

    from tcpconnect.bpf.follow import Follow
    from tcpconnect.bpf.kernel import Losses
    from tcpconnect.enrich import Enricher
    from tcpconnect.naming import Naming

# The first event after a quiet time is read at once, further ones no sooner than this
# after it: the kernel then need not wake us for every event. All that wait share what
# waking up costs, so where some did, more of them shall: still within 100 ms.
PAUSE_MS = 40
BUSY_PAUSE_MS = 80
BUSY_RECORDS = 4
IDLE_MS = 1000
# How long a record that another CPU has begun may take at the stop, and how long we
# sleep between two looks: nothing wakes us then.
UNFINISHED_S = 1.0
UNFINISHED_PAUSE_S = 0.01
# How long after the last traced process its sockets may take to be closed.
SETTLE_S = 0.5


class Trace:
    """A running trace, attached from its making until ``close``.

    Iterate over it for Connections, or over ``batches()``. Both end after ``stop()``,
    when ``duration`` seconds are over, or when all processes of ``pids`` have ended,
    and with ``follow`` their descendants.

    ``notices`` tells what does not work, though the rest does, a line each. The list
    grows while tracing; take out what you have seen.
    """

    def __init__(self, settings: Settings, places: Places = NOWHERE) -> None:
        self.settings = settings
        self._stopped = False
        self._deadline: float | None = None
        if settings.duration is not None:
            self._deadline = time.monotonic() + settings.duration
        self._emptied: float | None = None
        self._unfinished: list[int] = []  # lengths of records
        self._follow: Follow | None = None
        self._naming: Naming | None = None
        library = ready_library()
        offset_ns()
        with ExitStack() as stack:
            self._source = self._attach(library, places)
            stack.callback(self._source.close)
            if settings.pids:
                self._follow = self._source.follow()
            if settings.named:
                self._naming = self._attach_names(library)
                stack.callback(self._naming.close)
            self.notices = self._naming.notices if self._naming else []
            self.notices += [*self._source.limits, *self._unread()]
            self.notices += self._follow.notices if self._follow else ()
            self._enrichers = self._all_enrichers()
            self._close = stack.pop_all().close
        learners = [*self._enrichers, *([self._follow] if self._follow else ())]
        self._learners = {
            length: learner.learn for learner in learners for length in learner.lengths
        }
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._pause = select.poll()
        self._pause.register(self._wake, select.POLLIN)
        self._ready = select.poll()
        self._ready.register(self._wake, select.POLLIN)
        self._ring_fd = self._source.fileno()
        self._ready.register(self._ring_fd, select.POLLIN)

    def settle(self) -> None:
        """Have what others provide looked at, in a thread; wait five seconds at most.

        Threads keep the privileges that they begin with: so this is for when those that
        are not needed are gone.
        """
        if self._naming:
            self._naming.settle()

    def _attach(self, library: ctypes.CDLL, places: Places) -> KernelSource:
        try:
            return KernelSource(library, self.settings, places)
        except KernelError:
            require()  # what lacks says more than the step that failed for it
            raise

    def _attach_names(self, library: ctypes.CDLL) -> Naming:
        from tcpconnect.naming import Naming

        return Naming(library, self._source.fileno(), self.settings)

    def _unread(self) -> list[str]:
        """Return a notice for each folder of runtimes that we may not read."""
        if NAMED_DETAILS.isdisjoint(self.settings.details):
            return []
        from tcpconnect.enrich.container_names import unreadable

        why = missing([READ_FILES])
        return [
            str(TcpconnectError(f"no names of containers from {folder}", *why))
            for folder in unreadable()
        ]

    def _all_enrichers(self) -> list[Enricher]:
        """Return what adds to connections, in its order."""
        enrichers: list[Enricher] = []
        if self.settings.details:
            from tcpconnect.bpf.cgroup import hierarchies
            from tcpconnect.enrich import place
            from tcpconnect.enrich.process import Processes

            places = place.Places("/", *hierarchies())
            enrichers.append(Processes(frozenset(self.settings.details), places))
        if self._naming:
            enrichers.append(self._naming)
        return enrichers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Connection]:
        """Yield each Connection as soon as it is known."""
        for batch in self.batches():
            yield from batch

    def batches(self) -> Iterator[list[Connection]]:
        """Yield Connections as they come, a list a time; an empty one once a second.

        After ``stop()`` the kernel's program is detached, and what it had written is
        yielded; last come the attempts that have not ended.
        """
        self.settle()
        while not self._over():
            if self._naming:
                self._naming.look()
            runs = self._source.read()
            yield self._decoded(runs)
            if not runs and not self._source.waiting:
                self._wait(self._ready, PAUSE_MS if self._emptied else IDLE_MS)
            elif not self._source.backlog:
                busy = sum(run.records for run in runs) >= BUSY_RECORDS
                self._wait(self._pause, BUSY_PAUSE_MS if busy else PAUSE_MS)
        self._source.detach()
        yield from self._written()
        if not self.settings.count:
            pending = self._source.pending()
            while records := list(islice(pending, BATCH_RECORDS)):
                header = bytes(HEADER_BYTES)
                framed = b"".join(header + record for record in records)
                yield self._decoded([Run(LAYOUT.size, framed)])

    def _written(self) -> Iterator[list[Connection]]:
        """Yield what has been written until now.

        Another CPU may not have finished a record: it is waited for, then given up.
        """
        end = self._source.written
        late = time.monotonic() + UNFINISHED_S
        while self._source.holds(end):
            if runs := self._source.read():
                yield self._decoded(runs)
            elif time.monotonic() < late:
                time.sleep(UNFINISHED_PAUSE_S)
            else:
                self._unfinished.append(self._source.skip())

    def _decoded(self, runs: list[Run]) -> list[Connection]:
        connections: list[Connection] = []
        for run in runs:
            if run.length == LAYOUT.size:
                records = iter_unpack(FRAMED, run.framed)
                decoded = decode(records, self._source.first_ns)
                for enricher in self._enrichers:
                    enricher.add_to(decoded, run.framed)
                connections += decoded
            else:
                self._learners[run.length](run)
        return connections

    def _over(self) -> bool:
        late = self._deadline is not None and time.monotonic() >= self._deadline
        return self._stopped or late or self._all_ended()

    def _all_ended(self) -> bool:
        """Whether all traced processes have ended, and their attempts, too.

        A process leaves the set a moment before its sockets are closed.
        """
        if not self.processes_ended:
            return False
        if not self.settings.track:
            return True
        self._emptied = self._emptied or time.monotonic()
        late = time.monotonic() - self._emptied > SETTLE_S
        return late or next(self._source.pending(), None) is None

    @property
    def processes_ended(self) -> bool:
        """Whether processes were named, and all of them have ended."""
        return bool(self._follow and self._follow.empty)

    def _wait(self, poll: select.poll, timeout_ms: float) -> None:
        if self._deadline is not None:
            left_ms = (self._deadline - time.monotonic()) * 1000
            timeout_ms = max(0, min(timeout_ms, left_ms))
        for fd, _ in poll.poll(timeout_ms):
            if fd != self._ring_fd:
                self._stopped = True

    def stop(self) -> None:
        """End the iteration soon; may be called from a signal handler or thread."""
        self._stopped = True
        if self._waker >= 0:
            os.write(self._waker, b"\0")

    def stop_with(self, fd: int) -> None:
        """Stop when ``fd``, a pipe or terminal we write to, has lost its other end."""
        self._pause.register(fd, 0)
        self._ready.register(fd, 0)

    @property
    def losses(self) -> Losses:
        """What was not shown until now."""
        losses = self._source.losses
        if self._unfinished:
            losses = self._with_unfinished(losses)
        if self._follow:
            losses = losses._replace(unfollowed=self._follow.lost)
        if self._naming:
            naming = self._naming
            return losses._replace(
                names=naming.lost,
                questions=naming.pushed_out,
                unread=naming.unread,
                unprobed=naming.unprobed,
            )
        return losses

    def _with_unfinished(self, losses: Losses) -> Losses:
        """Add the records that were given up; that of an empty set tells nothing."""
        lengths = self._unfinished
        details = {length for each in self._enrichers for length in each.lengths}
        return losses._replace(
            unfinished=lengths.count(LAYOUT.size),
            unfinished_details=sum(length in details for length in lengths),
        )

    @property
    def later(self) -> frozenset[str]:
        """The capabilities that it needs as long as it runs: the others may go."""
        needed = self._source.later
        if self._naming:
            needed |= self._naming.later
        if not NAMED_DETAILS.isdisjoint(self.settings.details):
            needed |= {READ_FILES}
        return needed

    def flows(self) -> list[Flow]:
        """Return what ``count`` has counted, most connects first."""
        # Attempts that are counted when they end: those that have not are PENDING.
        pending = self._source.pending() if self.settings.wait_end else ()
        flows = decode_flows(self._source.flows(), map(WHOLE.unpack, pending))
        if self._naming:
            self._naming.add_to_flows(flows)
        return flows

    def histogram(self) -> list[int]:
        """Return how many latencies lay in 2^n to 2^(n+1)-1 us, for each n."""
        return self._source.histogram()

    def close(self) -> None:
        """Detach and give everything back to the kernel."""
        waker, self._waker = self._waker, -1
        if waker < 0:
            return
        self._close()
        os.close(waker)
        os.close(self._wake)
