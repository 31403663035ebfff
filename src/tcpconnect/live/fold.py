"""Fold: attempts made rows, a second's at a time, in bounded memory."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tcpconnect.live.program import Programs
from tcpconnect.live.stream import (
    MAX_FAILURES,
    MAX_LATEST,
    MAX_OUTCOMES,
    MAX_ROWS,
    MAX_SECONDS,
    MAX_TEXT,
    Attempt,
    Program,
    Row,
    Second,
    Tick,
)
from tcpconnect.why import NO_FAILURES

if TYPE_CHECKING:
    from tcpconnect.batch import Batch, Losses
    from tcpconnect.connection import Connection

    Key = tuple[Program, str, int]
    Seen = tuple[float, Program, Connection]

OTHERS = "others"
NANO = 1e9


class Fold:
    """Folds batches until ``tick`` takes what there is.

    ``whole``: times are those of the attempts, not of now.
    """

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._programs = Programs()
        self._time = self._began = 0.0
        self._first = 0  # when the first attempt began, in nanoseconds
        self._lost = 0
        self._clear()

    def _clear(self) -> None:
        self._rows: dict[Key, Row] = {}
        self._latest: dict[Key, deque[Seen]] = {}
        self._seconds: dict[int, Second] = {}
        self._failures: deque[Seen] = deque(maxlen=MAX_FAILURES)
        self._others = 0

    def add(self, batch: Batch) -> None:
        """Add a batch."""
        self._lost = lost_of(batch.losses)
        if not self._whole:
            self._time = batch.now  # the clock may have been set back
            self._began = self._began or batch.now
        for connection in batch.events:
            if 0 < connection.time < (self._first or connection.time + 1):
                self._first = connection.time
            if self._whole:
                now = _end_of(connection)
                if now:
                    self._see(now)
                self._add(connection, now)
            else:
                self._add(connection, batch.now)

    def _see(self, now: float) -> None:
        self._time = max(self._time, now)
        self._began = min(self._began or now, now)

    def _add(self, event: Connection, now: float) -> None:
        program = self._programs.of(event)
        failed = event.result not in NO_FAILURES
        if now:
            self._count(int(now), failed=failed)
        if failed:
            self._failures.append((now, program, event))
        destination = event.query or event.daddr or ""
        key = program, destination[:MAX_TEXT], event.dport or 0
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= MAX_ROWS:
                self._others += 1
                return
            row = self._rows[key] = Row(*key[:2], event.daddr or "", key[2])
            row.outcomes = {}
            self._latest[key] = deque(maxlen=MAX_LATEST)
        row.attempts += 1
        row.failed += failed
        row.known += event.result is not None
        row.last = max(row.last, now)
        row.address = event.daddr or ""
        if event.latency_ms is not None:
            row.measured += 1
            row.latency_ms += event.latency_ms
            row.max_ms = max(row.max_ms, event.latency_ms)
        if failed:
            add_outcome(row.outcomes, outcome_of(event))
        self._latest[key].append((now, program, event))

    def _count(self, second: int, *, failed: bool) -> None:
        counted = self._seconds.get(second)
        if counted is None:
            if len(self._seconds) >= MAX_SECONDS:
                oldest = min(self._seconds)
                if second < oldest:
                    return
                del self._seconds[oldest]
            counted = self._seconds[second] = Second(second)
        counted.attempts += 1
        counted.failed += failed

    def _attempt(self, now: float, program: Program, event: Connection) -> Attempt:
        return Attempt(
            now,
            program,
            event.pid or 0,
            (event.query or event.daddr or "")[:MAX_TEXT],
            event.daddr or "",
            event.dport or 0,
            outcome_of(event),
            event.result not in NO_FAILURES,
            event.latency_ms,
            event.time / NANO,
            max(event.time - self._first, 0) / NANO,
            event.uid,
            event.lport,
        )

    def tick(self) -> Tick:
        """Return what was added since the last one."""
        for key, row in self._rows.items():
            row.latest = [self._attempt(*seen) for seen in self._latest[key]]
        tick = Tick(
            self._time,
            self._began,
            self._lost,
            self._others,
            list(self._rows.values()),
            sorted(self._seconds.values(), key=lambda s: s.second),
            [self._attempt(*seen) for seen in self._failures],
        )
        self._clear()
        return tick


def lost_of(losses: Losses) -> int:
    """Return how many attempts are not shown."""
    return losses.ring + losses.missed + losses.unfinished


def outcome_of(event: Connection) -> str:
    """Return RESULT, with WHY."""
    result = event.result or ""
    return f"{result} {event.why}"[:MAX_TEXT] if event.why else result[:MAX_TEXT]


def add_outcome(outcomes: dict[str, int], outcome: str, count: int = 1) -> None:
    """Count an outcome; too many different ones are counted together."""
    if outcome not in outcomes and len(outcomes) >= MAX_OUTCOMES - 1:
        outcome = OTHERS
    outcomes[outcome] = outcomes.get(outcome, 0) + count


def _end_of(event: Connection) -> float:
    """Return when an attempt ended, 0 if that was not recorded."""
    if not event.time:
        return 0.0
    return (event.time + (event.latency_ms or 0) * 1e6) / NANO
