"""Alerts as lines, and as log records of OTLP."""

from __future__ import annotations

import json

from tcpconnect.alerts.alert import Alert, Notice
from tcpconnect.notify.event import line
from tcpconnect.notify.otlp import logs

FAILING = Alert(
    kind="failing",
    time=1_764_417_660,
    text="web to db:5432 is failing: 20 of 20 attempts, ECONNREFUSED RST",
    program="web",
    destination="db",
    dport=5432,
    attempts=20,
    failed=20,
    result="ECONNREFUSED RST",
    since=1_764_417_600,
)


def test_line() -> None:
    """Times are as in all other JSON; what there is none of is left out."""
    assert json.loads(line(Notice("1f", FAILING), "here")) == {
        "alert": {
            "id": "1f",
            "host": "here",
            "kind": "failing",
            "time": "2025-11-29T12:01:00.000000000Z",
            "text": FAILING.text,
            "program": "web",
            "destination": "db",
            "dport": 5432,
            "attempts": 20,
            "failed": 20,
            "result": "ECONNREFUSED RST",
            "since": "2025-11-29T12:00:00.000000000Z",
        }
    }


def test_otlp() -> None:
    """A record of severity WARN, whose attributes have the names of conventions."""
    (resource,) = json.loads(logs(Notice("1f", FAILING), "here"))["resourceLogs"]
    attributes = resource["resource"]["attributes"]
    assert {"key": "host.name", "value": {"stringValue": "here"}} in attributes
    (scope,) = resource["scopeLogs"]
    (record,) = scope["logRecords"]
    assert (record["severityNumber"], record["severityText"]) == (13, "WARN")
    assert record["timeUnixNano"] == "1764417660000000000"
    assert record["body"] == {"stringValue": FAILING.text}
    assert record["eventName"] == "tcpconnect.destination.failing"
    values = {a["key"]: next(iter(a["value"].values())) for a in record["attributes"]}
    assert values == {
        "log.record.uid": "1f",
        "tcpconnect.program": "web",
        "server.address": "db",
        "server.port": "5432",
        "error.type": "ECONNREFUSED",
        "tcpconnect.result": "ECONNREFUSED",
        "tcpconnect.why": "RST",
        "tcpconnect.attempts": "20",
        "tcpconnect.failed": "20",
        "tcpconnect.since": "1764417600",
    }


def test_solved_is_no_warning() -> None:
    """It is INFO."""
    solved = Alert(kind="solved", time=1, text="", program="", destination="", dport=0)
    assert b'"severityText":"INFO"' in logs(Notice("1", solved), "here")
