"""Ledger: attempts counted by program, destination and result, in bounded series."""

from __future__ import annotations

from _thread import allocate_lock
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from tcpconnect.history.spread import network_of
from tcpconnect.metrics.labels import MAX_TEXT, address_of, is_address
from tcpconnect.program import UNKNOWN as NO_NAME
from tcpconnect.program import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tcpconnect.connection import Connection
    from tcpconnect.image import Image

    Labels = tuple[str, ...]

MAX_SERIES = 2_000
LEAST_SERIES = 400
OTHER = "~other"
UNKNOWN = "UNKNOWN"  # the end was not seen
OK = "OK"
LIVE_S = 3600  # a series without a change goes
LOOK_S = 60  # how often such ones are looked for
MAX_SEEN = 8192  # different attempts that are known at once
# Seconds: what is fast, and when the kernel sends a SYN again (1, 3, 7, 15, 31).
BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.5, 1, 2, 3, 5, 7, 15, 31)
LINES = len(BOUNDS) + 3  # of a histogram: its buckets, the last one, sum and count
# What is kept for series of ~other, so that they always have room.
MAX_WORDS = 20
RESERVE = MAX_WORDS + 1 + LINES * 2


class Count:
    """A series that counts; ``shown``: it was on a page, with 0."""

    __slots__ = ("changed", "shown", "value")

    def __init__(self) -> None:
        self.value = 0
        self.changed = 0.0
        self.shown = False


class Histogram:
    """Durations in seconds, by BOUNDS."""

    __slots__ = ("buckets", "changed", "shown", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.total = 0.0
        self.changed = 0.0
        self.shown = False

    def add(self, seconds: float, now: float) -> None:
        """Count a duration."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds
        self.changed = now


class Entry(NamedTuple):
    """Where an attempt is counted; ``folded``: not under labels of its own."""

    attempts: Count
    duration: Histogram
    folded: bool


class Durations(NamedTuple):
    """What a page shows of a histogram: how many in each bucket, and their sum."""

    labels: Labels
    buckets: list[int]
    total: float


class Page(NamedTuple):
    """What a page shows."""

    counts: list[tuple[Labels, int]]
    durations: list[Durations]
    dns: Durations
    folded: int


class Ledger:
    """Counts in at most ``most`` lines of a page; one thread adds, another reads.

    A quarter of them is for one program, half of them are for histograms.
    """

    def __init__(self, most: int = MAX_SERIES) -> None:
        self._most, self._share = most - RESERVE, most // 4
        self._counts: dict[Labels, Count] = {}
        self._durations: dict[Labels, Histogram] = {}
        self._dns = Histogram()
        self._dns.shown = True  # it is there from the start
        self._used = 0  # lines
        self._of_program: dict[str, int] = {}
        self._folded = 0
        self._seen: dict[object, Entry] = {}
        self._images: dict[int, Image] = {}  # kept, so that their IDs are, too
        self._next_look = 0.0
        self._lock = allocate_lock()

    def add(self, events: Iterable[Connection], now: float) -> None:
        """Count events that have ended now, in seconds of a clock that is never set."""
        with self._lock:
            if now >= self._next_look:
                self._next_look = now + LOOK_S
                self._forget(now - LIVE_S)
            for event in events:
                entry = self._entry(event)
                entry.attempts.value += 1
                entry.attempts.changed = now
                self._folded += entry.folded
                if event.latency_ms is not None:
                    entry.duration.add(event.latency_ms / 1000, now)
                if event.dns_ms is not None:
                    self._dns.add(event.dns_ms / 1000, now)

    def page(self, *, begins_at_0: bool = True) -> Page:
        """Return all series as a page shows them: new ones as 0, if that is wanted."""
        with self._lock:
            if not begins_at_0:
                self._show()
            counts = [
                (labels, count.value if count.shown else 0)
                for labels, count in self._counts.items()
            ]
            durations = [
                _durations(labels, each) for labels, each in self._durations.items()
            ]
            dns = _durations((), self._dns)
            self._show()
            return Page(counts, durations, dns, self._folded)

    def _show(self) -> None:
        for count in self._counts.values():
            count.shown = True
        for duration in self._durations.values():
            duration.shown = True

    def _entry(self, event: Connection) -> Entry:
        image = event.image
        key = (
            id(image),
            event.comm,
            event.query,
            event.daddr,
            event.dport,
            event.result,
        )
        entry = self._seen.get(key)
        if entry is None:
            if len(self._seen) >= MAX_SEEN:
                self._seen.clear()
                self._images.clear()
            self._images[id(image)] = image
            entry = self._seen[key] = self._found(event)
        return entry

    def _found(self, event: Connection) -> Entry:
        program = name_of(event.comm, event.image)[0][:MAX_TEXT]
        program = NO_NAME if program == OTHER else program
        result = event.result or UNKNOWN
        error = "" if result == OK else result
        address = address_of(event.query, event.daddr)
        port = "" if event.dport is None else str(event.dport)
        labels = program, address, port, error
        counted, count = self._count(labels)
        timed, duration = self._duration((program, error))
        return Entry(count, duration, (counted, timed) != (labels, (program, error)))

    def _count(self, labels: Labels) -> tuple[Labels, Count]:
        """Return the first of the possible labels that has room, and its series."""
        program, *_, error = labels
        for choice, share in _choices(labels, self._share):
            if choice in self._counts:
                return choice, self._counts[choice]
            if self._used < self._most and self._of_program.get(program, 0) < share:
                self._used += 1
                self._of_program[program] = self._of_program.get(program, 0) + 1
                return choice, self._counts.setdefault(choice, Count())
        others = OTHER, OTHER, "", self._word(error)
        return others, self._counts.setdefault(others, Count())

    def _word(self, error: str) -> str:
        """Return a result, or ~other where too many have been counted there."""
        known = sum(labels[0] == OTHER for labels in self._counts)
        if known < MAX_WORDS or (OTHER, OTHER, "", error) in self._counts:
            return error
        return OTHER

    def _duration(self, labels: Labels) -> tuple[Labels, Histogram]:
        if labels in self._durations:
            return labels, self._durations[labels]
        lines = (len(self._durations) + 1) * LINES
        if self._used + LINES <= self._most and lines <= self._most // 2:
            self._used += LINES
            return labels, self._durations.setdefault(labels, Histogram())
        others = OTHER, labels[1] and OTHER
        return others, self._durations.setdefault(others, Histogram())

    def _forget(self, before: float) -> None:
        """Forget series that have not changed since then."""
        for labels in [k for k, x in self._counts.items() if x.changed < before]:
            del self._counts[labels]
        for labels in [k for k, x in self._durations.items() if x.changed < before]:
            del self._durations[labels]
        self._seen.clear()
        self._images.clear()
        own = [labels for labels in self._counts if labels[0] != OTHER]
        timed = sum(labels[0] != OTHER for labels in self._durations)
        self._used = len(own) + timed * LINES
        self._of_program.clear()
        for program, *_ in own:
            self._of_program[program] = self._of_program.get(program, 0) + 1


def _choices(labels: Labels, share: int) -> Iterator[tuple[Labels, int]]:
    """Yield labels, from the finest to the program; each with the program's share."""
    program, address, port, error = labels
    yield labels, share // 2
    if is_address(address):
        yield (program, network_of(address), port, error), share * 3 // 4
    yield (program, OTHER, "", error), share


def _durations(labels: Labels, each: Histogram) -> Durations:
    if each.shown:
        return Durations(labels, each.buckets.copy(), each.total)
    return Durations(labels, [0] * len(each.buckets), 0.0)
