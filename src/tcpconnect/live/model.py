"""Model: rows, rates and failures, of what the tracer sends; in bounded memory."""

from __future__ import annotations

from collections import deque
from copy import copy
from typing import TYPE_CHECKING

from tcpconnect.live.fold import add_outcome
from tcpconnect.live.stream import Program

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcpconnect.live.stream import Attempt, Begin, Row, Tick

    Key = tuple[str, str, str, int]  # of an edge: program, its kind, destination, port

GONE_S = 60.0
MINUTE = 60  # buckets
MAX_KEPT = 2000  # rows
MAX_LATEST = 16  # attempts of each
MAX_FAILURES = 1000
MAX_COMMS = 8  # names of its threads
NOBODY = Program("", "", "")
SHORT_S = 0.25  # of an interval; ticks do not come to the moment


class Edge:
    """The attempts of a program to a destination, or of several such.

    ``rate`` and ``fail_rate`` are of the last interval, in attempts a second.
    """

    __slots__ = (
        *("address", "attempts", "comms", "destination", "fail_rate", "failed"),
        *("known", "last", "latency_ms", "latest", "max_ms", "measured", "new"),
        *("new_failed", "outcomes", "port", "program", "rate"),
    )

    def __init__(self, program: Program, destination: str, port: int) -> None:
        self.program = program
        self.destination, self.port = destination, port
        self.address = ""
        self.attempts = self.failed = self.known = self.measured = 0
        self.new = self.new_failed = 0
        self.rate = self.fail_rate = self.latency_ms = self.max_ms = self.last = 0.0
        self.comms = {program.comm} - {""}
        self.outcomes: dict[str, int] = {}
        self.latest: deque[Attempt] = deque(maxlen=MAX_LATEST)

    @property
    def key(self) -> Key:
        """What tells it from others."""
        program = self.program
        return program.name, program.kind, self.destination, self.port

    @property
    def average_ms(self) -> float | None:
        """The average of latencies."""
        return self.latency_ms / self.measured if self.measured else None

    @property
    def highest_ms(self) -> float | None:
        """The highest latency."""
        return self.max_ms if self.measured else None

    @property
    def outcome(self) -> str:
        """The commonest failure."""
        if not self.outcomes:
            return ""
        return max(self.outcomes, key=lambda name: (self.outcomes[name], name))

    def add(self, row: Row) -> None:
        """Add what was seen since the last tick."""
        self.address = row.address
        self.new += row.attempts
        self.new_failed += row.failed
        self._add(row)
        self.latest += row.latest

    def unite(self, other: Edge) -> None:
        """Add all of another edge."""
        self.comms |= other.comms
        self.rate += other.rate
        self.fail_rate += other.fail_rate
        self._add(other)

    def _add(self, other: Row | Edge) -> None:
        self.attempts += other.attempts
        self.failed += other.failed
        self.known += other.known
        self.latency_ms += other.latency_ms
        self.measured += other.measured
        self.max_ms = max(self.max_ms, other.max_ms)
        self.last = max(self.last, other.last)
        for name, count in other.outcomes.items():
            add_outcome(self.outcomes, name, count)

    def copy(self) -> Edge:
        """Return another one, which does not change with it."""
        other = copy(self)
        other.outcomes, other.latest = self.outcomes.copy(), self.latest.copy()
        other.comms = self.comms.copy()
        return other

    def turn(self, seconds: float) -> None:
        """Begin another interval, after one of so many seconds."""
        self.rate, self.fail_rate = self.new / seconds, self.new_failed / seconds
        self.new = self.new_failed = 0


