"""What is sent to collectors, read back by the classes of OpenTelemetry."""

from __future__ import annotations

import gzip
import json
import os
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import Parse
from msgspec.structs import replace
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest as Request,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest as Metrics,
)

from tcpconnect.history.rows import Key, Program, Row
from tcpconnect.image import Image, Place
from tcpconnect.metrics.facts import Facts
from tcpconnect.metrics.ledger import BOUNDS, Ledger
from tcpconnect.remote.attributes import of_place
from tcpconnect.remote.otlp import Otlp
from tcpconnect.remote.spool import ALERTS, METRICS, WINDOWS, Block
from tcpconnect.transport.undelivered import UndeliveredError
from tests.support.counted import notice
from tests.support.samples import connection
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tcpconnect.remote.spool import Packed

EMPTY = gzip.compress(b"{}")
MINUTE = 1_764_417_600
PLACE = Place(
    cgroup="/a",
    container="web",
    container_id="0123456789ab" + "0" * 52,
    runtime="containerd",
    unit="b.scope",
    pod="shop/web-1",
    pod_uid="1f",
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget that of this machine."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def place(port: int = 4318, options: str = "") -> Otlp:
    """Return a collector on this machine."""
    made = Otlp(f"otlp+http://127.0.0.1:{port}{options}")
    made.open()
    return made


def plain(value: Any) -> Any:
    """Return a value of an attribute."""
    kind = value.WhichOneof("value")
    found = getattr(value, kind)
    return [plain(v) for v in found.values] if kind == "array_value" else found


def attributes(holder: Any) -> dict[str, Any]:
    """Return the attributes of a record, or a resource."""
    return {each.key: plain(each.value) for each in holder.attributes}


def read(packed: Packed) -> list[tuple[dict[str, Any], list[Any]]]:
    """Return the resources of a request, each with its records."""
    request = Parse(gzip.decompress(packed.body), Request())
    return [
        (attributes(some.resource), list(some.scope_logs[0].log_records))
        for some in request.resource_logs
    ]


def key(place: Place | None = None, **changes: Any) -> Key:
    """Return whose attempts a row counts."""
    where = place or Place()
    program = Program("curl", where.container or "", "u.service", where.pod or "", 1000)
    return Key(program, "db", 5432, **changes)


def row(attempts: int) -> Row:
    """Return a row of attempts."""
    return Row(
        attempts=attempts,
        latency_us=900,
        latency_max_us=600,
        latencies={2: 1, 0: 3},
        syns=5,
        address="192.0.2.1",
        query="db",
        first=MINUTE + 1,
        last=MINUTE + 59,
    )


@pytest.mark.parametrize(
    ("runtime", "name"),
    [
        ("containerd", "k8s.container.name"),
        ("cri-o", "k8s.container.name"),
        ("docker", "k8s.container.name"),
        ("podman", "container.name"),
    ],
)
def test_container_of_a_pod(runtime: str, name: str) -> None:
    """A pod's is called as the pod calls it, but podman's as podman does."""
    sent = json.loads(f"[{','.join(of_place(replace(PLACE, runtime=runtime)))}]")
    assert [e["key"] for e in sent if e["value"] == {"stringValue": "web"}] == [name]


def test_windows() -> None:
    """A row is a record, with the attributes that OpenTelemetry has names for."""
    wheres: Mapping[tuple[str, str], Place] = {("web", "shop/web-1"): PLACE}
    rows = [
        ((60, MINUTE), key(result="ECONNREFUSED", why="RST"), row(4)),
        ((60, MINUTE), key(PLACE, result="OK"), row(1)),
    ]
    packed = place().windows(rows, wheres)
    assert packed[:3] == (WINDOWS, 2, 5)
    (plain, (failed,)), (pod, (fine,)) = read(packed)
    assert "container.id" not in plain
    assert plain["service.name"] == "tcpconnect"
    assert {
        n: v for n, v in pod.items() if n.partition(".")[0] in {"container", "k8s"}
    } == {
        "container.id": PLACE.container_id,
        "k8s.container.name": "web",
        "container.runtime.name": "containerd",
        "k8s.namespace.name": "shop",
        "k8s.pod.name": "web-1",
        "k8s.pod.uid": "1f",
    }
    assert failed.time_unix_nano == MINUTE * 10**9
    assert (failed.event_name, failed.severity_text) == ("tcpconnect.window", "WARN")
    assert attributes(failed) == {
        "tcpconnect.program": "curl",
        "tcpconnect.unit": "u.service",
        "server.address": "db",
        "network.peer.address": "192.0.2.1",
        "dns.question.name": "db",
        "tcpconnect.result": "ECONNREFUSED",
        "tcpconnect.why": "RST",
        "error.type": "ECONNREFUSED",
        "process.user.id": 1000,
        "server.port": 5432,
        "tcpconnect.window_s": 60,
        "tcpconnect.attempts": 4,
        "tcpconnect.latency_us": 900,
        "tcpconnect.latency_max_us": 600,
        "tcpconnect.dns_us": 0,
        "tcpconnect.syns": 5,
        "tcpconnect.first_seen": MINUTE + 1,
        "tcpconnect.last_seen": MINUTE + 59,
        "tcpconnect.latencies": [3, 0, 1],
    }
    assert "error.type" not in attributes(fine)
    assert fine.severity_text == "INFO"


def test_single() -> None:
    """An attempt is a record, whose time is when it began."""
    image = Image(exe="/usr/bin/curl", cmdline="curl --secret", place=PLACE)
    event = connection(
        image=image,
        result="OK",
        latency_ms=1.5,
        syns=1,
        query="db",
        lport=4000,
        dns_ms=2.0,
    )
    hostile = connection(
        comm='a"\\\n\x00', query='"}]}', result="ETIMEDOUT", why="dropped"
    )
    ((pod, (first,)), (_, (second,))) = read(place().single([event, hostile]))
    assert pod["container.id"] == PLACE.container_id
    assert first.time_unix_nano == event.time
    assert first.observed_time_unix_nano == event.time + 1_500_000
    assert attributes(first) == {
        "process.user.id": 1000,
        "process.pid": 1469,
        "thread.id": 1470,
        "thread.name": "curl",
        "process.executable.path": "/usr/bin/curl",
        "tcpconnect.unit": "b.scope",
        "server.address": "db",
        "network.peer.address": "54.245.105.25",
        "network.local.address": "10.201.219.236",
        "server.port": 80,
        "tcpconnect.result": "OK",
        "tcpconnect.latency_ms": 1.5,
        "network.local.port": 4000,
        "tcpconnect.syns": 1,
        "tcpconnect.dns_ms": 2.0,
    }
    found = attributes(second)
    assert (found["thread.name"], found["server.address"]) == ('a"\\\n\x00', '"}]}')
    assert found["error.type"] == "ETIMEDOUT"
    ((_, (pending,)),) = read(place().single([connection(result="PENDING")]))
    assert "error.type" not in attributes(pending)


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


def test_losses() -> None:
    """What was lost is said, too."""
    packed = place().losses({(MINUTE, "ring"): 3})
    ((_, (record,)),) = read(packed)
    assert record.event_name == "tcpconnect.lost"
    assert attributes(record) == {"tcpconnect.reason": "ring", "tcpconnect.lost": 3}
    assert packed.attempts == 0


def test_alerts() -> None:
    """What alerts say is a record; its block has its ID."""
    packed = place().alert(notice(MINUTE, "new"), Place(pod="shop/web-1"))
    assert (packed.kind, packed.token) == (ALERTS, notice(0).id)
    ((resource, (record,)),) = read(packed)
    assert resource["host.name"] == os.uname().nodename
    assert (resource["k8s.namespace.name"], resource["k8s.pod.name"]) == (
        "shop",
        "web-1",
    )
    assert record.event_name == "tcpconnect.destination.new"
    assert (record.severity_text, record.body.string_value) == (
        "WARN",
        "web to db fails",
    )
    found = attributes(record)
    assert found["error.type"] == found["tcpconnect.result"] == "ECONNREFUSED"
    assert (found["server.address"], found["server.port"]) == ("db", 5432)


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers, compression and resource are those of OTEL_*."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20x")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    monkeypatch.setenv(
        "OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test,host.name=h"
    )
    monkeypatch.setenv("OTEL_SERVICE_NAME", "us")
    with Server(text="{}") as server:
        made = place(server.port)
        packed = made.losses({(MINUTE, "ring"): 3})
        assert made.deliver(Block(0, "0", WINDOWS, 1, 0, MINUTE), packed.body) == 0
    (request,) = server.requests
    assert request.path == "/v1/logs"
    assert request.headers["authorization"] == "Bearer x"
    assert "content-encoding" not in request.headers
    (resource,) = Parse(json.dumps(request.body), Request()).resource_logs
    found = attributes(resource.resource)
    assert (found["deployment.environment"], found["host.name"]) == ("test", "h")
    assert found["service.name"] == "us"


