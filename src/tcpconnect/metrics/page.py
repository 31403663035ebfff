"""The page that Prometheus reads, in its text format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect import __version__
from tcpconnect import metrics_messages as messages
from tcpconnect.errors import UsageError
from tcpconnect.metrics.ledger import BOUNDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import (
        CounterMetricFamily,
        HistogramMetricFamily,
        Metric,
    )

    from tcpconnect.metrics.facts import Facts
    from tcpconnect.metrics.ledger import Durations, Page

NAME = "tcpconnect"
EDGES = (*map(str, map(float, BOUNDS)), "+Inf")
TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Collector:
    """Makes metrics of a page and its facts, both as they are when it is asked."""

    def __init__(self, page: Callable[[], Page], facts: Callable[[], Facts]) -> None:
        from prometheus_client import core

        self._core = core
        self._page, self._facts = page, facts

    def describe(self) -> list[Metric]:
        """Return nothing: what is collected does not overlap."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        page, facts = self._page(), self._facts()
        labels = ["program", "server_address", "server_port", "error_type"]
        attempts = self._counter("attempts", "Attempts that have ended.", labels)
        for values, count in page.counts:
            attempts.add_metric(values, count)
        yield attempts
        yield self._histogram(
            "duration",
            "From the SYN to the end of an attempt.",
            ["program", "error_type"],
            page.durations,
        )
        yield self._histogram(
            "dns_duration", "How long programs waited for a name.", [], [page.dns]
        )
        yield self._sum("series_folded", "Attempts in series of ~other.", page.folded)
        yield from self._about(facts)

    def _about(self, facts: Facts) -> Iterator[Metric]:
        """Yield what is known of the tool, and by others."""
        lost = self._counter("lost", "Attempts or details not seen.", ["reason"])
        for reason, number in facts.lost.items():
            lost.add_metric([reason], number)
        yield lost
        dropped = self._counter(
            "place_dropped", "Attempts that a place did not write.", ["place"]
        )
        for place, number in facts.dropped.items():
            dropped.add_metric([place], number)
        yield dropped
        if facts.pending is not None:
            yield self._gauge("pending", "Attempts that have not ended.", facts.pending)
        if facts.run_s is not None:
            text = "Time in BPF programs of the tool."
            yield self._sum("bpf_run_seconds", text, facts.run_s)
        if facts.new is not None:
            text = "Destinations new to a program."
            yield self._sum("new_destinations", text, facts.new)
        if facts.failing is not None:
            text = "Destinations that fail now."
            yield self._gauge("failing_destinations", text, facts.failing)
        info = self._core.GaugeMetricFamily(
            f"{NAME}_build_info", "The version of the tool.", labels=["version"]
        )
        info.add_metric([__version__], 1)
        yield info

    def _counter(self, name: str, text: str, labels: list[str]) -> CounterMetricFamily:
        return self._core.CounterMetricFamily(f"{NAME}_{name}", text, labels=labels)

    def _sum(self, name: str, text: str, value: float) -> Metric:
        return self._core.CounterMetricFamily(f"{NAME}_{name}", text, value=value)

    def _gauge(self, name: str, text: str, value: float) -> Metric:
        return self._core.GaugeMetricFamily(f"{NAME}_{name}", text, value=value)

    def _histogram(
        self, name: str, text: str, labels: list[str], rows: list[Durations]
    ) -> HistogramMetricFamily:
        family = self._core.HistogramMetricFamily(
            f"{NAME}_{name}_seconds", text, labels=labels
        )
        for values, buckets, total in rows:
            below, edges = 0, list[tuple[str, float]]()
            for edge, number in zip(EDGES, buckets, strict=True):
                below += number
                edges.append((edge, below))
            family.add_metric(values, edges, total)
        return family


def page_maker(
    page: Callable[[], Page], facts: Callable[[], Facts]
) -> Callable[[], bytes]:
    """Return what makes the text of a page. Raises UsageError without the library."""
    try:
        from prometheus_client import CollectorRegistry, generate_latest
    except ImportError as error:
        from tcpconnect.extras import installer

        raise UsageError(messages.NO_PROMETHEUS, installer=installer()) from error
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(page, facts))
    return lambda: generate_latest(registry)