class Model:
    """All rows, by what the tracer sends.

    An interval ends with the tick that completes it: ``take`` then returns True.
    """

    def __init__(self, interval: float = 1.0, *, whole: bool = False) -> None:
        self.interval = interval
        self.host = self.options = ""
        self.whole, self.ended = whole, False
        self.percent = 100
        self.time = self.lost = self.others = 0.0
        self.rate = self.fail_rate = 0.0
        self.edges: dict[Key, Edge] = {}
        self.failures: deque[Attempt] = deque(maxlen=MAX_FAILURES)
        self.known = False  # whether it has seen a result
        self._attempts = self._failed = 0  # of this interval
        self._began: float | None = None  # this interval
        self.seconds: dict[int, tuple[int, int]] = {}

    def copy(self) -> Model:
        """Return another one, which does not change with it."""
        other = copy(self)
        other.edges = {key: edge.copy() for key, edge in self.edges.items()}
        other.failures, other.seconds = self.failures.copy(), self.seconds.copy()
        return other

    def begin(self, begin: Begin) -> None:
        """Take where attempts come from."""
        self.host, self.options, self.whole = begin.host, begin.options, begin.whole
        self.percent = begin.percent

    def take(self, tick: Tick, *, last: bool = False) -> bool:
        """Take what was seen; return whether an interval has ended.

        The ``last`` one ends it.
        """
        if tick.time < self.time:
            self._set_back(tick.time)
        self.time, self.lost = tick.time, tick.lost
        self.others += tick.others
        self._attempts += tick.others
        for row in tick.rows:
            self._take(row)
        self.failures += tick.failures
        self._count(tick)
        if self._began is None or self.whole:
            self._began = tick.began
        passed = self.time - self._began
        if passed < self.interval - SHORT_S and not (self.whole or last):
            return False
        self._turn(max(passed, 1.0))
        return True

    def end(self) -> None:
        """End the interval that is not complete, if anything was seen in it."""
        if self._began is not None and self._attempts and not self.whole:
            self._turn(max(self.time - self._began, 1.0))

    def _set_back(self, now: float) -> None:
        """Begin an interval when the clock was set back: nothing is later than now."""
        self._began = now
        self.seconds = {s: n for s, n in self.seconds.items() if s <= now}
        for edge in self.edges.values():
            edge.last = min(edge.last, now)

    def _take(self, row: Row) -> None:
        self._attempts += row.attempts
        self._failed += row.failed
        self.known = self.known or row.known > 0
        key = row.program.name, row.program.kind, row.destination, row.port
        edge = self.edges.get(key)
        if edge is None:
            if len(self.edges) >= MAX_KEPT:
                self.others += row.attempts
                return
            edge = Edge(row.program, row.destination, row.port)
            self.edges[key] = edge
        if len(edge.comms) < MAX_COMMS:
            edge.comms.add(row.program.comm)
        edge.add(row)

    def _count(self, tick: Tick) -> None:
        for each in tick.seconds:
            attempts, failed = self.seconds.get(each.second, (0, 0))
            both = attempts + each.attempts, failed + each.failed
            self.seconds[each.second] = both
        if len(self.seconds) > MINUTE:
            for second in sorted(self.seconds)[:-MINUTE]:
                del self.seconds[second]

    def _turn(self, seconds: float) -> None:
        """End an interval."""
        self.rate, self.fail_rate = self._attempts / seconds, self._failed / seconds
        if self.whole:  # one interval, until the end
            for edge in self.edges.values():
                edge.rate, edge.fail_rate = (
                    edge.new / seconds,
                    edge.new_failed / seconds,
                )
            return
        self._attempts = self._failed = 0
        self._began = self.time
        gone = []
        for key, edge in self.edges.items():
            edge.turn(seconds)
            if self.time - edge.last >= GONE_S:
                gone.append(key)
        for key in gone:
            del self.edges[key]

    def minute(self) -> list[tuple[int, int]]:
        """Return attempts and failures of the last 60 seconds, oldest first."""
        now = int(self.time)
        return [self.seconds.get(s, (0, 0)) for s in range(now - MINUTE + 1, now + 1)]


def programs_of(edges: Iterable[Edge]) -> list[Edge]:
    """Return the edges of each program as one."""
    found: dict[tuple[str, str], Edge] = {}
    for edge in edges:
        key = edge.program.name, edge.program.kind
        if key not in found:
            found[key] = Edge(edge.program, "", 0)
        found[key].unite(edge)
    return list(found.values())


def destinations_of(edges: Iterable[Edge]) -> list[Edge]:
    """Return the edges to each destination as one."""
    found: dict[tuple[str, int], Edge] = {}
    for edge in edges:
        key = edge.destination, edge.port
        if key not in found:
            found[key] = Edge(NOBODY, *key)
        found[key].unite(edge)
        found[key].address = edge.address
    return list(found.values())
