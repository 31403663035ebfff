"""What is sent to collectors, read back by the classes of OpenTelemetry."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import Parse
from msgspec.structs import replace
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest as Request,
)

from tcpconnect.history.rows import Key, Program, Row
from tcpconnect.image import Image, Place
from tcpconnect.remote.attributes import of_place
from tcpconnect.remote.spool import ALERTS, WINDOWS, Block
from tests.support.collected import PLACE, attributes, place
from tests.support.counted import notice
from tests.support.samples import connection
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tcpconnect.remote.spool import Packed
pytestmark = pytest.mark.usefixtures("no_proxies")

MINUTE = 1_764_417_600


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
