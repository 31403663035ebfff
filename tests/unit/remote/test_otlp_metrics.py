"""Metrics that are sent to collectors: series, with their starts."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest as Metrics,
)

from tcpconnect.image import Image, Place
from tcpconnect.metrics.facts import Facts
from tcpconnect.metrics.ledger import BOUNDS, Ledger
from tcpconnect.remote.spool import METRICS, Block
from tests.support.collected import PLACE, attributes, place
from tests.support.samples import connection
from tests.support.servers import Server

if TYPE_CHECKING:
    from tcpconnect.remote.spool import Packed

pytestmark = pytest.mark.usefixtures("no_proxies")

EMPTY = gzip.compress(b"{}")
MINUTE = 1_764_417_600


def points(packed: Packed, name: str) -> list[tuple[dict[str, Any], Any]]:
    """Return the resource and the metric of a name, of each resource that has it."""
    request = Parse(gzip.decompress(packed.body), Metrics())
    return [
        (attributes(some.resource), metric)
        for some in request.resource_metrics
        for metric in some.scope_metrics[0].metrics
        if metric.name == f"tcpconnect.{name}"
    ]


def test_metrics() -> None:
    """They are those of Prometheus, in total, each since its series began."""
    collector = place(options="?metrics=yes")
    ledger = Ledger()
    image = Image(exe="/usr/bin/curl", place=PLACE)
    failed = connection(image=image, result="ECONNREFUSED", query="db", latency_ms=2.0)
    facts = Facts({"ring": 3}, {"x": 2}, pending=1, run_s=0.5, new=4, failing=5)
    wheres = {"shop/web-1": Place(pod="shop/web-1", pod_uid="1f")}

    def sent(now: int) -> Packed:
        page = ledger.page(begins_at_0=False)
        return collector.metrics(page, facts, wheres, now)

    ledger.add([failed, failed], 0)
    began = time.time_ns() + 10**9
    first = sent(began)
    assert (first.kind, first.attempts) == (METRICS, 0)
    ((resource, attempts),) = points(first, "attempts")
    assert (resource["k8s.pod.name"], resource["k8s.pod.uid"]) == ("web-1", "1f")
    assert "container.id" not in resource
    (point,) = attempts.sum.data_points
    assert (point.as_double, attempts.sum.aggregation_temporality) == (2, 2)
    assert attempts.sum.is_monotonic
    assert point.start_time_unix_nano < point.time_unix_nano == began
    assert attributes(point) == {
        "tcpconnect.program": "shop/web-1",
        "server.address": "db",
        "server.port": 80,
        "error.type": "ECONNREFUSED",
    }
    ledger.add([failed, connection(result="OK", query="db")], 0)
    second = sent(began + 5)
    (again,) = points(second, "attempts")[0][1].sum.data_points
    assert (again.as_double, again.start_time_unix_nano) == (
        3,
        point.start_time_unix_nano,
    )
    (_, other) = points(second, "attempts")[1]
    assert other.sum.data_points[0].start_time_unix_nano == began
    (_, duration), _ = points(second, "duration")
    (spread,) = duration.histogram.data_points
    assert (spread.count, spread.sum) == (3, 0.006)
    assert list(spread.explicit_bounds) == list(BOUNDS)
    assert list(spread.bucket_counts) == [0, 3, *[0] * (len(BOUNDS) - 1)]
    for name, kind, value in (
        ("lost", "sum", 3),
        ("place_dropped", "sum", 2),
        ("series_folded", "sum", 0),
        ("bpf_run", "sum", 0.5),
        ("new_destinations", "sum", 4),
        ("pending", "gauge", 1),
        ("failing_destinations", "gauge", 5),
    ):
        ((_, metric),) = points(second, name)
        (found,) = getattr(metric, kind).data_points
        assert found.as_double == value


def test_a_series_that_was_forgotten() -> None:
    """It begins again: its start is after its end."""
    collector = place(options="?metrics=yes")
    facts = Facts({}, {})

    def began(attempts: int, now: int) -> int:
        ledger = Ledger()
        ledger.add([connection(result="OK")] * attempts, 0)
        packed = collector.metrics(ledger.page(begins_at_0=False), facts, {}, now)
        ((_, metric),) = points(packed, "attempts")
        return int(metric.sum.data_points[0].start_time_unix_nano)

    now = time.time_ns() + 10**9
    first = began(5, now)
    assert began(6, now + 1) == first
    assert began(2, now + 2) == now + 1


def test_where_metrics_go() -> None:
    """They have a path of their own; rejected points are no attempts."""
    with Server(text='{"partialSuccess": {"rejectedDataPoints": "1"}}') as server:
        block = Block(0, "0", METRICS, 2, 0, MINUTE)
        assert place(server.port, "?metrics=yes").deliver(block, EMPTY) == 0
    assert [request.path for request in server.requests] == ["/v1/metrics"]
