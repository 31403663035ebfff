"""Metrics of OTLP in JSON: those of prometheus://, in total since a series began."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tcpconnect.metrics.ledger import BOUNDS
from tcpconnect.remote.attributes import integer, strings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tcpconnect.image import Place
    from tcpconnect.metrics.facts import Facts
    from tcpconnect.metrics.ledger import Durations, Page

    Point = tuple[str, str]  # of a metric, by its name

CUMULATIVE = '"aggregationTemporality":2'
EDGES = ",".join(map(repr, map(float, BOUNDS)))
# What a metric has before its points.
COUNTER = '"sum":{' + CUMULATIVE + ',"isMonotonic":true,"dataPoints":['
HISTOGRAM = '"histogram":{' + CUMULATIVE + ',"dataPoints":['
GAUGE = '"gauge":{"dataPoints":['
KINDS = {
    "attempts": ("{attempt}", COUNTER),
    "duration": ("s", HISTOGRAM),
    "dns_duration": ("s", HISTOGRAM),
    "series_folded": ("{attempt}", COUNTER),
    "lost": ("{attempt}", COUNTER),
    "place_dropped": ("{attempt}", COUNTER),
    "pending": ("{attempt}", GAUGE),
    "bpf_run": ("s", COUNTER),
    "new_destinations": ("{destination}", COUNTER),
    "failing_destinations": ("{destination}", GAUGE),
}


class Points:
    """Makes points of pages; a series began at the page before the one that has it.

    It also began there when it has less than before: it was forgotten meanwhile.
    Counts are numbers: the JSON of protobuf has texts for 64 bits, and takes both, but
    a collector that is there (Rotel 0.0.1a15) leaves points with texts empty.
    """

    def __init__(self, now: int) -> None:
        self._last = self._now = now
        self._series: dict[
            Point, tuple[int, float]
        ] = {}  # when it began, and its value
        self._shown: dict[Point, tuple[int, float]] = {}

    def made(
        self,
        page: Page,
        facts: Facts,
        now: int,
        wheres: Mapping[str, Place],
        nowhere: Place,
    ) -> list[tuple[Place, str]]:
        """Return metrics with their resources; programs are those of ``wheres``."""
        self._now = max(now, self._last + 1)
        found: dict[tuple[Place, str], list[str]] = defaultdict(list)
        for labels, count in page.counts:
            program, address, port, error = labels
            named = strings(
                {
                    "tcpconnect.program": program,
                    "server.address": address,
                    "error.type": error,
                }
            )
            if port:
                named.append(integer("server.port", int(port)))
            point = self._number("attempts", ",".join(named), count)
            found[wheres.get(program, nowhere), "attempts"].append(point)
        for each in page.durations:
            program, error = each.labels
            named = strings({"tcpconnect.program": program, "error.type": error})
            point = self._histogram("duration", ",".join(named), each)
            found[wheres.get(program, nowhere), "duration"].append(point)
        for name, point in self._others(page, facts):
            found[nowhere, name].append(point)
        self._series, self._shown, self._last = self._shown, {}, self._now
        return [(where, _metric(name, some)) for (where, name), some in found.items()]

    def _others(self, page: Page, facts: Facts) -> Iterator[Point]:
        yield "dns_duration", self._histogram("dns_duration", "", page.dns)
        yield "series_folded", self._number("series_folded", "", page.folded)
        for reason, number in facts.lost.items():
            (named,) = strings({"tcpconnect.reason": reason})
            yield "lost", self._number("lost", named, number)
        for place, number in facts.dropped.items():
            (named,) = strings({"tcpconnect.place": place})
            yield "place_dropped", self._number("place_dropped", named, number)
        for name, value in {
            "pending": facts.pending,
            "bpf_run": facts.run_s,
            "new_destinations": facts.new,
            "failing_destinations": facts.failing,
        }.items():
            if value is not None:
                yield name, self._number(name, "", value)

    def _number(self, name: str, named: str, value: float) -> str:
        return f'{{{self._common(name, named, value)},"asDouble":{float(value)!r}}}'

    def _histogram(self, name: str, named: str, each: Durations) -> str:
        count = sum(each.buckets)
        counts = ",".join(map(str, each.buckets))
        return (
            f'{{{self._common(name, named, count)},"count":{count},"sum":'
            f'{each.total!r},"bucketCounts":[{counts}],"explicitBounds":[{EDGES}]}}'
        )

    def _common(self, name: str, named: str, value: float) -> str:
        """Return the times and attributes of a point."""
        began, before = self._series.get((name, named), (self._last, 0))
        if value < before:
            began = self._last
        self._shown[name, named] = began, value
        return (
            f'"startTimeUnixNano":"{began}","timeUnixNano":"{self._now}",'
            f'"attributes":[{named}]'
        )


def _metric(name: str, points: list[str]) -> str:
    unit, kind = KINDS[name]
    return f'{{"name":"tcpconnect.{name}","unit":"{unit}",{kind}{",".join(points)}]}}}}'
