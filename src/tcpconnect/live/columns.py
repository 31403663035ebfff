"""The columns of each view: what they show, by what they sort, how wide they are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GAP = 1
LEAST = 4  # cells of a text that gives way
UNKNOWN = "-"


class Column(NamedTuple):
    """A column of edges, or of attempts.

    ``text`` is its cell, at a time; ``key`` what it sorts by, None for unknown. It is
    at least ``width`` cells wide, and at most ``most``, where there is room; ``falls``:
    the greatest comes first.
    """

    header: str
    width: int
    text: Callable[[Any, float], str]
    key: Callable[[Any], Any]
    most: int = 0
    right: bool = False
    falls: bool = False


def number(value: float) -> str:
    """Return a rate in at most six characters; ticks come early and late: 3.98 is 4."""
    if value >= 99_950:
        return f"{value / 1000:.0f}k"
    if value >= 9_995:
        return f"{value / 1000:.1f}k"
    if value >= 99.95 or not value:
        return f"{value:.0f}"
    if value >= 0.95:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.2f}" if value >= 0.005 else "<0.01"


def milliseconds(value: float | None) -> str:
    """Return a latency in at most seven characters."""
    if value is None:
        return UNKNOWN
    if value >= 99_950:
        return f"{value / 1000:.0f}s"
    return f"{value:.0f}" if value >= 999.5 else f"{value:.{1 if value >= 100 else 2}f}"


def _age(last: float, now: float) -> str:
    if not last:
        return UNKNOWN
    seconds = max(now - last, 0.0)
    if seconds < 100:
        return f"{seconds:.0f}s"
    if seconds < 6000:
        return f"{seconds / 60:.0f}m"
    hours = seconds / 3600
    return f"{hours:.0f}h" if hours < 100 else f"{hours / 24:.0f}d"


def clock(at: float) -> str:
    """Return a time since the epoch as one of the day, 0 as unknown."""
    if not at:
        return UNKNOWN
    try:
        return time.strftime("%H:%M:%S", time.localtime(at))
    except (OverflowError, ValueError, OSError):
        return UNKNOWN


def _began(at: float) -> str:
    shown = clock(at)
    return f"{shown}.{int(at % 1 * 1000):03}" if shown != UNKNOWN else shown


def _elapsed(attempt: Any) -> str:
    return f"{attempt.elapsed:.3f}" if attempt.began else UNKNOWN


def _port(port: int | None) -> str:
    return str(port) if port else UNKNOWN


PROGRAM = Column(
    "PROGRAM", 9, lambda x, _: x.program.name, lambda x: x.program.name, most=32
)
DESTINATION = Column(
    "DESTINATION", 12, lambda x, _: x.destination, lambda x: x.destination, most=64
)
PORT = Column("PORT", 5, lambda x, _: _port(x.port), lambda x: x.port, right=True)
ATTEMPTS = Column(
    "ATT/s", 6, lambda x, _: number(x.rate), lambda x: x.rate, right=True, falls=True
)
FAILED = Column(
    "FAIL/s",
    6,
    lambda x, _: number(x.fail_rate) if x.known else UNKNOWN,
    lambda x: x.fail_rate if x.known else None,
    right=True,
    falls=True,
)
RESULT = Column(
    "RESULT", 16, lambda x, _: x.outcome or UNKNOWN, lambda x: x.outcome, most=28
)
AVERAGE = Column(
    *("AVG(ms)", 7, lambda x, _: milliseconds(x.average_ms), lambda x: x.average_ms),
    right=True,
    falls=True,
)
HIGHEST = Column(
    *("MAX(ms)", 7, lambda x, _: milliseconds(x.highest_ms), lambda x: x.highest_ms),
    right=True,
    falls=True,
)
LAST = Column(
    "LAST",
    4,
    lambda x, now: _age(x.last, now),
    lambda x: x.last,
    right=True,
    falls=True,
)
TIME = Column("TIME", 8, lambda x, _: clock(x.time), lambda x: x.time, falls=True)
BEGAN = Column("TIME", 12, lambda x, _: _began(x.began), lambda x: x.began, falls=True)
ELAPSED = Column(
    *("TIME(s)", 9, lambda x, _: _elapsed(x), lambda x: x.elapsed),
    right=True,
    falls=True,
)
UID = Column("UID", 5, lambda x, _: str(x.uid), lambda x: x.uid, right=True)
LPORT = Column(
    "LPORT", 5, lambda x, _: _port(x.lport), lambda x: x.lport or None, right=True
)
PID = Column("PID", 7, lambda x, _: str(x.pid or UNKNOWN), lambda x: x.pid, right=True)
LATENCY = Column(
    *("LAT(ms)", 7, lambda x, _: milliseconds(x.latency_ms), lambda x: x.latency_ms),
    right=True,
    falls=True,
)

_RATES = (ATTEMPTS, FAILED, RESULT, AVERAGE, HIGHEST, LAST)
EDGES = (PROGRAM, DESTINATION, PORT, *_RATES)
PROGRAMS = (PROGRAM, *_RATES)
DESTINATIONS = (DESTINATION, PORT, *_RATES)


class Single(NamedTuple):
    """What is shown of single attempts: by -T, -t, -U and -L."""

    clock: bool = False
    timestamp: bool = False
    print_uid: bool = False
    lport: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its columns."""
        began = [BEGAN] * self.clock + [ELAPSED] * self.timestamp or [TIME]
        uid, lport = [UID] * self.print_uid, [LPORT] * self.lport
        to = DESTINATION, PORT, RESULT, LATENCY
        return (*began, *uid, PROGRAM, PID, *lport, *to)


def widths(columns: Sequence[Column], room: int) -> list[int]:
    """Return how wide columns are in so many cells: what is left is shared.

    Where there is too little, the widest of those that may grow give way.
    """
    found = [column.width for column in columns]
    left = room - sum(found) - GAP * (len(columns) - 1)
    growing = [at for at, column in enumerate(columns) if column.most]
    while left < 0 and (at := max(growing, key=found.__getitem__)) is not None:
        if found[at] <= LEAST:
            break
        found[at] -= 1
        left += 1
    while left > 0 and growing:
        at = min(growing, key=lambda at: found[at] / columns[at].most)
        found[at] += 1
        left -= 1
        growing = [at for at in growing if found[at] < columns[at].most]
    return found
