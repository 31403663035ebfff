"""timeline_of(): attempts and failures over time, with the gaps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from tcpconnect.history.schema import DAY, HOUR, MINUTE
from tcpconnect.report.shown import (
    between,
    count,
    duration,
    many,
    rough,
)

if TYPE_CHECKING:
    from tcpconnect.report.findings import Bin, Findings

WIDTH, HEIGHT = 880, 200
LEFT, RIGHT, TOP, BOTTOM = 52, 876, 12, 172  # of the bars
MOST_BINS = 160
# Seconds: of a bin, and between ticks of the axis.
STEPS = (
    *(MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(HOUR * n for n in (1, 2, 3, 6, 12)),
    *(DAY * n for n in (1, 2, 7, 14, 30, 90, 365, 3_650, 36_500)),
)
MOST_TICKS = 9
LEAST_HEIGHT = 2.0  # of a bar: one failure of a million attempts is seen


class Bar(msgspec.Struct, frozen=True):
    """A step: where its bar is, and how much of it failed."""

    x: float
    width: float
    y: float
    failed_y: float
    title: str


class Hatch(msgspec.Struct, frozen=True):
    """A time in which nobody was looking."""

    x: float
    width: float
    title: str


class Tick(msgspec.Struct, frozen=True):
    """A line of the scale, and what stands there."""

    at: float
    text: str


class Timeline(msgspec.Struct, frozen=True):
    """What is drawn, in units of the drawing."""

    bars: list[Bar]
    hatches: list[Hatch]
    hours: list[Tick]
    numbers: list[Tick]
    step: str


def step_for(since: int, until: int, coarsest: int = 0) -> int:
    """Return of how many seconds a bin is; none is finer than the rows are."""
    least = max((until - since) / MOST_BINS, coarsest)
    return next((step for step in STEPS if step >= least), STEPS[-1])


class _Scale:
    """Where times and numbers are in the drawing."""

    def __init__(self, findings: Findings) -> None:
        self._since = findings.since
        self._until = max(findings.until, findings.since + 1)
        bins = findings.bins.values()
        most = max((found.attempts for found in bins), default=0)
        self.step = _round(max(most, 1) / 2)
        self.most = self.step * 2

    def x(self, when: int) -> float:
        """Return where a time is; what is outside is at the edge."""
        when = min(max(when, self._since), self._until)
        part = (when - self._since) / (self._until - self._since)
        return round(LEFT + (RIGHT - LEFT) * part, 1)

    def y(self, number: int) -> float:
        """Return where the top of a bar is."""
        tall = (BOTTOM - TOP) * number / self.most
        return round(BOTTOM - max(tall, LEAST_HEIGHT if number else 0), 1)


def timeline_of(findings: Findings) -> Timeline:
    """Return the timeline."""
    scale = _Scale(findings)
    hatches = []
    for gap in findings.gaps:
        x, end = scale.x(gap.begin), scale.x(gap.end)
        title = f"{between(gap.begin, gap.end)}: nobody was looking; {gap.why}"
        hatches.append(Hatch(x, round(max(end - x, 1), 1), title))
    return Timeline(
        [_bar(scale, at, findings.step, findings.bins[at]) for at in findings.bins],
        hatches,
        [Tick(scale.x(at), text) for at, text in _hours(findings)],
        [Tick(scale.y(n), rough(n)) for n in (scale.step, scale.most)],
        duration(findings.step),
    )


def _bar(scale: _Scale, at: int, step: int, found: Bin) -> Bar:
    x, end = scale.x(at), scale.x(at + step)
    space = 1 if end - x > 3 else 0
    failed = f", {count(found.failed)} failed" if found.failed else ""
    title = f"{between(at, at + step)}: {many(found.attempts, 'attempt')}{failed}"
    width = round(max(end - x - space, 1), 1)
    return Bar(x, width, scale.y(found.attempts), scale.y(found.failed), title)


def _round(number: float) -> int:
    """Return the next number of one digit, and zeros, or 15 or 25 with zeros."""
    power = 1
    while True:
        for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8):
            if step * power >= number and step * power == int(step * power):
                return int(step * power)
        power *= 10


def _hours(findings: Findings) -> list[tuple[int, str]]:
    """Return round times of this machine's zone, and their texts."""
    since, until = findings.since, findings.until
    least = (until - since) / MOST_TICKS
    step = next((step for step in STEPS if step >= least), STEPS[-1])
    there = time.localtime(since)
    offset = there.tm_gmtoff
    first = -(-(since + offset) // step) * step - offset
    form = "%H:%M" if step < DAY else "%b %d" if step < 300 * DAY else "%Y"
    found = []
    for at in range(first, until, step):
        hour = time.localtime(at)
        midnight = step < DAY and hour.tm_hour == hour.tm_min == 0
        found.append((at, time.strftime("%b %d" if midnight else form, hour)))
    return found
