"""An alert as a log record of OTLP over HTTP, in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import json

from tcpconnect import __version__
from tcpconnect.alerts.alert import EVERYTHING, SOLVED
from tcpconnect.times import NANO
from tcpconnect.why import NO_FAILURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tcpconnect.alerts.alert import Notice

# Severity numbers of the data model of OpenTelemetry's logs.
INFO, WARN = (9, "INFO"), (13, "WARN")


def logs(notice: Notice, host: str) -> bytes:
    """Return a request with one record."""
    resource = {"service.name": "tcpconnect", "host.name": host}
    scope = {"name": "tcpconnect", "version": __version__}
    return json.encode(
        {
            "resourceLogs": [
                {
                    "resource": {"attributes": _attributes(resource)},
                    "scopeLogs": [{"scope": scope, "logRecords": [record(notice)]}],
                }
            ]
        }
    )


def record(notice: Notice) -> dict[str, Any]:
    """Return an alert as a log record: WARN, or INFO for what is solved."""
    alert = notice.alert
    number, text = INFO if alert.kind == SOLVED else WARN
    time = str(alert.time * NANO)
    result, _, why = alert.result.partition(" ")
    named = {
        "log.record.uid": notice.id,
        "tcpconnect.program": alert.program,
        "server.address": alert.destination if alert.destination != EVERYTHING else "",
        "server.port": alert.dport,
        "error.type": result if result not in NO_FAILURES else "",
        "tcpconnect.result": result,
        "tcpconnect.why": why,
        "tcpconnect.attempts": alert.attempts,
        "tcpconnect.failed": alert.failed,
        "tcpconnect.since": alert.since,
        "tcpconnect.quiet": alert.quiet,
        "tcpconnect.more": alert.more,
    }
    return {
        "timeUnixNano": time,
        "observedTimeUnixNano": time,
        "severityNumber": number,
        "severityText": text,
        "eventName": f"tcpconnect.destination.{alert.kind}",
        "body": {"stringValue": alert.text},
        "attributes": _attributes({k: v for k, v in named.items() if v}),
    }


def _attributes(named: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_attribute(*each) for each in named.items()]


def _attribute(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": name, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": name, "value": {"intValue": str(value)}}
    return {"key": name, "value": {"stringValue": value}}
