"""What is sent of an alert: a JSON object, the same for lines and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import json
from msgspec.structs import asdict

from tcpconnect.times import NANO, rfc3339

if TYPE_CHECKING:
    from tcpconnect.alerts.alert import Notice


def event(notice: Notice, host: str) -> dict[str, Any]:
    """Return an alert as an object; times are as those of ``-j``."""
    alert = notice.alert
    members = {
        name: value
        for name, value in asdict(alert).items()
        if value or name in {"program", "destination", "dport"}
    }
    members["time"] = rfc3339(alert.time * NANO)
    if alert.since:
        members["since"] = rfc3339(alert.since * NANO)
    return {"id": notice.id, "host": host, **members}


def line(notice: Notice, host: str) -> bytes:
    """Return an alert as a line of JSON."""
    return json.encode({"alert": event(notice, host)}) + b"\n"
