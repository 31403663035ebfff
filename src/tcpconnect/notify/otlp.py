"""An alert as a log record of OTLP over HTTP, in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import json

from tcpconnect import __version__
from tcpconnect.alerts.alert import SOLVED
from tcpconnect.notify.event import event

if TYPE_CHECKING:
    from tcpconnect.alerts.alert import Notice

NANO = 10**9
# Severity numbers of the data model of OpenTelemetry's logs.
INFO, WARN = (9, "INFO"), (13, "WARN")


def logs(notice: Notice, host: str) -> bytes:
    """Return a request with one record: WARN, or INFO for what is solved."""
    alert = notice.alert
    number, text = INFO if alert.kind == SOLVED else WARN
    time = str(alert.time * NANO)
    record = {
        "timeUnixNano": time,
        "observedTimeUnixNano": time,
        "severityNumber": number,
        "severityText": text,
        "eventName": f"tcpconnect.{alert.kind}",
        "body": {"stringValue": alert.text},
        "attributes": [
            _attribute(f"tcpconnect.{name}", value)
            for name, value in event(notice, host).items()
            if name not in {"host", "time", "text", "examples"}
        ],
    }
    resource = {"service.name": "tcpconnect", "host.name": host}
    scope = {"name": "tcpconnect", "version": __version__}
    return json.encode(
        {
            "resourceLogs": [
                {
                    "resource": {
                        "attributes": [_attribute(*each) for each in resource.items()]
                    },
                    "scopeLogs": [{"scope": scope, "logRecords": [record]}],
                }
            ]
        }
    )


def _attribute(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": name, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": name, "value": {"intValue": str(value)}}
    return {"key": name, "value": {"stringValue": value}}
