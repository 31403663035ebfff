"""The data that flows through the tool, and what it passes.

Parts learn from the kernel; a Source yields Batches; Stages change their events;
Outputs write them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import asdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Protocol

    from tcpconnect.bpf.kind import Kind
    from tcpconnect.bpf.ring import Run
    from tcpconnect.errors import Line, Message


class Losses(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts that are not shown, or shown incompletely, since tracing began.

    Those without a result or process details are shown: they are not lost.

    Attributes:
        ring: the ring buffer was full.
        flows: the map of flows (-c) was full.
        rows: attempts that would have needed one row too many of -c with --by or -i.
        untracked: shown without a result, because too many were pending.
        missed: the kernel skipped all programs for them, whether a filter wanted them
            or not (decision 11).
        processes: attempts shown without their process's exe, cmdline and cgroup, which
            did not fit the ring buffer, or would have delayed lines.
        names: DNS answers and lookups that did not fit the ring buffer, or came late.
        lookups: DNS questions and calls of getaddrinfo() that were not followed,
            because too many lookups were open: some that failed may not be shown.
        questions: open DNS questions that were replaced by newer ones of their socket.
        unread: DNS answers that were malformed or truncated.
        unfollowed: children of followed processes that did not fit the set of them.
        ends_missed: shown without a result, because the kernel skipped all programs
            for their end.
        unfinished: at the stop another CPU did not finish the record.
        unfinished_details: the same for records of names and processes.
        unprobed: programs of this machine that ended before their new C library had
            probes.
    """

    ring: int = 0
    flows: int = 0
    untracked: int = 0
    missed: int = 0
    processes: int = 0
    names: int = 0
    unread: int = 0
    unfollowed: int = 0
    ends_missed: int = 0
    unfinished: int = 0
    unfinished_details: int = 0
    unprobed: int = 0
    questions: int = 0
    rows: int = 0
    lookups: int = 0

    def __add__(self, other: Losses) -> Losses:
        """Return the sums."""
        if other is NO_LOSSES:  # nearly always, and each batch has some sums
            return self
        return Losses(**{n: v + getattr(other, n) for n, v in asdict(self).items()})

    def __sub__(self, other: Losses) -> Losses:
        """Return the difference to ``other``."""
        return Losses(**{n: v - getattr(other, n) for n, v in asdict(self).items()})

    def at_least(self, other: Losses) -> Losses:
        """Return the greater number of each."""
        return Losses(**{n: max(v, getattr(other, n)) for n, v in asdict(self).items()})

    def __bool__(self) -> bool:
        """Whether anything was lost."""
        return any(asdict(self).values())

    def items(self) -> Iterator[tuple[str, int]]:
        """Yield the names and numbers that are not 0."""
        return ((name, lost) for name, lost in asdict(self).items() if lost)


NO_LOSSES = Losses()


def lost(**counts: int) -> Losses:
    """Return these losses; each batch asks, and nearly always there are none."""
    return Losses(**counts) if any(counts.values()) else NO_LOSSES


class Gauges(msgspec.Struct, frozen=True):
    """How a trace is at a moment.

    Attributes:
        pending: attempts that have not ended.
        run_s: how long its programs ran; None: the kernel does not measure it.
    """

    pending: int
    run_s: float | None


class Batch(msgspec.Struct, frozen=True):
    """New events, losses and warnings.

    Attributes:
        events: Connections in their order, or rows of them for an output that takes
            rows; with -c, Flows in the last batch.
        losses: all so far.
        warnings: lines about what does not work while the rest does.
        now: its time, in seconds since the epoch.
        still_open: at the end of each interval the attempts that have not ended: with
            Settings.interval_s; else None. In batches of rows it marks a whole table.
        more: how many rows of a table are left out.
        dropped: how many events the queue before an output has left out so far.
        gauges: from time to time, with Settings.gauges_s.
    """

    events: list[Any]
    losses: Losses
    warnings: list[Line]
    now: float
    still_open: list[Any] | None = None
    more: int = 0
    dropped: int = 0
    gauges: Gauges | None = None


class Totals(msgspec.Struct, frozen=True):
    """The totals at the end.

    Attributes:
        events: how many were in the batches.
        losses: all of them.
        dropped: how many of the events an output did not write.
        histogram: how many latencies lay in 2^n to 2^(n+1)-1 us, for each n; empty
            if not requested.
    """

    events: int
    losses: Losses
    dropped: int = 0
    histogram: list[int] = []


class Warnings:
    """Lines about what does not work: added by all threads, taken by one."""

    def __init__(self) -> None:
        self.waiting: deque[Line] = deque()

    def add(self, message: Message, **values: object) -> None:
        """Add a message with its values, unless it waits already."""
        if (line := message.line(**values)) not in self.waiting:
            self.waiting.append(line)

    def take(self) -> list[Line]:
        """Return the lines that were not taken yet."""
        taken = []
        while self.waiting:
            taken.append(self.waiting.popleft())
        return taken


class Part:
    """A part of a trace: it learns from records of the ring, and knows what it lost.

    These are the defaults.
    """

    kinds: Collection[Kind] = ()  # of the records that ``learn`` takes

    def __init__(self) -> None:
        self.warnings = Warnings()  # about what does not work

    @property
    def losses(self) -> Losses:
        """What it has lost so far; other members are 0."""
        return NO_LOSSES

    @property
    def needed_capabilities(self) -> frozenset[str]:
        """The capabilities that it needs while it runs."""
        return frozenset()

    def attached(self) -> None:
        """Give back what only the start needed: now all parts are attached."""

    def learn(self, run: Run) -> None:
        """Learn from a run of records."""

    def close(self) -> None:
        """Release what it has in the kernel."""


if TYPE_CHECKING:

    class Source(Protocol):
        """Where batches come from: the kernel, or a recording."""

        def batches(self) -> Iterator[Batch]:
            """Yield batches; the first one, without events, when all is ready."""

        def stop(self) -> None:
            """End the batches soon; may be called from a signal handler or thread."""

        def close(self) -> None:
            """Release everything."""

    class Stage(Protocol):
        """Changes events between their source and the outputs."""

        @property
        def ended(self) -> bool:
            """Whether no more events are wanted."""

        def __call__(self, events: list[Any]) -> list[Any]:
            """Return the changed events of a batch."""

    class Output(Protocol):
        """Writes batches. It raises OutputError and ReaderGoneError."""

        @property
        def name(self) -> str:
            """Its name in messages."""

        @property
        def fd(self) -> int:
            """The descriptor that it writes to."""

        @property
        def dropped(self) -> int:
            """How many events it did not write because it was too slow."""

        @property
        def needed_capabilities(self) -> frozenset[str]:
            """The capabilities that it needs while it runs."""

        def open(self) -> None:
            """Open, connect and import what it needs, before privileges are dropped."""

        def write(self, batch: Batch) -> None:
            """Write a batch."""

        def close(self, totals: Totals) -> None:
            """Write what is left, and the totals."""
