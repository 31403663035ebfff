"""packaging/vector.toml, otelcol.yaml and otelcol.sql: what comes out is what was sent.

Vector's programs are compiled and run by its own engine (vrl-python), statements by
ClickHouse's. Neither Vector nor the collector itself is to be had here: of their
configurations only names are compared with what their documents say.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.image import Place
from tcpconnect.remote import tables
from tcpconnect.remote.otlp import Otlp
from tests.support.clickhouse import serve_clickhouse
from tests.support.counted import HOSTILE, counted, notice
from tests.support.engines import WITH_CLICKHOUSE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.clickhouse import ClickHouse as Server

PACKAGING = Path(__file__).parents[2] / "packaging"
MINUTE = int(time.time()) // 60 * 60
WHERE = Place(container="web", container_id="c0ffee" * 10, pod="shop/web-1")
ROWS = [
    counted(MINUTE, "db", 3),
    counted(MINUTE, "10.0.0.0/24", 4, "ETIMEDOUT"),
    counted(MINUTE, HOSTILE, 5, "ECONNREFUSED"),
]
# The columns of the collector's table (its exporter's README and sqltemplates) that
# views read, or must have.
OTEL_LOGS = """
CREATE TABLE otel_logs
(
    Timestamp DateTime64(9), SeverityText LowCardinality(String), Body String,
    ResourceAttributes Map(LowCardinality(String), String),
    LogAttributes Map(LowCardinality(String), String), EventName String
)
ENGINE = MergeTree ORDER BY Timestamp"""
# What the documents of components have (version 0.140 and later).
KNOWN = {
    "extensions": {"file_storage": {"directory"}},
    "receivers": {"otlp": {"protocols"}},
    "processors": {
        "memory_limiter": {
            "check_interval",
            "limit_percentage",
            "spike_limit_percentage",
        }
    },
    "exporters": {
        "clickhouse": set(
            "endpoint database username password create_schema logs_table_name ttl "
            "async_insert timeout sending_queue retry_on_failure".split()
        )
    },
}
SINK = set(
    "type inputs endpoint database table encoding skip_unknown_fields compression auth "
    "acknowledgements batch buffer query_settings".split()
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return one with the tables of tcpconnect, and that of the collector."""
    if not WITH_CLICKHOUSE:
        pytest.skip("needs chdb-core-lite")
    with serve_clickhouse(tmp_path_factory.mktemp("clickhouse")) as found:
        found.ask(OTEL_LOGS)
        lines = (PACKAGING / "otelcol.sql").read_text().splitlines()
        text = "\n".join(line for line in lines if not line.startswith("--"))
        for statement in filter(str.strip, text.split(";\n")):
            found.ask(statement)
        yield found


def requests(host: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what an agent sends, as JSON."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", f"host.name={host}")
    place = Otlp("otlp+http://h")
    place.open()
    packed = [
        place.windows(ROWS, {("web", "shop/web-1"): WHERE}),
        place.losses({(MINUTE, "ring"): 3}),
        place.alert(notice(MINUTE), None),
    ]
    return [json.loads(gzip.decompress(each.body)) for each in packed]


def has_all(server: Server, host: str) -> None:
    """Check that the tables have of a host what its own inserts would make."""
    server.insert("window_rows", [tables.window(f"{host}-direct", x) for x in ROWS])
    asked = "SELECT * EXCEPT host FROM window_rows WHERE host = '{}' ORDER BY attempts"
    found = server.ask(asked.format(host))
    assert found == server.ask(asked.format(f"{host}-direct"))
    assert len(found) == len(ROWS)
    for table, columns, expected in (
        ("losses", "time, reason, lost", [MINUTE, "ring", 3]),
        (
            "alerts",
            "time, kind, program, destination, dport, line",
            [MINUTE, "failing", "web", "db", 5432, "web to db fails"],
        ),
    ):
        statement = f"SELECT {columns} FROM {table} WHERE host = '{host}'"  # noqa: S608
        assert server.ask(statement) == [expected]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="needs tomllib")
def test_vector(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its program makes rows of the tables."""
    import tomllib

    vrl = pytest.importorskip("vrl_python")
    configuration = tomllib.loads((PACKAGING / "vector.toml").read_text())
    assert configuration["sinks"]["clickhouse"].keys() == SINK
    program = configuration["transforms"]["rows"]["source"]
    for request in requests("vector", monkeypatch):
        more = {"path": "/v1/logs", "source_type": "http_server"}  # as the source adds
        result = vrl.VRLRuntime().execute(program, {**request, **more})
        for row in result.processed_event:
            server.insert(row.pop("table"), [row])
    has_all(server, "vector")


def text_of(value: dict[str, Any]) -> str:
    """Return a value as the collector makes it a text."""
    ((kind, found),) = value.items()
    if kind != "arrayValue":
        return str(found)
    return f"[{','.join(each['intValue'] for each in found['values'])}]"


def test_collector(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Views make them of its table."""
    rows = [
        {
            "Timestamp": f"{record['timeUnixNano'][:-9]}.{record['timeUnixNano'][-9:]}",
            "SeverityText": record["severityText"],
            "Body": text_of(record.get("body", {"stringValue": ""})),
            "EventName": record["eventName"],
            **{
                f"{name}Attributes": {
                    pair["key"]: text_of(pair["value"]) for pair in of["attributes"]
                }
                for name, of in (("Resource", some["resource"]), ("Log", record))
            },
        }
        for request in requests("otelcol", monkeypatch)
        for some in request["resourceLogs"]
        for record in some["scopeLogs"][0]["logRecords"]
    ]
    server.insert("otel_logs", rows)
    has_all(server, "otelcol")


def test_names_of_the_collector() -> None:
    """Pipelines have components that are there, and these known options."""
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load((PACKAGING / "otelcol.yaml").read_text())
    assert found.keys() == {*KNOWN, "service"}
    for kind, components in KNOWN.items():
        assert found[kind].keys() == components.keys()
        for name, options in components.items():
            assert found[kind][name].keys() == options
    service = found["service"]
    assert service["extensions"] == [*found["extensions"]]
    for pipeline in service["pipelines"].values():
        for kind, names in pipeline.items():
            assert set(names) <= found[kind].keys()
