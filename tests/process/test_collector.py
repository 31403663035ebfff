"""What a collector that others have written makes of what it is sent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest as Logs,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest as Metrics,
)

from tcpconnect.image import Image, Place
from tcpconnect.metrics.facts import Facts
from tcpconnect.metrics.ledger import Ledger
from tcpconnect.remote.otlp import Otlp
from tcpconnect.remote.packing import encoding
from tcpconnect.remote.spool import Block
from tests.support.collectors import WITH_ROTEL, rotel
from tests.support.counted import HOSTILE, counted, notice
from tests.support.samples import connection
from tests.support.servers import Server, unpacked
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tcpconnect.remote.spool import Packed

pytestmark = pytest.mark.skipif(not WITH_ROTEL, reason="needs rotel")
MINUTE = 1_764_417_600
PLACE = Place(container="web", container_id="c0ffee" * 10, pod="shop/web", pod_uid="1f")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget those of this machine."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def parts(requests: Iterable[Any], *path: str) -> list[tuple[bytes, bytes]]:
    """Return what is at a path, with its resource, in an order of its own."""
    resources, scopes, each = path
    return sorted(
        (some.resource.SerializeToString(deterministic=True), one.SerializeToString())
        for request in requests
        for some in getattr(request, resources)
        for scope in getattr(some, scopes)
        for one in getattr(scope, each)
    )


def records(requests: Iterable[Any]) -> list[tuple[bytes, bytes]]:
    """Return log records."""
    return parts(requests, "resource_logs", "scope_logs", "log_records")


def metrics(requests: Iterable[Any]) -> list[tuple[bytes, bytes]]:
    """Return metrics."""
    return parts(requests, "resource_metrics", "scope_metrics", "metrics")


def ours(packed: Packed, kind: type[Any]) -> Any:
    """Return a request as the official classes read it."""
    name = encoding(packed.body)["Content-Encoding"]
    return Parse(unpacked(packed.body, name), kind())


def test_all_goes_through(tmp_path: Path) -> None:
    """Each record and each metric is sent on as the official classes read ours."""
    with Server() as sink, rotel(tmp_path, sink.port) as port:
        place = Otlp(f"otlp+http://127.0.0.1:{port}?metrics=yes&events=all")
        place.open()
        image = Image(exe="/usr/bin/curl", place=PLACE)
        events = [
            connection(image=image, result="OK", latency_ms=1.5, query="db"),
            connection(comm=HOSTILE, query=HOSTILE, result="ETIMEDOUT", why="dropped"),
        ]
        rows = [counted(MINUTE, "db", 3), counted(MINUTE, HOSTILE, 4, "ETIMEDOUT")]
        logs = [
            place.windows(rows, {}),
            place.single(events),
            place.losses({(MINUTE, "ring"): 3}),
            place.alert(notice(MINUTE), None),
        ]
        ledger = Ledger()
        ledger.add(events, 0)
        facts = Facts({"ring": 3}, {"x": 2}, pending=1, run_s=0.5, new=4, failing=5)
        page = ledger.page(begins_at_0=False)
        points = place.metrics(page, facts, {}, time.time_ns())
        for packed in (*logs, points):
            block = Block(0, "0", packed.kind, packed.rows, packed.attempts, MINUTE)
            assert place.deliver(block, packed.body) == 0

        def got(path: str, kind: type[Any]) -> list[Any]:
            return [
                kind.FromString(request.body)
                for request in list(sink.requests)
                if request.path == path
            ]

        expected = records(ours(packed, Logs) for packed in logs)
        wait_until(
            lambda: len(records(got("/v1/logs", Logs))) >= len(expected), "all records"
        )
        assert records(got("/v1/logs", Logs)) == expected
        wait_until(lambda: got("/v1/metrics", Metrics), "metrics")
        assert metrics(got("/v1/metrics", Metrics)) == metrics([ours(points, Metrics)])
