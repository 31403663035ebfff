"""What flows through the tool, and what it flows through.

Parts tell what they saw in the kernel; a Source yields that as Batches; Stages change
their events; Outputs write them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec.structs import asdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from tcpconnect.bpf.ring import Run
    from tcpconnect.kernel.records import Kind


class Losses(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts that are not shown, or not shown whole, since tracing began.

    Those without a result or a process are shown, and no part of what is lost.

    Attributes:
        ring: the ring buffer was full.
        flows: no room for another flow of -c.
        untracked: shown without a result, since too many were pending.
        missed: the kernel skipped all programs for them, whether a filter wanted them
            or not (decision 11).
        processes: attempts shown without their process's exe, cmdline and cgroup, which
            did not fit the ring buffer, or would have delayed lines.
        names: DNS answers and lookups that did not fit the ring buffer, or came late.
        questions: DNS questions that made room for others of their socket while they
            were open.
        unread: DNS answers that were malformed or cut.
        unfollowed: children of followed processes that did not fit the set of them.
        ends_missed: shown without a result, since the kernel skipped all programs for
            their end.
        unfinished: at the stop another CPU did not finish the record.
        unfinished_details: the same for records of names and processes.
        unprobed: programs of this machine that ended before their C library, which was
            new, had probes.
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

    def __add__(self, other: Losses) -> Losses:
        """Return the sums."""
        return Losses(**{n: v + getattr(other, n) for n, v in asdict(self).items()})

    def __sub__(self, other: Losses) -> Losses:
        """Return what came since ``other``."""
        return Losses(**{n: v - getattr(other, n) for n, v in asdict(self).items()})

    def __bool__(self) -> bool:
        """Whether anything was lost."""
        return any(asdict(self).values())

    def items(self) -> Iterator[tuple[str, int]]:
        """Yield name and number of what was lost."""
        return ((name, lost) for name, lost in asdict(self).items() if lost)


NO_LOSSES = Losses()


class Batch(msgspec.Struct, frozen=True):
    """What is new.

    Attributes:
        events: Connections in their order; with -c, Flows in the last batch.
        losses: all until now.
        warnings: lines about what does not work, though the rest does.
        now: when it was made, in seconds since the epoch.
    """

    events: list[Any]
    losses: Losses
    warnings: list[str]
    now: float


class Totals(msgspec.Struct, frozen=True):
    """What is known at the end.

    Attributes:
        events: how many were in the batches.
        losses: all of them.
        dropped: how many of the events an output did not write.
        histogram: how many latencies lay in 2^n to 2^(n+1)-1 us, for each n; empty
            where none was asked for.
    """

    events: int
    losses: Losses
    dropped: int = 0
    histogram: list[int] = []


class Warnings:
    """Lines about what does not work: added by any thread, taken by one."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._lines = deque(lines)

    def add(self, line: str) -> None:
        """Add a line."""
        self._lines.append(line)

    def take(self) -> Iterator[str]:
        """Yield the lines that were not taken yet."""
        while self._lines:
            yield self._lines.popleft()


class Part:
    """A part of a trace: it learns from records of the ring, and knows what it lost.

    What a part does not have is as it is here.
    """

    kinds: Collection[Kind] = ()  # of the records that ``learn`` takes

    def __init__(self) -> None:
        self.warnings = Warnings()  # what does not work of it

    @property
    def losses(self) -> Losses:
        """What it lost until now; 0 for what is not its own."""
        return NO_LOSSES

    @property
    def needed_capabilities(self) -> frozenset[str]:
        """The capabilities that it needs as long as it runs."""
        return frozenset()

    def learn(self, run: Run) -> None:
        """Take in a run of records."""

    def close(self) -> None:
        """Give back to the kernel what it has there."""


class Source(Protocol):
    """Where batches come from: the kernel, or a recording."""

    def batches(self) -> Iterator[Batch]:
        """Yield batches; the first one, with no events, when all is ready."""

    def stop(self) -> None:
        """End the batches soon; may be called from a signal handler or thread."""

    def close(self) -> None:
        """Give everything back."""


class Stage(Protocol):
    """What happens to events between their source and the outputs."""

    @property
    def ended(self) -> bool:
        """Whether no more events are wanted."""

    def __call__(self, events: list[Any]) -> list[Any]:
        """Return what becomes of the events of a batch."""


class Output(Protocol):
    """Where batches go. It raises OutputError, and ReaderGoneError."""

    @property
    def name(self) -> str:
        """What a message calls it."""

    @property
    def fd(self) -> int:
        """What it writes to."""

    @property
    def dropped(self) -> int:
        """How many events it did not write, since it was too slow."""

    @property
    def needed_capabilities(self) -> frozenset[str]:
        """The capabilities that it needs as long as it runs."""

    def open(self) -> None:
        """Open, connect and import what it takes, while there are privileges."""

    def write(self, batch: Batch) -> None:
        """Write a batch."""

    def close(self, totals: Totals) -> None:
        """Write what is left, and the end."""