@pytest.mark.parametrize(
    ("partial", "refused"),
    [
        ('{"rejectedLogRecords": "1"}', 4),
        ('{"rejectedLogRecords": 3, "errorMessage": "no"}', 10),
        ('{"rejectedLogRecords": 0}', 0),
        ('{"rejectedLogRecords": null}', 0),
        ("null", 0),
    ],
)
def test_partial_success(partial: str, refused: int) -> None:
    """Rejected records are as many attempts as records have on average."""
    answer = f'{{"partialSuccess": {partial}}}'
    with Server(text=answer) as server:
        block = Block(0, "0", WINDOWS, 3, 10, MINUTE)
        assert place(server.port).deliver(block, EMPTY) == refused


@pytest.mark.parametrize("is_date", [False, True])
def test_retry_after(*, is_date: bool) -> None:
    """It is as the server says: in seconds, or as a date."""
    text = formatdate(time.time() + 70, usegmt=True) if is_date else "70"
    with Server(status=429) as server:
        server.headers["Retry-After"] = text
        with pytest.raises(UndeliveredError) as caught:
            place(server.port).deliver(Block(0, "0", WINDOWS, 1, 1, MINUTE), EMPTY)
    assert caught.value.again
    assert 60 < caught.value.after <= 70


def test_no_collector() -> None:
    """A server that answers something else is no collector."""
    with (
        Server(text="<html>") as server,
        pytest.raises(UndeliveredError, match="no OTLP"),
    ):
        place(server.port).deliver(Block(0, "0", WINDOWS, 1, 1, MINUTE), EMPTY)
